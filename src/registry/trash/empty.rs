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
        self.allow_writing()?;
        let _alone = self.upkeep.alone(stop).await?;
        let mut emptied = Emptied::default();
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
                self.empty_batch(&id, &mut emptied).await?;
            }
        }
        self.storage.set_room_aside().await?;
        Ok(emptied)
    }

    async fn empty_batch(&self, id: &BatchId, emptied: &mut Emptied) -> Result<()> {
        let (mut blobs, mut repositories) = (Vec::new(), Vec::new());
        self.read_batch(id, |removed| match removed {
            Removed::Blob { digest, .. } => blobs.push(digest),
            Removed::Repository { repository } => repositories.push(repository),
            Removed::Layer { .. } | Removed::Manifest { .. } => {}
        })
        .await?;
        for some in blobs.chunks(AT_ONCE) {
            self.remove_trashed(some, id, emptied).await?;
        }
        for repository in repositories {
            let _removing = self.locks.removing(&repository).await;
            if !self.repository_exists(&repository).await? {
                for notes in layout::notes(&repository) {
                    self.storage.delete_all(&notes).await?;
                }
            }
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
