//! Emptying the trash and bringing back from it, as jobs.

use std::time::Duration;

use crate::oci::RepositoryName;
use crate::registry::{Actor, Ended, JobKind, JobReport, JobResult, Registry, RegistryError, Result};

use super::BatchId;

impl Registry {
    /// Brings a batch back, as a job.
    ///
    /// # Errors
    ///
    /// When another is brought back, or the registry is read-only.
    pub fn start_restoration(&self, by: Actor, id: BatchId) -> Result<JobReport> {
        self.allow_writing()?;
        let registry = self.clone();
        let who = by.clone();
        self.start_job(JobKind::TrashRestoration, by, move |job| async move {
            job.progress.enter("bringing back", None);
            Ok(Ended::Whole(JobResult::TrashRestoration(registry.restore_batch(&id, &who).await?)))
        })
    }

    /// Removes for good what is older than that in the trash, or one batch, as a job.
    ///
    /// # Errors
    ///
    /// When the trash is being emptied, or the registry is read-only.
    pub fn start_emptying(&self, by: Actor, which: Option<BatchId>, keep: Duration) -> Result<JobReport> {
        self.allow_writing()?;
        let registry = self.clone();
        self.start_job(JobKind::TrashEmptying, by, move |job| async move {
            job.progress.enter("removing for good", None);
            let now = registry.clock.now();
            Ok(Ended::Whole(JobResult::TrashEmptying(
                registry.empty_trash(which.as_ref(), keep, now, &job.stop).await?,
            )))
        })
    }

    /// Deletes a repository and every one below it, as a job.
    ///
    /// # Errors
    ///
    /// When others are being deleted, or deleting is not allowed.
    pub fn start_deletion(&self, by: Actor, top: RepositoryName) -> Result<JobReport> {
        self.allow_deleting()?;
        let registry = self.clone();
        let who = by.clone();
        self.start_job(JobKind::RepositoryDeletion, by, move |job| async move {
            job.progress.enter("deleting repositories", None);
            let mut deleted = Vec::new();
            let mut walk = registry.walk_below(&top);
            while let Some(name) = walk.next(&registry).await? {
                if job.stop.is_cancelled() {
                    return Ok(Ended::Stopped(JobResult::RepositoryDeletion(deleted)));
                }
                match registry.delete_repository(&name, &who).await {
                    Ok(batch) => deleted.push((name, batch)),
                    // Somebody was first.
                    Err(RegistryError::RepositoryUnknown { .. }) => {}
                    Err(error) => return Err(error),
                }
                job.progress.advance(1);
            }
            match deleted.is_empty() {
                true => Err(registry.repository_unknown(&top).await),
                false => Ok(Ended::Whole(JobResult::RepositoryDeletion(deleted))),
            }
        })
    }
}
