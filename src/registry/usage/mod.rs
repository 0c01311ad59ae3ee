//! What repositories and namespaces hold, and how much they may.
//!
//! A repository holds the content that its links lead to, blobs and manifests; a namespace what its repositories hold, each
//! content once. Only namespaces with a quota are kept account of: each has a [`ledger`](Ledger) in memory, which is counted in the
//! background of the start, kept up to date by what comes, and counted again when something went and somebody has to know.
//! Nothing of it is on disk, so nothing can disagree with the tree. `docs/storage.md` says why each race is safe.

mod byte_size;
mod contents;
mod count;
mod ledger;
mod over_quota;
mod quota;
mod room;
mod sizes;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::oci::{Digest, RepositoryName};

use super::Result;

pub use byte_size::{ByteSize, ByteSizeError};
pub(super) use contents::{Pace, Part};
pub use count::QuotaUse;
use ledger::{Ledger, Verdict};
pub use over_quota::OverQuota;
pub(super) use quota::is_within;
pub use quota::{Namespace, Quota, Quotas};
pub(super) use room::{Room, broken};
pub(super) use sizes::Sizes;

/// As many namespaces that no quota names have a ledger at once. Others are counted again when somebody comes to them.
const MOST_LEDGERS: usize = 10_000;

/// The ledgers of one registry.
#[derive(Debug, Default)]
pub(super) struct Usage {
    ledgers: Mutex<HashMap<RepositoryName, Ledger>>,
    /// Held by whoever counts: one namespace at a time, so that no number of them keeps the disk from others.
    counting: tokio::sync::Mutex<()>,
}

/// What became of asking for room in all namespaces of a repository.
enum Asked {
    Reserved,
    /// This one has to be counted first.
    Unsure(RepositoryName),
}

impl Usage {
    fn lock(&self) -> MutexGuard<'_, HashMap<RepositoryName, Ledger>> {
        self.ledgers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespaces of a repository that have a quota, the widest first. Each has a ledger from now on.
    fn namespaces(&self, quotas: &Quotas, repository: &RepositoryName) -> Vec<RepositoryName> {
        let about = quotas.about(repository);
        if about.is_empty() {
            return Vec::new();
        }
        let mut ledgers = self.lock();
        for (name, quota) in &about {
            if !ledgers.contains_key(name) {
                if ledgers.len() >= MOST_LEDGERS {
                    ledgers.retain(|name, ledger| !ledger.is_idle() || quotas.named().any(|named| named == name));
                }
                ledgers.insert(name.clone(), Ledger::new(&quota.key, quota.bytes.0));
            }
        }
        about.into_iter().map(|(name, _)| name).collect()
    }

    /// Those of the namespaces that do not hold the content yet.
    fn without(&self, namespaces: &[RepositoryName], digest: &Digest) -> Vec<RepositoryName> {
        let ledgers = self.lock();
        let holds = |name: &&RepositoryName| ledgers.get(*name).is_some_and(|ledger| ledger.size_of(digest).is_some());
        namespaces.iter().filter(|name| !holds(name)).cloned().collect()
    }

    /// Reserves so much more than somebody has in all of the namespaces or in none. Of two that come at once, one comes first.
    fn reserve(&self, namespaces: &[RepositoryName], has: u64, more: u64, anyway: bool) -> Result<Asked> {
        let mut ledgers = self.lock();
        for name in namespaces {
            let Some(ledger) = ledgers.get(name) else {
                // It had to make room for others.
                return Ok(Asked::Unsure(name.clone()));
            };
            let verdict = if anyway { ledger.judge_anyway(more) } else { ledger.judge(more) };
            match verdict {
                Verdict::Fits => {}
                Verdict::Unsure => return Ok(Asked::Unsure(name.clone())),
                Verdict::TooMuch => {
                    let over = OverQuota {
                        namespace: name.clone(),
                        quota: ByteSize(ledger.most),
                        used: ByteSize(ledger.used()),
                        under_way: ByteSize(ledger.reserved.saturating_sub(has)),
                        more: ByteSize(has.saturating_add(more)),
                        key: ledger.key.clone(),
                    };
                    return Err(over.into());
                }
            }
        }
        for name in namespaces {
            if let Some(ledger) = ledgers.get_mut(name) {
                ledger.reserved = ledger.reserved.saturating_add(more);
            }
        }
        Ok(Asked::Reserved)
    }

    /// Gives back what was reserved, and notes what came of it in the same moment, so that it never counts twice or not at all.
    fn release(&self, paying: &[RepositoryName], reserved: u64, all: &[RepositoryName], came: Option<(&Digest, u64)>) {
        let mut ledgers = self.lock();
        for name in paying {
            if let Some(ledger) = ledgers.get_mut(name) {
                ledger.reserved = ledger.reserved.saturating_sub(reserved);
            }
        }
        if let Some((digest, size)) = came {
            for name in all {
                if let Some(ledger) = ledgers.get_mut(name) {
                    ledger.note(digest, size);
                }
            }
        }
    }

    fn with_each(&self, repository: &RepositoryName, note: impl Fn(&mut Ledger)) {
        let mut ledgers = self.lock();
        ledgers.iter_mut().filter(|(name, _)| is_within(repository, name)).for_each(|(_, ledger)| note(ledger));
    }

    /// Notes that something has gone from a repository. To be called when it has.
    pub(super) fn went(&self, repository: &RepositoryName) {
        self.with_each(repository, Ledger::note_removal);
    }

    /// Notes that anything may have come to a repository or gone from it. To be called when it has.
    pub(super) fn changed(&self, repository: &RepositoryName) {
        self.with_each(repository, Ledger::note_surprise);
    }
}

#[cfg(test)]
mod tests;
