//! Uploads that nobody finished go away (`storage.maintenance.uploadpurging`).

use std::error::Error;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::{info, warn};

use crate::oci::RepositoryName;

use super::{Actor, Ended, JobHandle, JobKind, JobReport, JobResult, Registry, Result, UploadId, layout};

/// What a purge did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Uploads that were removed, or would have been.
    pub removed: usize,
    /// Things that do not look like uploads and were left alone.
    pub unknown: usize,
}

impl Registry {
    /// Removes the uploads that began more than `age` before `now`. What does not look like an upload is left alone.
    ///
    /// Against a request that works on the upload: the claim makes the request stop and waits for it. A week-old upload
    /// that is still being sent has stalled or is abused; its client is told that the upload is gone.
    pub async fn purge_uploads(&self, now: SystemTime, age: Duration, dry_run: bool) -> Result<Purged> {
        self.purge(now, age, dry_run, None).await?.whole()
    }

    /// The same as a job.
    ///
    /// # Errors
    ///
    /// When one runs already, or the registry is read-only.
    pub fn start_upload_purge(&self, by: Actor, age: Duration, dry_run: bool) -> Result<JobReport> {
        self.allow_writing()?;
        let registry = self.clone();
        self.start_job(JobKind::UploadPurge, by, move |job| async move {
            let purged = registry.purge(registry.clock.now(), age, dry_run, Some(&job)).await?;
            Ok(purged.map(JobResult::UploadPurge))
        })
    }

    async fn purge(
        &self,
        now: SystemTime,
        age: Duration,
        dry_run: bool,
        job: Option<&JobHandle>,
    ) -> Result<Ended<Purged>> {
        self.allow_writing()?;
        let mut purged = Purged::default();
        let mut walk = self.walk_uploads();
        if let Some(job) = job {
            job.progress.enter("looking at uploads", None);
        }
        while let Some(repository) = walk.next(self).await? {
            for entry in self.storage.list(&layout::uploads(&repository), None, usize::MAX).await? {
                if let Some(job) = job {
                    if job.stop.is_cancelled() {
                        return Ok(Ended::Stopped(purged));
                    }
                    job.progress.advance(1);
                }
                let name = entry.name.strip_suffix(layout::SMALL).unwrap_or(&entry.name);
                let Ok(id) = name.parse::<UploadId>() else {
                    purged.unknown += 1;
                    continue;
                };
                match self.upload_age(&repository, &id, now).await {
                    Some(found) if found <= age => continue,
                    Some(_) => {}
                    None => {
                        warn!(%repository, upload = %id, "an upload does not say when it began; it is left alone");
                        purged.unknown += 1;
                        continue;
                    }
                }
                info!(%repository, upload = %id, dry_run, "purging an abandoned upload");
                purged.removed += 1;
                if !dry_run {
                    let _claim = self.sessions.claim(&repository, id).await;
                    if let Err(error) = self.discard_all(&repository, id).await {
                        warn!(%repository, upload = %id, error = &error as &dyn Error, "an abandoned upload cannot be removed");
                    }
                }
            }
        }
        Ok(Ended::Whole(purged))
    }

    /// Since when the upload is there: as it says itself, or, where that was cut short, as anything of it says.
    async fn upload_age(&self, repository: &RepositoryName, id: &UploadId, now: SystemTime) -> Option<Duration> {
        let key = layout::upload_started(repository, id);
        if let Ok(written) = self.storage.get(&key).await
            && let Some(started) =
                std::str::from_utf8(&written).ok().and_then(|text| OffsetDateTime::parse(text.trim(), &Rfc3339).ok())
        {
            return Some(now.duration_since(SystemTime::from(started)).unwrap_or_default());
        }
        for key in [key, layout::upload_small(repository, id), layout::upload_data(repository, id)] {
            if let Ok(meta) = self.storage.stat(&key).await {
                return Some(now.duration_since(meta.modified?).unwrap_or_default());
            }
        }
        None
    }
}

#[cfg(test)]
#[path = "upload_purge_tests.rs"]
mod tests;
