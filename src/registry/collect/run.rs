//! A collection from its beginning to its end.

use std::error::Error;

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::registry::effort::{Effort, Pacer};
use crate::registry::pins::Moment;
use crate::registry::{Actor, Registry, RegistryError, Result};

use super::look::Terms;
use super::{Collected, CollectionTerms, Follow};

/// Gives others their share of the machine, and ends the work when it is to end.
pub(super) struct Pace<'a> {
    pub(super) pacer: Pacer<'a>,
    pub(super) stop: &'a CancellationToken,
}

impl Pace<'_> {
    /// To be called between any two steps.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Stopped`] when it is to end.
    pub(super) async fn breathe(&mut self) -> Result<()> {
        if self.stop.run_until_cancelled(self.pacer.pause()).await.is_none() || self.stop.is_cancelled() {
            return Err(RegistryError::Stopped);
        }
        Ok(())
    }
}

impl Registry {
    /// Collects garbage. One collection runs at a time; a second waits.
    ///
    /// # Errors
    ///
    /// When anything that leads somewhere cannot be read, before anything is removed.
    pub async fn collect(
        &self,
        terms: CollectionTerms,
        effort: Effort,
        by: &Actor,
        follow: &dyn Follow,
        stop: &CancellationToken,
    ) -> Result<Collected> {
        let mut collected = Collected::default();
        match self.collect_into(terms, effort, by, follow, stop, &mut collected).await {
            // What went is gone for good reasons, and the next run goes on.
            Err(RegistryError::Stopped) => collected.stopped = true,
            ended => ended?,
        }
        Ok(collected)
    }

    /// The same, which says what was removed when it is stopped or fails, too.
    pub(super) async fn collect_into(
        &self,
        terms: CollectionTerms,
        effort: Effort,
        by: &Actor,
        follow: &dyn Follow,
        stop: &CancellationToken,
        collected: &mut Collected,
    ) -> Result<()> {
        self.allow_writing()?;
        let _alone = self.upkeep.alone(stop).await?;
        let stop = &self.upkeep.interrupted(stop);
        let mut pace = Pace { pacer: Pacer::new(self.clock.as_ref(), effort), stop };
        self.collect_alone(terms, &mut pace, by, follow, collected).await
    }

    async fn collect_alone(
        &self,
        terms: CollectionTerms,
        pace: &mut Pace<'_>,
        by: &Actor,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<()> {
        // Whoever makes something refer to something either is done before the tree is looked at, or pins it from here on.
        let began = self.pins.begin(Moment::at(self.clock.elapsed())).await;
        let pinned_since = began.before(terms.grace);
        let removed = *self.upkeep.removed.lock().await;
        let since = self.collecting_since(terms.dry_run).await?;
        let now = self.clock.now();
        let looking = Terms { now, since, pinned_since, grace: terms.grace, untagged: terms.untagged };
        let mut plan = self.mark(looking, pace, follow, collected).await?;
        self.check_repositories_are_there(collected.repositories).await?;
        if !terms.dry_run {
            self.bring_back_marked(&mut plan.marked).await?;
        }
        collected.marked = plan.marked.len() as u64;
        self.sweep(&mut plan, looking, terms.dry_run, pace, by, follow, collected).await?;
        if terms.dry_run {
            return Ok(());
        }
        self.note_collection(now, collected, plan.holding, removed).await?;
        match self.forget(now, pace).await {
            Err(RegistryError::Stopped) => Err(RegistryError::Stopped),
            // It is only room for a few notes.
            Err(error) => {
                warn!(
                    error = &error as &dyn Error,
                    "cannot look for notes that nothing needs any more; it is tried again"
                );
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}
