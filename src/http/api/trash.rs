//! The trash: what is in it, bringing it back, emptying it.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::http::reply::Reply;
use crate::registry::{BatchId, Contents, Restored, TrashedBy};

use super::{Job, Span, body, job, jobs};

/// Everything that is in the trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trash {
    /// The length of the content that is in it, in bytes. It is free again when the trash is emptied.
    pub bytes: u64,
    /// What each action has removed, the oldest first.
    pub batches: Vec<TrashBatch>,
}

/// What one action has removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TrashBatch {
    /// Its name.
    #[schema(examples("20261127T232024.123Z-1f2e3d4c"))]
    pub id: String,
    /// When that was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub at: Option<String>,
    /// Who asked for it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What was done: `collection`, `manifest-deletion`, `repository-deletion` or `retention`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// The line of its log, from 1, behind which nobody knows what is in it: it cannot be read. Such a batch is never emptied,
    /// but stays until somebody removes its directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub damaged: Option<u64>,
    /// When it is emptied by itself; that of a collection not before a later one has come to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub kept_until: Option<String>,
    /// The repositories of which something is in it, the first 20 of them.
    pub repositories: Vec<String>,
    /// How many manifests are in it, not counted those of repositories that were deleted as a whole.
    pub manifests: u64,
    /// How much content is in it.
    pub blobs: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What is to be removed for good.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TrashEmptying {
    /// Only this batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, pattern = "^[0-9]{8}T[0-9]{6}\\.[0-9]{3}Z-[0-9a-f]{8}$")]
    pub batch: Option<BatchId>,
    /// Only what was removed so long ago. Without it, everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Span>,
}

/// What was brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestorationOutcome {
    /// Repositories that were deleted as a whole.
    pub repositories: Vec<String>,
    /// How many manifests of others.
    pub manifests: u64,
    /// How many tags of these.
    pub tags: u64,
    /// How much content.
    pub blobs: u64,
    /// What could not be brought back, as `repository@digest`, because its content is gone for good: manifests, and what a
    /// manifest that came back without its tags refers to. The batch stays.
    pub lost: Vec<String>,
}

impl From<Restored> for RestorationOutcome {
    fn from(restored: Restored) -> RestorationOutcome {
        RestorationOutcome {
            repositories: restored.repositories.iter().map(ToString::to_string).collect(),
            manifests: restored.manifests,
            tags: restored.tags,
            blobs: restored.blobs,
            lost: restored.lost.iter().map(|(repository, digest)| format!("{repository}@{digest}")).collect(),
        }
    }
}

#[utoipa::path(
    get,
    path = "/api/v1/trash",
    operation_id = "listTrash",
    summary = "What is in the trash",
    tag = "trash",
    responses((status = 200, description = "What each action has removed, the oldest first", body = Trash))
)]
pub(super) async fn list(app: &App) -> Answer {
    let keep = app.registry.settings().trash_keep;
    let batch = |contents: Contents| {
        let action = contents.action;
        let kept = action.as_ref().filter(|_| contents.damaged.is_none());
        TrashBatch {
            id: contents.id.to_string(),
            at: action.as_ref().map(|action| job::written(action.at.into())),
            by: action.as_ref().and_then(|action| action.by.name().map(str::to_owned)),
            what: action.as_ref().map(|action| what(action.what).to_owned()),
            damaged: contents.damaged,
            kept_until: kept.map(|action| job::written(std::time::SystemTime::from(action.at) + keep)),
            repositories: contents.repositories.iter().map(ToString::to_string).collect(),
            manifests: contents.manifests,
            blobs: contents.blobs,
            bytes: contents.bytes,
        }
    };
    let batches: Vec<TrashBatch> = app.registry.trash().await?.into_iter().map(batch).collect();
    let bytes = batches.iter().map(|batch| batch.bytes).sum();
    Ok(Reply::json(super::JSON, &Trash { bytes, batches }).done())
}

fn what(what: TrashedBy) -> &'static str {
    match what {
        TrashedBy::Collection => "collection",
        TrashedBy::ManifestDeletion => "manifest-deletion",
        TrashedBy::RepositoryDeletion => "repository-deletion",
        TrashedBy::Retention => "retention",
    }
}

#[utoipa::path(
    post,
    path = "/api/v1/trash/{batch}/restoration",
    operation_id = "restoreBatch",
    summary = "Begin a job that brings a batch back; what was put in its place since then stays",
    tag = "trash",
    params(("batch" = String, Path, description = "The batch's name")),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) fn restore(app: &App, admitted: &Admitted, id: BatchId) -> Answer {
    jobs::begun(app, app.registry.start_restoration(admitted.actor(), id)?)
}

#[utoipa::path(
    post,
    path = "/api/v1/trash-emptyings",
    operation_id = "emptyTrash",
    summary = "Begin a job that removes for good what is in the trash",
    tag = "trash",
    request_body(content = TrashEmptying, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn empty(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let asked: TrashEmptying = body::read(request, body).await?;
    let keep = asked.older_than.map_or(std::time::Duration::ZERO, Span::duration);
    jobs::begun(app, app.registry.start_emptying(admitted.actor(), asked.batch, keep)?)
}
