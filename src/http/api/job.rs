//! A job as the administration API writes it.

use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use utoipa::ToSchema;

use crate::registry;

use super::{Checked, CollectionOutcome, DeletedRepository, RestorationOutcome, Statistics};

/// Long work that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its name, a UUID.
    #[schema(format = "uuid")]
    pub id: String,
    /// What it does.
    #[schema(examples("upload-purge"))]
    pub kind: String,
    /// Where it is.
    pub state: JobState,
    /// Who asked for it, if they said who they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_by: Option<String>,
    /// When it began.
    #[schema(format = "date-time")]
    pub started_at: String,
    /// When it was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub ended_at: Option<String>,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// How far it has come.
    pub progress: JobProgress,
    /// What came of it: of one that was stopped or that failed, what was done until then, if anything was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<JobOutcome>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// It is not over.
    Running,
    /// It did all that it was to do.
    Done,
    /// Somebody stopped it.
    Stopped,
    /// It failed.
    Failed,
}

/// How far a job has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobProgress {
    /// What is being done.
    pub phase: String,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
    /// How many seconds it takes yet, if it goes on as it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<u64>,
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum JobOutcome {
    /// Of one that gathers figures.
    Statistics(Box<Statistics>),
    /// Of one that removes uploads.
    UploadPurge {
        /// Uploads that were removed, or would have been.
        removed: u64,
        /// Things that do not look like uploads and were left alone.
        unknown: u64,
    },
    /// Of one that collects garbage.
    GarbageCollection(CollectionOutcome),
    /// Of one that brings back from the trash.
    TrashRestoration(RestorationOutcome),
    /// Of one that empties the trash.
    TrashEmptying {
        /// How many batches were removed.
        batches: u64,
        /// How much content.
        blobs: u64,
        /// Its length in bytes.
        bytes: u64,
    },
    /// Of one that deletes repositories.
    RepositoryDeletion {
        /// Those that were deleted.
        repositories: Vec<DeletedRepository>,
    },
    /// Of one that looks through the volume.
    Check(Checked),
    /// Of one that removes the tags that no rule of retention keeps.
    Retention {
        /// Repositories that some rule is about.
        repositories: u64,
        /// Tags in them.
        tags: u64,
        /// Tags that were removed, or would have been.
        removed: u64,
        /// Tags that were to be removed, and stay because they were moved, removed or pulled meanwhile.
        spared: u64,
    },
}

/// Every job that is known, the one that began last first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Jobs {
    /// Those that run, and the last that are over.
    pub jobs: Vec<Job>,
}

impl From<registry::JobReport> for Job {
    fn from(report: registry::JobReport) -> Job {
        let (state, result, error) = match report.state {
            registry::JobState::Running => (JobState::Running, None, None),
            registry::JobState::Done(result) => (JobState::Done, Some(result.into()), None),
            registry::JobState::Stopped(result) => (JobState::Stopped, result.map(JobOutcome::from), None),
            registry::JobState::Failed { reason, done } => (JobState::Failed, done.map(JobOutcome::from), Some(reason)),
        };
        Job {
            id: report.id.to_string(),
            kind: report.kind.to_string(),
            state,
            started_by: report.by.name().map(str::to_owned),
            started_at: written(report.started),
            ended_at: report.ended.map(written),
            stopping: report.stopping,
            progress: JobProgress {
                phase: report.progress.phase.to_owned(),
                done: report.progress.done,
                total: report.progress.total,
                seconds_left: report.progress.left.map(|left| left.as_secs()),
            },
            result,
            error,
        }
    }
}

impl From<registry::JobResult> for JobOutcome {
    fn from(result: registry::JobResult) -> JobOutcome {
        match result {
            registry::JobResult::Statistics(found) => JobOutcome::Statistics(Box::new((*found).into())),
            registry::JobResult::UploadPurge(purged) => {
                JobOutcome::UploadPurge { removed: purged.removed as u64, unknown: purged.unknown as u64 }
            }
            registry::JobResult::GarbageCollection(result) => JobOutcome::GarbageCollection(result.into()),
            registry::JobResult::TrashRestoration(restored) => JobOutcome::TrashRestoration(restored.into()),
            registry::JobResult::TrashEmptying(emptied) => {
                JobOutcome::TrashEmptying { batches: emptied.batches, blobs: emptied.blobs, bytes: emptied.bytes }
            }
            registry::JobResult::RepositoryDeletion(deleted) => {
                let deleted = deleted.into_iter();
                let deleted =
                    deleted.map(|(name, batch)| DeletedRepository { name: name.to_string(), batch: batch.to_string() });
                JobOutcome::RepositoryDeletion { repositories: deleted.collect() }
            }
            registry::JobResult::Check(report) => JobOutcome::Check(Checked::from(&*report)),
            registry::JobResult::Retention(retained) => JobOutcome::Retention {
                repositories: retained.repositories,
                tags: retained.tags,
                removed: retained.removed,
                spared: retained.spared,
            },
        }
    }
}

/// RFC 3339, in UTC. A clock that is set before the year 0 or behind 9999 gives an empty text.
pub(super) fn written(time: SystemTime) -> String {
    OffsetDateTime::from(time).format(&Rfc3339).unwrap_or_default()
}
