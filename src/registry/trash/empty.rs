//! Removing for good what is in the trash.

use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::oci::Digest;
use crate::registry::{Registry, RegistryError, Result, layout};
use crate::storage::Change;

use super::log::Log;
use super::{Action, BatchId, Removed, What};

/// So much content is removed at once.
const AT_ONCE: usize = 64;
/// A batch that has no log so long after it was begun never gets one: a crash has left it.
const UNWRITTEN: Duration = Duration::from_secs(6 * 3600);

/// What is to be removed for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emptying<'a> {
    /// One batch.
    One(&'a BatchId),
    /// All of them.
    All,
    /// All that nobody needs to look at again. Where collections run by themselves, what one has removed stays until a later
    /// one has seen all of the volume: what something leads to, from a place that the first could not see, comes back with that.
    Due,
}

/// Which contents of a batch are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    All,
    /// Those that are in their places, too.
    Copies,
}

/// What was removed for good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Emptied {
    /// How many batches.
    pub batches: u64,
    /// How much content.
    pub blobs: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Registry {
    /// Removes batches for good that are older than `keep`.
    ///
    /// A crash in the middle leaves a batch that says of more than is there that it is in it; it is removed the next time. A
    /// batch whose log cannot be read to its end stays, since it may be all that is known of something.
    ///
    /// Against a deletion, which makes its batch meanwhile: a batch has no age before its log is there, and a repository is
    /// moved into it under the repository's lock, which is waited for.
    ///
    /// # Errors
    ///
    /// When there is no such batch, or its log cannot be read to its end.
    pub async fn empty_trash(
        &self,
        which: Emptying<'_>,
        keep: Duration,
        now: SystemTime,
        stop: &CancellationToken,
    ) -> Result<Emptied> {
        let mut emptied = Emptied::default();
        self.empty_into(which, keep, now, stop, &mut emptied).await?;
        Ok(emptied)
    }

    /// The same, which says how much was removed when it is stopped or fails, too.
    pub(super) async fn empty_into(
        &self,
        which: Emptying<'_>,
        keep: Duration,
        now: SystemTime,
        stop: &CancellationToken,
        emptied: &mut Emptied,
    ) -> Result<()> {
        self.allow_writing()?;
        let _alone = self.upkeep.alone(stop).await?;
        let batches = match which {
            Emptying::One(id) if self.batches().await?.contains(id) => vec![id.clone()],
            Emptying::One(id) => return Err(RegistryError::BatchUnknown(id.clone())),
            Emptying::All | Emptying::Due => self.batches().await?,
        };
        let is_collecting = self.settings.delete_enabled && self.settings.collection.interval.is_some();
        let seen = match which {
            Emptying::Due if is_collecting => Some(self.last_collection().await.map(|last| last.began)),
            _ => None,
        };
        for id in batches {
            if stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            let first = self.action_of(&id).await?;
            let is_one = matches!(which, Emptying::One(_));
            if is_one && first == Log::Absent && !is_old(&id, &first, Duration::ZERO, now) {
                return Err(RegistryError::BatchUnknown(id));
            }
            if !is_old(&id, &first, keep, now) {
                continue;
            }
            if let (Some(seen), Log::Whole(Action { at, what: What::Collection, .. })) = (&seen, &first)
                && seen.is_none_or(|seen| seen <= *at)
            {
                info!(batch = %id, "a batch of the trash is kept until a collection has looked whether anything needs it");
                continue;
            }
            match self.empty_batch(&id, stop, emptied).await {
                Err(RegistryError::Damaged(reason)) if !is_one => {
                    warn!(batch = %id, reason, "a batch of the trash is kept");
                }
                done => done?,
            }
        }
        Ok(self.storage.set_room_aside().await?)
    }

    async fn empty_batch(&self, id: &BatchId, stop: &CancellationToken, emptied: &mut Emptied) -> Result<()> {
        let mut repositories = Vec::new();
        let log = self
            .read_batch(id, |removed| {
                if let Removed::Repository { repository } = removed {
                    repositories.push(repository);
                }
            })
            .await?;
        if let Log::Damaged { line, .. } = log {
            return Err(Registry::batch_damaged(id, line));
        }
        self.remove_contents(id, Which::All, stop, emptied).await?;
        for repository in &repositories {
            // Behind whoever still moves it here.
            drop(self.locks.removing(repository).await);
        }
        self.remove_batch(id).await?;
        emptied.batches += 1;
        Ok(())
    }

    /// Removes a batch. Its log goes last, so that what a crash leaves of it is removed the next time.
    pub(super) async fn remove_batch(&self, id: &BatchId) -> Result<()> {
        self.storage.delete_all(&layout::trashed_repositories(id)).await?;
        Ok(self.storage.delete_all(&layout::batch(id)).await?)
    }

    /// Removes contents that a batch has.
    pub(super) async fn remove_contents(
        &self,
        id: &BatchId,
        which: Which,
        stop: &CancellationToken,
        emptied: &mut Emptied,
    ) -> Result<()> {
        let Ok(mut log) = self.open_log(id).await? else { return Ok(()) };
        let mut digests = Vec::with_capacity(AT_ONCE);
        while let Some(some) = log.next().await? {
            for removed in some {
                if let Removed::Blob { digest, .. } = removed
                    && (which == Which::All || self.is_in_place(&digest).await?)
                {
                    digests.push(digest);
                }
                if digests.len() == AT_ONCE {
                    if stop.is_cancelled() {
                        return Err(RegistryError::Stopped);
                    }
                    self.remove_trashed(&digests, id, emptied).await?;
                    digests.clear();
                }
            }
        }
        self.remove_trashed(&digests, id, emptied).await
    }

    async fn remove_trashed(&self, some: &[Digest], id: &BatchId, emptied: &mut Emptied) -> Result<()> {
        let mut gone = Vec::with_capacity(some.len());
        for digest in some {
            let key = layout::trashed_blob(digest, id);
            match self.storage.stat(&key).await {
                Ok(meta) => {
                    emptied.blobs += 1;
                    emptied.bytes += meta.size;
                    gone.push(Change::Remove(key));
                }
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.storage.apply(vec![gone]).await?;
        for digest in some {
            // Whoever puts the same content there meanwhile makes the directory anew.
            self.storage.prune(&layout::blob_directory(digest), &layout::blobs(digest.algorithm())).await?;
        }
        Ok(())
    }
}

/// Whether a batch has been there for long enough. One whose first line cannot be read has no age: emptying it fails, which
/// is told.
fn is_old(id: &BatchId, first: &Log, keep: Duration, now: SystemTime) -> bool {
    if keep.is_zero() && *first != Log::Absent {
        return true;
    }
    let (began, keep) = match first {
        Log::Absent => (id.at(), keep.max(UNWRITTEN)),
        Log::Whole(action) | Log::Damaged { action: Some(action), .. } => (Some(action.at), keep),
        Log::Damaged { action: None, .. } => return true,
    };
    began.is_some_and(|began| now.duration_since(began.into()).is_ok_and(|age| age >= keep))
}

#[cfg(test)]
#[path = "empty_tests.rs"]
mod tests;
