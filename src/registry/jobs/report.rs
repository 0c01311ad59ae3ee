//! What is said of a job.

use std::fmt;
use std::str::FromStr;
use std::time::SystemTime;

use uuid::Uuid;

use crate::registry::{Actor, Purged, Statistics};

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
}

impl JobKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            JobKind::Statistics => "statistics",
            JobKind::UploadPurge => "upload-purge",
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
}

/// Where a job is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It is not over.
    Running,
    /// It did all that it was to do.
    Done(JobResult),
    /// Somebody stopped it; this much was done.
    Stopped(JobResult),
    /// It failed, for this reason.
    Failed(String),
}

impl JobState {
    /// Its name.
    pub fn as_str(&self) -> &'static str {
        match self {
            JobState::Running => "running",
            JobState::Done(_) => "done",
            JobState::Stopped(_) => "stopped",
            JobState::Failed(_) => "failed",
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
