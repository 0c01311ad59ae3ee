//! Removing for good what is in the trash.

use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;

use crate::oci::Digest;
use crate::registry::{Registry, RegistryError, Result, layout};
use crate::storage::Change;

use super::{BatchId, Removed};

/// So much content is removed at once.
const AT_ONCE: usize = 64;

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
    /// A crash in the middle leaves a batch that says of more than is there that it is in it; it is removed the next time.
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
            let old = match self.action_of(&id).await? {
                Some(action) => now.duration_since(action.at.into()).is_ok_and(|age| age >= keep),
                // A crash has left it before anything was in it.
                None => true,
            };
            if which.is_some() || old {
                self.empty_batch(&id, stop, emptied).await?;
            }
        }
        self.storage.set_room_aside().await?;
        // What can be brought back no longer needs no notes.
        if emptied.batches > 0 { self.forget(now, stop).await } else { Ok(()) }
    }

    async fn empty_batch(&self, id: &BatchId, stop: &CancellationToken, emptied: &mut Emptied) -> Result<()> {
        let mut blobs = Vec::new();
        self.read_batch(id, |removed| {
            if let Removed::Blob { digest, .. } = removed {
                blobs.push(digest);
            }
        })
        .await?;
        for some in blobs.chunks(AT_ONCE) {
            if stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            self.remove_trashed(some, id, emptied).await?;
        }
        self.storage.delete_all(&layout::batch(id)).await?;
        emptied.batches += 1;
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
