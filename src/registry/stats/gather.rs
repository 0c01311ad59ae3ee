//! Walking over everything for its figures.

use std::collections::HashSet;
use std::time::SystemTime;

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::registry::effort::Pacer;
use crate::registry::usage::{Pace, Part, Sizes, is_within};
use crate::registry::{
    Actor, ByteSize, CollectionTerms, Ended, JobHandle, JobKind, JobReport, JobResult, Registry, RegistryError, Result,
    Unfollowed, UploadId, layout,
};

use super::{LATELY, Reclaimable, Share, Statistics, StatisticsTerms, Volume, rank};

/// What was seen so far.
#[derive(Default)]
struct Seen {
    figures: Statistics,
    /// All content that any repository holds.
    sizes: Sizes,
}

impl Registry {
    /// Begins a job that gathers figures of what is held.
    ///
    /// # Errors
    ///
    /// When one runs already.
    pub fn start_statistics(&self, by: Actor, terms: StatisticsTerms) -> Result<JobReport> {
        let registry = self.clone();
        self.start_job(JobKind::Statistics, by.clone(), move |job| async move {
            let mut seen = Seen::default();
            seen.figures.below.clone_from(&terms.below);
            let gathered = registry.gather(&by, &terms, &job, &mut seen).await;
            seen.figures.bytes = ByteSize(seen.sizes.total());
            let result = JobResult::Statistics(Box::new(seen.figures));
            match gathered {
                Ok(()) => Ok(Ended::Whole(result)),
                Err(RegistryError::Stopped) => Ok(Ended::Stopped(result)),
                Err(error) => Err(error),
            }
        })
    }

    async fn gather(&self, by: &Actor, terms: &StatisticsTerms, job: &JobHandle, seen: &mut Seen) -> Result<()> {
        let is_over = || job.stop.is_cancelled();
        let mut pace = Pace { pacer: Pacer::new(self.clock.as_ref(), terms.effort), is_over: &is_over };
        job.progress.enter("reading repositories", None);
        let now = self.clock.now();
        let mut walk = match &terms.below {
            Some(below) => {
                self.add_repository(below, now, &mut pace, seen).await?;
                self.walk_strictly_below(below)
            }
            None => self.walk_everything(),
        };
        while let Some(repository) = walk.next(self).await? {
            self.add_repository(&repository, now, &mut pace, seen).await?;
            job.progress.advance(1);
            pace.breathe().await?;
        }
        let is_meant = |name: &RepositoryName| terms.below.as_ref().is_none_or(|below| is_within(name, below));
        // Those that are on disk were counted with their repositories.
        let remembered = self.sessions.without_directory();
        for (repository, id) in remembered.iter().filter(|(repository, _)| is_meant(repository)) {
            let small = layout::upload_small(repository, id);
            seen.figures.uploads += u64::from(self.storage.stat(&small).await.is_err());
        }
        if terms.below.is_none() {
            seen.figures.volume = Some(self.whole_volume(by, terms, job, &mut pace, &seen.sizes).await?);
        }
        job.progress.enter("counting quotas", None);
        job.stop.run_until_cancelled(self.count_quotas()).await.ok_or(RegistryError::Stopped)??;
        seen.figures.quotas = self.quotas_known();
        seen.figures.quotas.retain(|quota| is_meant(&quota.namespace));
        Ok(())
    }

    async fn add_repository(
        &self,
        repository: &RepositoryName,
        now: SystemTime,
        pace: &mut Pace<'_>,
        seen: &mut Seen,
    ) -> Result<()> {
        let (mut own, mut lately) = (HashSet::new(), [0_u64; LATELY.len()]);
        let mut bytes = 0_u64;
        for linked in self.linked(repository, pace).await? {
            let size = match seen.sizes.get(&linked.target) {
                Some(size) => size,
                None => match self.size_of(&linked.target).await? {
                    Some(size) => size,
                    // A link that leads nowhere holds nothing.
                    None => continue,
                },
            };
            if !own.insert(linked.target) {
                continue;
            }
            bytes = bytes.saturating_add(size);
            // What says that it comes from tomorrow is new.
            let age = linked.since.map(|since| now.duration_since(since).unwrap_or_default());
            for (grown, span) in lately.iter_mut().zip(LATELY) {
                if age.is_some_and(|age| age <= span) {
                    *grown = grown.saturating_add(size);
                }
            }
            if seen.sizes.insert(&linked.target, size) {
                match linked.part {
                    Part::Manifest => seen.figures.manifests += 1,
                    Part::Blob => seen.figures.blobs += 1,
                }
            }
        }
        let figures = &mut seen.figures;
        figures.repositories += u64::from(!own.is_empty());
        figures.unshared = ByteSize(figures.unshared.0.saturating_add(bytes));
        let share = |bytes| Share { repository: repository.clone(), bytes: ByteSize(bytes) };
        rank(&mut figures.largest, share(bytes));
        rank(&mut figures.growing_7_days, share(lately[0]));
        rank(&mut figures.growing_30_days, share(lately[1]));
        figures.tags += self.tags_in(repository, pace).await?;
        figures.uploads += self.uploads_in(repository).await?;
        Ok(())
    }

    async fn tags_in(&self, repository: &RepositoryName, pace: &mut Pace<'_>) -> Result<u64> {
        let mut tags = 0;
        for name in self.names(&layout::tags(repository)).await? {
            pace.breathe().await?;
            let Ok(tag) = name.parse::<Tag>() else { continue };
            match self.storage.stat(&layout::tag_current(repository, &tag)).await {
                Ok(meta) => tags += u64::from(meta.size > 0),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(tags)
    }

    /// The uploads that are on disk.
    async fn uploads_in(&self, repository: &RepositoryName) -> Result<u64> {
        let names = self.names(&layout::uploads(repository)).await?;
        let ids = names.iter().filter_map(|name| name.strip_suffix(layout::SMALL).unwrap_or(name).parse().ok());
        Ok(ids.collect::<HashSet<UploadId>>().len() as u64)
    }

    async fn whole_volume(
        &self,
        by: &Actor,
        terms: &StatisticsTerms,
        job: &JobHandle,
        pace: &mut Pace<'_>,
        held: &Sizes,
    ) -> Result<Volume> {
        let mut volume = Volume { stored: ByteSize(self.all_stored(job, pace, held).await?), ..Volume::default() };
        job.progress.enter("reading the trash", None);
        for batch in self.trash().await? {
            volume.trash_batches += 1;
            volume.trash.0 = volume.trash.0.saturating_add(batch.bytes);
        }
        job.progress.enter("looking for garbage", None);
        let collection = self.settings.collection;
        let dry = CollectionTerms { grace: collection.grace, untagged: collection.untagged, dry_run: true };
        volume.reclaimable = match self.collect(dry, terms.effort, by, &Unfollowed, &job.stop).await {
            Ok(collected) if !collected.stopped => Reclaimable::Bytes(ByteSize(collected.bytes)),
            Ok(_) if job.stop.is_cancelled() => return Err(RegistryError::Stopped),
            Ok(_) => {
                Reclaimable::Unknown("it was interrupted, because something was restored from the trash".to_owned())
            }
            Err(RegistryError::Stopped) => return Err(RegistryError::Stopped),
            // The figures are worth having all the same.
            Err(error) => Reclaimable::Unknown(error.to_string()),
        };
        Ok(volume)
    }

    /// The length of all content that is in its place.
    async fn all_stored(&self, job: &JobHandle, pace: &mut Pace<'_>, held: &Sizes) -> Result<u64> {
        let mut directories = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.names(&layout::blobs(algorithm)).await?;
            directories.extend(names.into_iter().map(|name| (algorithm, name)));
        }
        job.progress.enter("reading contents", Some(directories.len() as u64));
        let mut stored = 0_u64;
        for (algorithm, directory) in directories {
            for name in self.names(&layout::blobs(algorithm).child(&directory)).await? {
                pace.breathe().await?;
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                let size = match held.get(&digest) {
                    Some(size) => size,
                    None => match self.storage.stat(&layout::blob(&digest)).await {
                        Ok(meta) => meta.size,
                        // It is in the trash.
                        Err(error) if error.is_not_found() => continue,
                        Err(error) => return Err(error.into()),
                    },
                };
                stored = stored.saturating_add(size);
            }
            job.progress.advance(1);
        }
        Ok(stored)
    }
}
