//! What a volume holds, in figures, as a job.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::HttpError;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::oci::RepositoryName;
use crate::registry::{self, Effort, Reclaimable, StatisticsTerms};

use super::{Job, Quota, body, jobs};

/// Which figures are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatisticsRequest {
    /// Only of this namespace: the repository of this name and all below it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, examples("team"))]
    pub namespace: Option<RepositoryName>,
    /// How busy the work may be, in percent of the time. Without it, as busy as a collection of garbage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 100)]
    pub effort: Option<u8>,
}

/// A repository's share of something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RepositoryShare {
    /// The repository.
    pub repository: String,
    /// How much, in bytes.
    pub bytes: u64,
}

/// What a volume, or a namespace, holds. What something holds is the content that its links lead to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistics {
    /// The namespace, if only that was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Repositories that hold anything.
    pub repositories: u64,
    /// Tags that point somewhere.
    pub tags: u64,
    /// Different manifests.
    pub manifests: u64,
    /// Different blobs.
    pub blobs: u64,
    /// The length of all different manifests and blobs together, in bytes.
    pub bytes: u64,
    /// The same summed over the repositories: what would be stored without sharing.
    pub unshared_bytes: u64,
    /// What sharing saves, in percent of that, rounded down.
    pub saved_percent: u64,
    /// The ten largest repositories.
    pub largest: Vec<RepositoryShare>,
    /// The ten repositories that have come to hold the most within the last seven days, by the times of their links.
    pub growing7_days: Vec<RepositoryShare>,
    /// The same within thirty days.
    pub growing30_days: Vec<RepositoryShare>,
    /// Uploads under way.
    pub uploads: u64,
    /// What else there is, if the whole volume was looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<Volume>,
    /// How much of their quotas namespaces use.
    pub quotas: Vec<Quota>,
}

/// What is said of a volume as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Volume {
    /// All content in its place, whether or not any repository holds it, in bytes.
    pub stored_bytes: u64,
    /// Batches in the trash.
    pub trash_batches: u64,
    /// The content in them, in bytes.
    pub trash_bytes: u64,
    /// What a collection of garbage would move into the trash now, in bytes; absent if that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaimable_bytes: Option<u64>,
    /// Why that cannot be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reclaimable_unknown: Option<String>,
}

impl From<registry::Share> for RepositoryShare {
    fn from(share: registry::Share) -> RepositoryShare {
        RepositoryShare { repository: share.repository.to_string(), bytes: share.bytes.0 }
    }
}

impl From<registry::Volume> for Volume {
    fn from(volume: registry::Volume) -> Volume {
        let (reclaimable_bytes, reclaimable_unknown) = match volume.reclaimable {
            Reclaimable::Bytes(bytes) => (Some(bytes.0), None),
            Reclaimable::Unknown(reason) => (None, Some(reason)),
        };
        Volume {
            stored_bytes: volume.stored.0,
            trash_batches: volume.trash_batches,
            trash_bytes: volume.trash.0,
            reclaimable_bytes,
            reclaimable_unknown,
        }
    }
}

impl From<registry::Statistics> for Statistics {
    fn from(found: registry::Statistics) -> Statistics {
        let shares = |shares: Vec<registry::Share>| shares.into_iter().map(RepositoryShare::from).collect();
        let saved = u128::from(found.unshared.0.saturating_sub(found.bytes.0)) * 100;
        Statistics {
            namespace: found.below.map(|below| below.to_string()),
            repositories: found.repositories,
            tags: found.tags,
            manifests: found.manifests,
            blobs: found.blobs,
            bytes: found.bytes.0,
            unshared_bytes: found.unshared.0,
            saved_percent: u64::try_from(saved / u128::from(found.unshared.0.max(1))).unwrap_or_default(),
            largest: shares(found.largest),
            growing7_days: shares(found.growing_7_days),
            growing30_days: shares(found.growing_30_days),
            uploads: found.uploads,
            volume: found.volume.map(Volume::from),
            quotas: found.quotas.into_iter().map(Quota::from).collect(),
        }
    }
}

#[utoipa::path(
    post,
    path = "/api/v1/stats",
    operation_id = "gatherStatistics",
    summary = "Begin a job that gathers figures of what is held",
    tag = "jobs",
    request_body(content = StatisticsRequest, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn post(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let StatisticsRequest { namespace, effort } = body::read(request, body).await?;
    let effort = match effort {
        None => app.registry.settings().collection.effort,
        Some(percent) => Effort::percent(percent).ok_or_else(|| {
            HttpError::Body(serde::de::Error::custom("effort: a whole number from 1 to 100, in percent of the time"))
        })?,
    };
    jobs::begun(app, app.registry.start_statistics(admitted.actor(), StatisticsTerms { below: namespace, effort })?)
}
