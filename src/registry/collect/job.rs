//! A collection as a job.

use std::sync::{Arc, Mutex, PoisonError};

use crate::registry::{
    Actor, Effort, Ended, JobHandle, JobKind, JobReport, JobResult, Progress, Registry, RegistryError, Result,
};

use super::{Collected, CollectionTerms, Follow, Going, Phase};

/// As many things that went are named of a job.
const MOST_NAMED: usize = 1000;

/// What came of a collection that somebody asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionResult {
    /// Whether it only said what would go.
    pub dry_run: bool,
    /// What it has found and done.
    pub collected: Collected,
    /// What went, or would go, the first thousand of it.
    pub gone: Arc<[Going]>,
    /// How much went, or would go, that is not named.
    pub unnamed: u64,
}

/// Follows a collection for a job.
struct Followed<'a> {
    progress: &'a Progress,
    /// How many repositories there were the last time.
    repositories: Option<u64>,
    gone: Mutex<(Vec<Going>, u64)>,
}

impl Follow for Followed<'_> {
    fn phase(&self, phase: Phase, steps: Option<u64>) {
        let (name, steps) = match phase {
            Phase::Marking => ("reading repositories", self.repositories),
            Phase::Manifests => ("removing manifests", steps),
            Phase::Links => ("removing links", steps),
            Phase::Blobs => ("removing content", steps),
        };
        self.progress.enter(name, steps);
    }

    fn done(&self, steps: u64) {
        self.progress.advance(steps);
    }

    fn goes(&self, going: &Going) {
        let mut gone = self.gone.lock().unwrap_or_else(PoisonError::into_inner);
        match gone.0.len() < MOST_NAMED {
            true => gone.0.push(going.clone()),
            false => gone.1 += 1,
        }
    }
}

impl Registry {
    /// Collects garbage as a job.
    ///
    /// # Errors
    ///
    /// When one runs already, or the registry is read-only.
    pub fn start_collection(&self, by: Actor, terms: CollectionTerms, effort: Effort) -> Result<JobReport> {
        self.allow_writing()?;
        let registry = self.clone();
        let who = by.clone();
        self.start_job(JobKind::GarbageCollection, by, move |job| async move {
            registry.collect_followed(terms, effort, &who, &job).await
        })
    }

    async fn collect_followed(
        &self,
        terms: CollectionTerms,
        effort: Effort,
        by: &Actor,
        job: &JobHandle,
    ) -> Result<Ended> {
        let repositories = self.last_collection().await.map(|last| last.repositories);
        let followed = Followed { progress: &job.progress, repositories, gone: Mutex::default() };
        let mut collected = Collected::default();
        let ended = self.collect_into(terms, effort, by, &followed, &job.stop, &mut collected).await;
        let ended = match (ended, &collected.batch) {
            (Err(error), None) if !matches!(error, RegistryError::Stopped) => return Err(error),
            (ended, _) => ended,
        };
        let (gone, unnamed) = followed.gone.into_inner().unwrap_or_else(PoisonError::into_inner);
        let result = CollectionResult { dry_run: terms.dry_run, collected, gone: gone.into(), unnamed };
        Ok(Ended::of(JobResult::GarbageCollection(result), ended))
    }
}
