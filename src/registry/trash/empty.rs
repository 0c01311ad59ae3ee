//! Removing for good what is in the trash.

use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::oci::Digest;
use crate::registry::{Registry, RegistryError, Result, layout};
use crate::storage::Change;

use super::log::Log;
use super::{BatchId, Removed};

/// So much content is removed at once.
const AT_ONCE: usize = 64;
/// A batch that has no log so long after it was begun never gets one: a crash has left it.
const UNWRITTEN: Duration = Duration::from_secs(6 * 3600);

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
    /// Removes the batches for good that are older than `keep`, or just one.
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
        which: Option<&BatchId>,
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
        which: Option<&BatchId>,
        keep: Duration,
        now: SystemTime,
        stop: &CancellationToken,
        emptied: &mut Emptied,
    ) -> Result<()> {
        self.allow_writing()?;
        let _alone = self.upkeep.alone(stop).await?;
        let batches = match which {
            Some(id) if self.batches().await?.contains(id) => vec![id.clone()],
            Some(id) => return Err(RegistryError::BatchUnknown(id.clone())),
            None => self.batches().await?,
        };
        for id in batches {
            if stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            let first = self.action_of(&id).await?;
            let is_due = match which {
                Some(_) => first != Log::Absent || is_old(&id, &first, keep, now),
                None => is_old(&id, &first, keep, now),
            };
            match (is_due, which) {
                (true, Some(_)) => self.empty_batch(&id, stop, emptied).await?,
                (true, None) => match self.empty_batch(&id, stop, emptied).await {
                    Err(RegistryError::Damaged(reason)) => warn!(batch = %id, reason, "a batch of the trash is kept"),
                    done => done?,
                },
                (false, Some(_)) => return Err(RegistryError::BatchUnknown(id)),
                (false, None) => {}
            }
        }
        Ok(self.storage.set_room_aside().await?)
    }

    async fn empty_batch(&self, id: &BatchId, stop: &CancellationToken, emptied: &mut Emptied) -> Result<()> {
        let (mut blobs, mut repositories) = (Vec::new(), Vec::new());
        let log = self
            .read_batch(id, |removed| match removed {
                Removed::Blob { digest, .. } => blobs.push(digest),
                Removed::Repository { repository } => repositories.push(repository),
                Removed::Layer { .. } | Removed::Manifest { .. } => {}
            })
            .await?;
        if let Log::Damaged { line, .. } = log {
            return Err(Registry::batch_damaged(id, line));
        }
        for some in blobs.chunks(AT_ONCE) {
            if stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            self.remove_trashed(some, id, emptied).await?;
        }
        for repository in &repositories {
            // Behind whoever still moves it here.
            drop(self.locks.removing(repository).await);
        }
        self.storage.delete_all(&layout::batch(id)).await?;
        emptied.batches += 1;
        Ok(())
    }

    /// Removes the copies of contents that a batch has, as far as the contents are in their places.
    pub(super) async fn remove_copies(&self, digests: &[Digest], id: &BatchId) -> Result<()> {
        for some in digests.chunks(AT_ONCE) {
            let mut spare = Vec::with_capacity(some.len());
            for digest in some {
                if self.is_in_place(digest).await? {
                    spare.push(*digest);
                }
            }
            self.remove_trashed(&spare, id, &mut Emptied::default()).await?;
        }
        Ok(())
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
