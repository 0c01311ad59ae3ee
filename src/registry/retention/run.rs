//! Removing the tags that no rule keeps.

use tokio_util::sync::CancellationToken;
use tracing::info;

use crate::oci::{Pattern, RepositoryName};
use crate::registry::history::How;
use crate::registry::{Actor, Effort, Ended, JobHandle, JobKind, JobReport, JobResult, RegistryError, Result};

use super::{Concerned, Fate, Judged, Registry};

/// As many tags of a repository are removed before what was pulled meanwhile can be written down.
const TOGETHER: usize = 64;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct RetentionTerms {
    /// In which repositories; `None` for all.
    pub within: Option<Pattern>,
    /// Only count what would go.
    pub dry_run: bool,
    /// How busy it may be.
    pub effort: Effort,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retained {
    /// Repositories that some rule is about.
    pub repositories: u64,
    /// Tags in them.
    pub tags: u64,
    /// Tags that were removed, or would have been.
    pub removed: u64,
    /// Tags that were to be removed, and stay because they were moved, removed or pulled meanwhile.
    pub spared: u64,
}

impl Registry {
    /// Begins a job that removes the tags which no rule keeps.
    ///
    /// # Errors
    ///
    /// When one runs already, or nothing may be removed and it is to remove something.
    pub fn start_retention(&self, by: Actor, terms: RetentionTerms) -> Result<JobReport> {
        if !terms.dry_run {
            self.allow_deleting()?;
        }
        let (registry, actor) = (self.clone(), by.clone());
        self.start_job(JobKind::Retention, by, move |job| async move {
            let mut retained = Retained::default();
            match registry.retain(&terms, &actor, &job, &mut retained).await {
                Ok(()) => Ok(Ended::Whole(JobResult::Retention(retained))),
                Err(RegistryError::Stopped) => Ok(Ended::Stopped(JobResult::Retention(retained))),
                Err(error) => Err(error),
            }
        })
    }

    async fn retain(&self, terms: &RetentionTerms, by: &Actor, job: &JobHandle, retained: &mut Retained) -> Result<()> {
        let concerned = Concerned { rules: &self.settings.retention.rules, within: terms.within.as_ref() };
        let mut walk = self.walk_visible(None, &concerned);
        job.progress.enter("looking at tags", None);
        while let Some(repository) = walk.next(self).await? {
            let judged = self.judge_tags(&repository, terms.effort, &job.stop).await?;
            retained.repositories += 1;
            retained.tags += judged.len() as u64;
            job.progress.advance(judged.len() as u64);
            let mut going = judged;
            going.retain(|judged| matches!(judged.fate, Fate::Removed { .. }));
            if terms.dry_run {
                retained.removed += going.len() as u64;
                continue;
            }
            while !going.is_empty() {
                let some = going.drain(..going.len().min(TOGETHER)).collect();
                self.remove_judged(&repository, some, by, &job.stop, retained).await?;
            }
        }
        Ok(())
    }

    /// Removes tags if they are still what they were when it was decided.
    async fn remove_judged(
        &self,
        repository: &RepositoryName,
        going: Vec<Judged>,
        by: &Actor,
        stop: &CancellationToken,
        retained: &mut Retained,
    ) -> Result<()> {
        let (registry, repository, by, stop) = (self.clone(), repository.clone(), by.clone(), stop.clone());
        let work = async move {
            let (mut removed, mut spared) = (0, 0);
            let pulls = registry.hold_pulls(&repository).await?;
            for judged in going {
                if stop.is_cancelled() {
                    return Ok((removed, spared, true));
                }
                // A pull that ends behind this look was of a tag that goes, which its client has by then.
                let pulled = || pulls.of(&judged.tag, &judged.digest);
                match registry.remove_unchanged(&repository, &judged, pulled, &by).await? {
                    true => removed += 1,
                    false => spared += 1,
                }
            }
            Ok((removed, spared, false))
        };
        let (removed, spared, stopped) = self.to_its_end(work).await?;
        retained.removed += removed;
        retained.spared += spared;
        if stopped { Err(RegistryError::Stopped) } else { Ok(()) }
    }

    /// Removes a tag unless anything happened to it since it was judged; says whether it did.
    ///
    /// Against a push of the tag, a roll back and a deletion: the tag's lock puts one behind the other, and what came first
    /// shows in where the tag points or in when it was moved.
    async fn remove_unchanged(
        &self,
        repository: &RepositoryName,
        judged: &Judged,
        pulled: impl FnOnce() -> Option<super::Pulled>,
        by: &Actor,
    ) -> Result<bool> {
        let Judged { tag, digest, fate, known } = judged;
        let Fate::Removed { rule } = *fate else { return Ok(false) };
        let Some(rule) = self.settings.retention.rules.get(rule) else { return Ok(false) };
        let _moving = self.locks.moving(repository, std::slice::from_ref(tag)).await;
        if self.resolve(repository, tag).await? != Some(*digest) {
            return Ok(false);
        }
        if rule.keep.asks_when_moved() && self.last_moved(repository, tag, *digest).await? != known.moved {
            return Ok(false);
        }
        // In memory a pull has the fraction of its second, and on disk it has not; their number is exact.
        let pulls = |pulled: Option<super::Pulled>| pulled.map_or(0, |pulled| pulled.pulls);
        if rule.keep.pulled_within.is_some() && pulls(pulled()) != pulls(known.pulled) {
            return Ok(false);
        }
        self.remove_tag(repository, tag, Some(*digest), by, How::Retention).await?;
        info!(%repository, %tag, %digest, rule = %rule.key, "removed a tag that no rule of retention keeps");
        Ok(true)
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
pub(super) mod tests;
