//! Collecting garbage, as a job.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::registry::{CollectionResult, CollectionTerms, Going, Untagged, Why};

use super::{Job, Percent, Span, body, job, jobs};

/// On which terms garbage is to be collected.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GarbageCollection {
    /// Whether it is only said what would go.
    #[serde(default)]
    pub dry_run: bool,
    /// Whether every manifest goes to which no tag leads, whenever it lost its tag.
    #[serde(default)]
    pub delete_untagged: bool,
    /// What was pushed within this time is left alone. Without it, what `storage.maintenance.garbagecollection.grace` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace: Option<Span>,
    /// How busy the registry may be with it, in percent of the time. Without it, what
    /// `storage.maintenance.garbagecollection.effort` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 100)]
    pub effort: Option<Percent>,
}

/// What a collection has found and done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CollectionOutcome {
    /// Whether it is only said what would go.
    pub dry_run: bool,
    /// Repositories that were looked at.
    pub repositories: u64,
    /// Tags in them.
    pub tags: u64,
    /// Manifests that stay, counted in each repository.
    pub manifests_kept: u64,
    /// Of these, manifests to which no tag leads.
    pub untagged_kept: u64,
    /// Different content that something refers to.
    pub marked: u64,
    /// Manifests that went, or would go, counted in each repository.
    pub manifests: u64,
    /// Content that went, or would go.
    pub blobs: u64,
    /// Its length in bytes.
    pub bytes: u64,
    /// Content to which nothing leads, and which stays because it is young.
    pub young_blobs: u64,
    /// Its length in bytes.
    pub young_bytes: u64,
    /// Links to blobs that went, or would go.
    pub links: u64,
    /// Repositories that went, or would go, because they hold nothing.
    pub emptied_repositories: u64,
    /// The batch of the trash that has what went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// What went, or would go, the first thousand of it.
    pub gone: Vec<Gone>,
    /// How much more went, or would go.
    pub unnamed: u64,
}

/// Something that went, or would go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Gone {
    /// A repository's manifest.
    Manifest {
        /// The repository.
        repository: String,
        /// The manifest.
        digest: String,
        /// Why.
        why: String,
        /// Since when no tag leads to it.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(format = "date-time")]
        since: Option<String>,
    },
    /// Content that no manifest refers to.
    Blob {
        /// Its digest.
        digest: String,
        /// Its length in bytes.
        size: u64,
    },
    /// A repository that holds nothing.
    Repository {
        /// Its name.
        repository: String,
    },
}

impl From<&Going> for Gone {
    fn from(going: &Going) -> Gone {
        match going {
            Going::Manifest { repository, digest, why } => {
                let (said, since) = match why {
                    Why::Untagged { since: Some(since) } => ("no tag has led to it since".to_owned(), Some(*since)),
                    Why::Untagged { since: None } => ("no tag leads to it".to_owned(), None),
                    Why::With(other) => (format!("it belongs to {other}, which goes"), None),
                };
                let since = since.map(job::written);
                Gone::Manifest { repository: repository.to_string(), digest: digest.to_string(), why: said, since }
            }
            Going::Blob { digest, size } => Gone::Blob { digest: digest.to_string(), size: *size },
            Going::Repository(repository) => Gone::Repository { repository: repository.to_string() },
        }
    }
}

impl From<CollectionResult> for CollectionOutcome {
    fn from(result: CollectionResult) -> CollectionOutcome {
        let CollectionResult { dry_run, collected, gone, unnamed } = result;
        CollectionOutcome {
            dry_run,
            repositories: collected.repositories,
            tags: collected.tags,
            manifests_kept: collected.manifests_kept,
            untagged_kept: collected.untagged_kept,
            marked: collected.marked,
            manifests: collected.manifests,
            blobs: collected.swept,
            bytes: collected.bytes,
            young_blobs: collected.young,
            young_bytes: collected.young_bytes,
            links: collected.links,
            emptied_repositories: collected.emptied,
            batch: collected.batch.map(|batch| batch.to_string()),
            gone: gone.iter().map(Gone::from).collect(),
            unnamed,
        }
    }
}

#[utoipa::path(
    post,
    path = "/api/v1/garbage-collections",
    operation_id = "collectGarbage",
    summary = "Begin a job that moves into the trash what nothing leads to any more",
    tag = "jobs",
    request_body(content = GarbageCollection, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn post(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let asked: GarbageCollection = body::read(request, body).await?;
    let configured = app.registry.settings().collection;
    let terms = CollectionTerms {
        grace: asked.grace.map_or(configured.grace, Span::duration),
        untagged: if asked.delete_untagged { Untagged::Go } else { configured.untagged },
        dry_run: asked.dry_run,
    };
    let effort = asked.effort.map_or(configured.effort, |percent| percent.0);
    jobs::begun(app, app.registry.start_collection(admitted.actor(), terms, effort)?)
}
