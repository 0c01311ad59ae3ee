//! Emptying the trash and bringing back from it, as jobs.

use std::time::Duration;

use crate::oci::RepositoryName;
use crate::registry::{Actor, Ended, JobHandle, JobKind, JobReport, JobResult, Registry, RegistryError, Result};

use super::{BatchId, Emptied, Emptying};

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
            let restored = registry.restore_until(&id, &who, &job.stop).await?;
            Ok(restored.map(JobResult::TrashRestoration))
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
            let mut emptied = Emptied::default();
            let which = which.as_ref().map_or(Emptying::All, Emptying::One);
            let ended = registry.empty_into(which, keep, now, &job.stop, &mut emptied).await;
            Ok(Ended::of(JobResult::TrashEmptying(emptied), ended))
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
            let ended = registry.delete_below(&top, &who, &job, &mut deleted).await;
            if ended.is_ok() && deleted.is_empty() {
                return Err(registry.repository_unknown(&top).await);
            }
            // However it ends: those that were deleted can be brought back by their batches, which nobody else knows.
            Ok(Ended::of(JobResult::RepositoryDeletion(deleted), ended))
        })
    }

    async fn delete_below(
        &self,
        top: &RepositoryName,
        by: &Actor,
        job: &JobHandle,
        deleted: &mut Vec<(RepositoryName, BatchId)>,
    ) -> Result<()> {
        let mut walk = self.walk_below(top);
        while let Some(name) = walk.next(self).await? {
            if job.stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            match self.delete_repository(&name, by).await {
                Ok(batch) => deleted.push((name, batch)),
                // Somebody was first.
                Err(RegistryError::RepositoryUnknown { .. }) => {}
                Err(error) => return Err(error),
            }
            job.progress.advance(1);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "job_tests.rs"]
mod tests;
