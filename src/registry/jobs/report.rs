//! What is said of a job.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::SystemTime;

use uuid::Uuid;

use crate::oci::RepositoryName;
use crate::registry::{Actor, BatchId, CheckReport, CollectionResult, Emptied, Purged, Restored, Retained, Statistics};

use super::ProgressNow;

/// The name of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct JobId(Uuid);

/// A text is no job's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a job's name is a UUID, as in the answer that began it; wharf jobs list names those that there are")]
pub struct JobIdError;

impl JobId {
    pub(super) fn random() -> JobId {
        JobId(Uuid::new_v4())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = JobIdError;

    /// In the one form in which it is written.
    fn from_str(text: &str) -> Result<Self, JobIdError> {
        let id = Uuid::try_parse(text).map_err(|_| JobIdError)?;
        if id.to_string() == text { Ok(JobId(id)) } else { Err(JobIdError) }
    }
}

/// What a job does. One of each kind runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Gathers figures of what is held.
    Statistics,
    /// Removes uploads that nobody finished.
    UploadPurge,
    /// Collects garbage.
    GarbageCollection,
    /// Brings back from the trash.
    TrashRestoration,
    /// Empties the trash.
    TrashEmptying,
    /// Deletes repositories.
    RepositoryDeletion,
    /// Looks through the volume, and repairs it if that is asked for.
    Check,
    /// Removes the tags that no rule of retention keeps.
    Retention,
}

impl JobKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Statistics => "statistics",
            JobKind::UploadPurge => "upload-purge",
            JobKind::GarbageCollection => "garbage-collection",
            JobKind::TrashRestoration => "trash-restoration",
            JobKind::TrashEmptying => "trash-emptying",
            JobKind::RepositoryDeletion => "repository-deletion",
            JobKind::Check => "check",
            JobKind::Retention => "retention",
        }
    }
}

impl fmt::Display for JobKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What came of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobResult {
    /// Of one that gathers figures.
    Statistics(Box<Statistics>),
    /// Of one that removes uploads.
    UploadPurge(Purged),
    /// Of one that collects garbage.
    GarbageCollection(CollectionResult),
    /// Of one that brings back from the trash.
    TrashRestoration(Restored),
    /// Of one that empties the trash.
    TrashEmptying(Emptied),
    /// Of one that deletes repositories: each with the batch of the trash that has it.
    RepositoryDeletion(Vec<(RepositoryName, BatchId)>),
    /// Of one that looks through the volume.
    Check(Arc<CheckReport>),
    /// Of one that removes tags.
    Retention(Retained),
}

impl JobResult {
    /// Leaves figures, and nothing of which there may be many.
    fn keep_figures(&mut self) {
        match self {
            JobResult::UploadPurge(_)
            | JobResult::TrashEmptying(_)
            | JobResult::Retention(_)
            | JobResult::Statistics(_) => {}
            JobResult::GarbageCollection(result) => {
                result.unnamed += result.gone.len() as u64;
                result.gone = Arc::new([]);
            }
            JobResult::TrashRestoration(restored) => {
                restored.repositories.clear();
                restored.lost.clear();
            }
            JobResult::RepositoryDeletion(deleted) => deleted.clear(),
            JobResult::Check(report) => *report = Arc::new(report.figures()),
        }
    }
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is not over.
    Running,
    /// It did all that it was to do.
    Done(JobResult),
    /// Somebody stopped it; this much was done, if it had begun.
    Stopped(Option<JobResult>),
    /// It failed.
    Failed {
        /// Why.
        reason: String,
        /// What was done before, if that is known.
        done: Option<JobResult>,
    },
}

impl JobState {
    /// Leaves figures of what was done, and nothing of which there may be many.
    pub fn keep_figures(&mut self) {
        match self {
            JobState::Done(result) | JobState::Stopped(Some(result)) | JobState::Failed { done: Some(result), .. } => {
                result.keep_figures()
            }
            JobState::Running | JobState::Stopped(None) | JobState::Failed { done: None, .. } => {}
        }
    }

    /// Its name.
    pub fn as_str(&self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Done(_) => "done",
            JobState::Stopped(_) => "stopped",
            JobState::Failed { .. } => "failed",
        }
    }
}

/// A job at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobReport {
    /// Its name.
    pub id: JobId,
    /// What it does.
    pub kind: JobKind,
    /// Who asked for it.
    pub by: Actor,
    /// When it began.
    pub started: SystemTime,
    /// When it was over, if it is.
    pub ended: Option<SystemTime>,
    /// Whether it was asked to stop.
    pub stopping: bool,
    /// How far it has come.
    pub progress: ProgressNow,
    /// Where it is.
    pub state: JobState,
}
