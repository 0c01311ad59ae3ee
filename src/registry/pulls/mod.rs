//! When tags and manifests were pulled last, and how often.
//!
//! A pull is a manifest that was got, by its tag or by its digest; one that was only looked at (`HEAD`) is none. It is
//! counted in memory, and what was counted is written down about once a minute, in one file for each repository of which
//! anything was pulled. The last minute before a crash is lost, and nothing else: what could not be written is kept until
//! it can be. It is also known since when pulls are counted without a gap, so that nobody takes what was never counted for
//! what was not pulled.

mod counted;
mod table;
mod written;

use std::collections::HashSet;
use std::error::Error;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use tokio::sync::{Mutex, MutexGuard, Notify};
use tracing::warn;

use crate::oci::{Algorithm, Digest, Reference, RepositoryName, Tag};
use crate::storage::{Change, StorageError};

use super::work::at_length;
use super::{Registry, RegistryError, Result, StoredManifest, layout};

use table::{Counts, Table};

pub use written::RepositoryPulls;

/// How often what was counted is written down.
const BETWEEN: Duration = Duration::from_secs(60);
/// As many repositories are written down together, or files of so many bytes.
const TOGETHER: (usize, usize) = (32, 1024 * 1024);

/// How often something was pulled, and when last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pulled {
    /// When it was pulled last; what was written down has whole seconds.
    pub last: SystemTime,
    /// How many pulls there were.
    pub pulls: u64,
}

impl Pulled {
    fn add(&mut self, other: Pulled) {
        self.last = self.last.max(other.last);
        self.pulls = self.pulls.saturating_add(other.pulls);
    }

    /// The pulls of both.
    fn both(one: Option<Pulled>, other: Option<Pulled>) -> Option<Pulled> {
        let Some(mut sum) = one else { return other };
        other.into_iter().for_each(|other| sum.add(other));
        Some(sum)
    }
}

/// The pulls of one registry.
#[derive(Debug)]
pub(super) struct Pulls {
    table: Table,
    /// When this process began to count.
    began: SystemTime,
    /// Told when there are many to be written down.
    many: Notify,
    /// Held while anything is moved from memory to disk, so that whoever looks at both sees it in one of them.
    writing: Mutex<()>,
}

/// Pulls of a repository, of which none is written down for as long as this is there.
pub(super) struct Held<'r> {
    table: &'r Table,
    repository: RepositoryName,
    on_disk: RepositoryPulls,
    _writing: MutexGuard<'r, ()>,
}

impl Pulls {
    /// Counted from then on.
    pub(super) fn since(began: SystemTime) -> Pulls {
        Pulls { table: Table::new(), began, many: Notify::new(), writing: Mutex::new(()) }
    }
}

impl Held<'_> {
    /// The pulls of a tag that points there, up to this moment.
    pub(super) fn of(&self, tag: &Tag, digest: &Digest) -> Option<Pulled> {
        let new = |reference: Reference| self.table.pulled(&self.repository, &reference);
        let new = Pulled::both(new(tag.clone().into()), new((*digest).into()));
        Pulled::both(self.on_disk.of(tag, digest), new)
    }
}

impl Registry {
    /// A manifest that the repository holds, for somebody who pulls it, which is counted.
    pub async fn pull_manifest(&self, repository: &RepositoryName, reference: &Reference) -> Result<StoredManifest> {
        let manifest = self.get_manifest(repository, reference).await?;
        // What is read only could not be told later.
        if !self.settings.read_only && self.pulls.table.count(repository, reference, self.clock.now()) {
            self.pulls.many.notify_one();
        }
        Ok(manifest)
    }

    /// What was pulled of a repository, up to this moment. Of one that is not there, nothing.
    pub async fn pulls(&self, repository: &RepositoryName) -> Result<RepositoryPulls> {
        let _writing = self.pulls.writing.lock().await;
        let since = self.counted_since().await?;
        let mut pulls = self.pulls_on_disk(repository, since).await?;
        pulls.add(self.pulls.table.of(repository));
        Ok(pulls)
    }

    /// The same for somebody who is about to remove something, and looks again right before that.
    pub(super) async fn hold_pulls(&self, repository: &RepositoryName) -> Result<Held<'_>> {
        let writing = self.pulls.writing.lock().await;
        let since = self.counted_since().await?;
        let on_disk = self.pulls_on_disk(repository, since).await?;
        Ok(Held { table: &self.pulls.table, repository: repository.clone(), on_disk, _writing: writing })
    }

    /// Writes down what was counted, again and again, for ever.
    pub async fn keep_pulls(&self) {
        if self.settings.read_only {
            return;
        }
        loop {
            let _ = tokio::time::timeout(BETWEEN, self.pulls.many.notified()).await;
            if let Err(error) = self.write_pulls().await {
                warn!(error = &error as &dyn Error, "cannot write down when tags were pulled last; it is tried again");
                tokio::time::sleep(BETWEEN).await;
            }
        }
    }

    /// Writes down what was counted. What cannot be written is kept.
    pub async fn flush_pulls(&self) -> Result<()> {
        // Who has counted nothing may be somebody who does not count, such as a command.
        if self.pulls.table.repositories().is_empty() { Ok(()) } else { self.write_pulls().await }
    }

    /// Writes down what was counted, and that it was counted until now.
    async fn write_pulls(&self) -> Result<()> {
        let now = self.clock.now();
        self.note_counting().await?;
        let mut repositories = self.pulls.table.repositories();
        let mut failed = None;
        while !repositories.is_empty() {
            // One that cannot be written down keeps no others from it.
            failed = self.flush_some(&mut repositories).await.err().or(failed);
        }
        match failed {
            Some(error) => Err(error),
            None => self.note_counted(now).await,
        }
    }

    /// Writes down the last of these repositories, which are taken off the list.
    async fn flush_some(&self, repositories: &mut Vec<RepositoryName>) -> Result<()> {
        let _writing = self.pulls.writing.lock().await;
        let since = self.counted_since().await?;
        let (mut taken, mut bytes, mut failed) = (Vec::new(), 0, None);
        while taken.len() < TOGETHER.0
            && bytes < TOGETHER.1
            && let Some(repository) = repositories.pop()
        {
            let counts = self.pulls.table.take(&repository);
            match self.merged(&repository, &counts, since).await {
                Ok(Some(file)) => {
                    bytes += file.len();
                    taken.push((repository, counts, file));
                }
                Ok(None) => {}
                Err(error) => {
                    self.pulls.table.put_back(&repository, counts);
                    failed = Some(error);
                }
            }
        }
        let changes = taken.iter().map(|(repository, _, file)| Change::Put(layout::pulls(repository), file.clone()));
        if let Err(error) = self.storage.apply(vec![changes.collect()]).await {
            failed = Some(error.into());
            for (repository, counts, file) in taken {
                // Some may have been written, and are not to be counted twice.
                if self.storage.get(&layout::pulls(&repository)).await.ok() != Some(file) {
                    self.pulls.table.put_back(&repository, counts);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Takes down that it is not known what was pulled before now.
    pub(super) async fn count_pulls_anew(&self, repository: &RepositoryName) -> Result<()> {
        let _writing = self.pulls.writing.lock().await;
        let since = self.counted_since().await?;
        let mut pulls = self.pulls_on_disk(repository, since).await?;
        pulls.since = self.clock.now();
        let written = pulls.written(since).map_err(|error| RegistryError::Damaged(error.to_string()))?;
        Ok(self.storage.put(&layout::pulls(repository), Bytes::from(written)).await?)
    }

    /// What a repository's file is to hold: what it does, and what was counted, of what is there. None if the repository is
    /// not: it was deleted meanwhile.
    async fn merged(&self, repository: &RepositoryName, counts: &Counts, since: SystemTime) -> Result<Option<Bytes>> {
        if counts.is_empty() || !self.repository_exists(repository).await? {
            return Ok(None);
        }
        let mut pulls = self.pulls_on_disk(repository, since).await?;
        pulls.add(counts.clone());
        let tags: HashSet<String> = self.names(&layout::tags(repository)).await?.into_iter().collect();
        let mut digests: HashSet<Digest> = HashSet::new();
        for algorithm in Algorithm::ALL {
            let names = self.names(&layout::revisions(repository, algorithm)).await?;
            digests.extend(names.iter().filter_map(|name| Digest::from_hex(algorithm, name).ok()));
        }
        for reference in pulls.counts.keys() {
            // The first registries 2.x linked manifests as they linked blobs.
            if let Reference::Digest(digest) = reference
                && !digests.contains(digest)
                && self.held_blob(repository, digest).await?.is_some()
            {
                digests.insert(*digest);
            }
        }
        pulls.counts.retain(|reference, _| match reference {
            Reference::Tag(tag) => tags.contains(tag.as_str()),
            Reference::Digest(digest) => digests.contains(digest),
        });
        pulls.forget_oldest();
        // About what an entry takes as text.
        let written = at_length(pulls.counts.len() * 100, move || {
            pulls.written(since).map_err(|error| RegistryError::Damaged(error.to_string()))
        });
        Ok(Some(Bytes::from(written.await?)))
    }

    /// What is written down of a repository. The caller keeps others from writing it.
    async fn pulls_on_disk(&self, repository: &RepositoryName, since: SystemTime) -> Result<RepositoryPulls> {
        let since = self.pulls.table.lost(repository).map_or(since, |lost| lost.max(since));
        let key = layout::pulls(repository);
        let read = match self.storage.get(&key).await {
            Ok(bytes) => at_length(bytes.len(), move || Ok(RepositoryPulls::read(&bytes, since))).await?,
            Err(error) if error.is_not_found() => return Ok(RepositoryPulls { since, counts: Counts::new() }),
            Err(StorageError::TooLarge { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(read.unwrap_or_else(|| {
            warn!(pulls = %key, "what is written down of pulls is damaged; they are counted anew");
            RepositoryPulls { since: self.clock.now(), counts: Counts::new() }
        }))
    }
}

#[cfg(test)]
#[path = "pulls_tests.rs"]
mod tests;
