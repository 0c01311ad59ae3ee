//! Trust, but verify: a walk over the whole volume that finds what is not as it should be, and repairs what can be repaired
//! safely.
//!
//! A check reads the storage and not what the registry remembers, so it finds what has changed below a running server. It
//! goes on while clients push, pull and delete: whatever looks like a defect is looked at a second time under the locks that
//! keep changes of it apart (`subject.rs`), and only what is then still there is one. Repairing is done under the same
//! locks.
//!
//! Memory: eight bytes for each content on the volume, the names in one directory, and what was found, as far as it is kept.

mod content;
mod defect;
mod job;
mod links;
mod look;
mod marks;
mod notes;
mod repair;
mod report;
mod sample;
mod scrub;
mod subject;
mod tags;
mod walk;
mod words;

use std::collections::HashSet;
use std::error::Error;
use std::hash::{BuildHasher, RandomState};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::oci::{Digest, RepositoryName};
use crate::storage::{Entry, Key};

use super::effort::Pacer;
use super::{Effort, Progress, Registry, Result};

pub use defect::{Damage, Defect, Severity, UploadDamage};
pub use marks::Amount;
pub use report::{CheckReport, Count, Finding, LookedAt, Outcome};
pub use sample::{Sample, SampleError};
pub use scrub::Scrub;

use defect::Remedy;
use marks::Marks;
use subject::Subject;
use tags::TagsOf;

/// How many rotten contents are remembered, to say which images they break.
const ROTTEN: usize = 100_000;

/// How a volume is checked.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions {
    /// Whether what can be repaired safely is.
    pub repair: bool,
    /// Which share of the blobs is hashed. Manifests always are.
    pub sample: Sample,
    /// What chooses them; none is a random one.
    pub seed: Option<u64>,
    /// How much of the time it may be busy.
    pub effort: Effort,
}

impl Default for CheckOptions {
    fn default() -> Self {
        CheckOptions { repair: false, sample: Sample::EVERYTHING, seed: None, effort: Effort::FULL }
    }
}

/// A check that is under way.
struct Check<'a> {
    registry: &'a Registry,
    options: CheckOptions,
    progress: &'a Progress,
    cancelled: &'a CancellationToken,
    pacer: Pacer<'a>,
    report: CheckReport,
    marks: Marks,
    rotten: HashSet<Digest>,
    /// Which tags lead to what, of the repository that is looked at, once somebody has asked.
    tags_of: Option<(RepositoryName, TagsOf)>,
    /// What the manifests of the repository refer to that is looked at, once somebody has asked.
    wanted: Option<(RepositoryName, HashSet<u64>)>,
    /// Whether the next start passes over the subjects of the manifests that are looked at, as all of them are noted.
    is_looked_through: bool,
    /// Whether others wait for a lock that this check holds. It neither rests then nor looks through a whole repository.
    holds_others_up: bool,
}

impl Registry {
    /// Checks the volume, and repairs it if that is asked for. What cannot be read is a finding; the check goes on.
    ///
    /// Fails only if it is to repair a registry that is read-only.
    pub async fn check(
        &self,
        options: &CheckOptions,
        progress: &Progress,
        cancelled: &CancellationToken,
    ) -> Result<CheckReport> {
        let mut _alone = None;
        if options.repair {
            self.allow_writing()?;
            // What is repaired is not to be collected at the same time.
            _alone = Some(self.upkeep.alone(cancelled).await?);
        }
        let seed = options.seed.unwrap_or_else(|| RandomState::new().hash_one(()));
        let mut check = Check {
            registry: self,
            options: *options,
            progress,
            cancelled,
            pacer: Pacer::new(self.clock.as_ref(), options.effort),
            report: CheckReport { seed, ..CheckReport::default() },
            marks: Marks::default(),
            rotten: HashSet::new(),
            tags_of: None,
            wanted: None,
            is_looked_through: false,
            holds_others_up: false,
        };
        let began = self.clock.elapsed();
        check.everything().await;
        let mut report = check.report;
        report.looked_at.stored = check.marks.stored();
        report.looked_at.held_by_nobody = check.marks.loose();
        report.duration = self.clock.elapsed().saturating_sub(began);
        report.cancelled = cancelled.is_cancelled();
        Ok(report)
    }
}

impl Check<'_> {
    /// Looks at something, and if it is not as it should be once more, while nobody changes it.
    async fn examine(&mut self, subject: Subject) {
        self.pause().await;
        match self.look(&subject).await {
            Ok(defects) if defects.is_empty() => return,
            Ok(_) => {}
            Err(error) => return self.unreadable(&subject.key(), &error).await,
        }
        let registry = self.registry;
        // Who has it in hand for longer than this is pushing it.
        let Some(_held) = registry.hold(&subject).await else { return };
        self.holds_others_up = true;
        let looked = self.look(&subject).await;
        self.holds_others_up = false;
        match looked {
            Ok(defects) => {
                for defect in defects {
                    self.found(defect).await;
                }
            }
            Err(error) => self.unreadable(&subject.key(), &error).await,
        }
    }

    /// Takes a defect down and repairs it if that is asked for. The caller keeps everyone from changing what it is about.
    async fn found(&mut self, defect: Defect) {
        if let Defect::Rotten { digest, .. } = &defect
            && self.rotten.len() < ROTTEN
            && !self.rotten.insert(*digest)
        {
            return;
        }
        let outcome = match defect.remedy() {
            Remedy::ByHand(_) => Outcome::ByHand,
            Remedy::Repair(_) if !self.options.repair => Outcome::Left,
            Remedy::Repair(_) => match self.registry.repair(&defect).await {
                Ok(()) => {
                    info!(path = defect.path(), "repaired: {defect}");
                    Outcome::Repaired
                }
                Err(error) => {
                    let error = &error as &dyn Error;
                    warn!(path = defect.path(), error, "cannot be repaired: {defect}");
                    Outcome::Failed(causes(error))
                }
            },
        };
        self.report.add(defect, outcome);
    }

    /// Something cannot be read.
    async fn unreadable(&mut self, key: &Key, error: &(dyn Error + Send + Sync + 'static)) {
        self.found(Defect::Unreadable { path: key.to_string(), reason: causes(error) }).await;
    }

    /// What is directly below a key; nothing if that cannot be read, which is then a finding.
    async fn list(&mut self, key: &Key) -> Vec<Entry> {
        match self.registry.storage.list(key, None, usize::MAX).await {
            Ok(entries) => entries,
            Err(error) => {
                self.unreadable(key, &error).await;
                Vec::new()
            }
        }
    }

    /// Rests, if it is time to. A check that is stopped does not wait.
    async fn pause(&mut self) {
        if !self.holds_others_up {
            let _ = self.cancelled.run_until_cancelled(self.pacer.pause()).await;
        }
    }

    fn is_cancelled(&self) -> bool {
        self.cancelled.is_cancelled()
    }
}

/// An error with what led to it.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        said = format!("{said}: {cause}");
        next = cause.source();
    }
    said
}

#[cfg(test)]
mod damage;
#[cfg(test)]
mod load_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trash_tests;
