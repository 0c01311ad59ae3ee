//! Bringing back what is in the trash.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, Edges, RepositoryName};
use crate::registry::{Actor, Ended, Registry, RegistryError, Result, layout};
use crate::storage;

use super::empty::Which;
use super::log::Log;
use super::restore_manifests::{Manifests, Trashed};
use super::{BatchId, Emptied, Removed};

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Repositories that were deleted as a whole.
    pub repositories: Vec<RepositoryName>,
    /// How many manifests of others.
    pub manifests: u64,
    /// How many tags of these.
    pub tags: u64,
    /// How much content.
    pub blobs: u64,
    /// What could not be brought back, because its content is gone for good: manifests, and what a manifest that came back
    /// without its tags refers to.
    pub lost: Vec<(RepositoryName, Digest)>,
}

/// What a batch names that is brought back behind all content.
#[derive(Default)]
struct Named {
    manifests: Manifests,
    repositories: Vec<RepositoryName>,
}

impl Named {
    fn add(&mut self, removed: Removed) {
        match removed {
            Removed::Blob { .. } | Removed::Layer { .. } => {}
            Removed::Manifest { repository, digest, media_type, tags, layers } => {
                self.manifests.entry(repository).or_default().push(Trashed { digest, media_type, tags, layers });
            }
            Removed::Repository { repository } => self.repositories.push(repository),
        }
    }
}

impl Registry {
    /// Brings back what is in a batch. What was put in its place since then stays as it is: a tag that is there again is not
    /// moved.
    ///
    /// Content comes first, what refers to it behind, tags last and only on what is whole, so that a crash in the middle leaves
    /// nothing that is not whole, and it can be done again. The batch goes when all of it is back. A collection that runs is
    /// ended: it has not seen what comes back.
    ///
    /// # Errors
    ///
    /// When there is no such batch. When not all of its log can be read: then what can be is back, and the batch stays.
    pub async fn restore_batch(&self, id: &BatchId, by: &Actor) -> Result<Restored> {
        self.restore_until(id, by, &CancellationToken::new()).await?.whole()
    }

    /// The same, which can be stopped between any two things: the batch stays then, and can be brought back again.
    pub(super) async fn restore_until(
        &self,
        id: &BatchId,
        by: &Actor,
        stop: &CancellationToken,
    ) -> Result<Ended<Restored>> {
        self.allow_writing()?;
        let (registry, id, by, stop) = (self.clone(), id.clone(), by.clone(), stop.clone());
        self.to_its_end(async move {
            let _alone = stop.run_until_cancelled(registry.upkeep.now()).await.ok_or(RegistryError::Stopped)?;
            let (mut touched, mut named) = (BTreeSet::new(), Named::default());
            let log = registry
                .read_batch(&id, |removed| {
                    touched.extend(removed.repository().cloned());
                    named.add(removed);
                })
                .await?;
            if log == Log::Absent {
                return Err(RegistryError::BatchUnknown(id));
            }
            // However it ends: what came back is counted where somebody has to know, and is not refused, since an operator asked
            // for it.
            let mut restored = Restored::default();
            let ended = registry.restore_all(&id, named, &by, &stop, &mut restored).await;
            touched.iter().for_each(|repository| registry.usage.changed(repository));
            let ended = match (ended, log) {
                (Err(error), _) => Err(error),
                (Ok(()), Log::Damaged { line, .. }) => Err(Registry::batch_damaged(&id, line)),
                // What is lost may be in a batch that is brought back later.
                (Ok(()), _) if !restored.lost.is_empty() => Ok(()),
                (Ok(()), _) => registry.remove_batch(&id).await,
            };
            Ok(Ended::of(restored, ended))
        })
        .await
    }

    async fn restore_all(
        &self,
        id: &BatchId,
        named: Named,
        by: &Actor,
        stop: &CancellationToken,
        restored: &mut Restored,
    ) -> Result<()> {
        let go_on = || if stop.is_cancelled() { Err(RegistryError::Stopped) } else { Ok(()) };
        let Ok(mut log) = self.open_log(id).await? else { return Ok(()) };
        while let Some(some) = log.next().await? {
            for removed in some {
                if let Removed::Blob { digest, .. } = removed {
                    go_on()?;
                    restored.blobs += u64::from(self.bring_back(&digest, id).await?);
                }
            }
        }
        let Ok(mut log) = self.open_log(id).await? else { return Ok(()) };
        while let Some(some) = log.next().await? {
            for removed in some {
                if let Removed::Layer { repository, digest, target } = removed
                    && self.content_is_there(&target).await?
                {
                    go_on()?;
                    self.link(&repository, &digest, &target).await?;
                }
            }
        }
        self.restore_manifests(id, named.manifests, by, stop, restored).await?;
        for repository in named.repositories {
            go_on()?;
            self.restore_repository(id, &repository, stop, restored).await?;
            // It may be that nothing of it is left.
            if self.repository_exists(&repository).await? {
                restored.repositories.push(repository);
            }
        }
        self.storage.settle().await?;
        // What was there again, or came back from another batch, has left a copy that nothing names without the batch.
        self.remove_contents(id, Which::Copies, stop, &mut Emptied::default()).await?;
        restored.lost.sort_unstable();
        restored.lost.dedup();
        Ok(())
    }

    /// Moves content from a batch to its place, or from another if that has it; whether anything was moved.
    async fn bring_back(&self, digest: &Digest, id: &BatchId) -> storage::Result<bool> {
        if self.is_in_place(digest).await? {
            return Ok(false);
        }
        Ok(self.rescue_from(id, digest).await? || self.rescue(digest).await?)
    }

    /// Sees to it that a manifest's content and all that it refers to is in its place; what it refers to, or `None` if its
    /// own content is gone.
    pub(super) async fn bring_content_back(&self, digest: &Digest) -> Result<Option<Edges>> {
        if !self.content_is_there(digest).await? {
            return Ok(None);
        }
        // Somebody may have pushed it as a blob just now, which waits for its place.
        if !self.is_in_place(digest).await? {
            self.settle().await;
        }
        let content = self.storage.get(&layout::blob(digest)).await?;
        let Ok(edges) = Edges::of(&content) else { return Ok(None) };
        for part in &edges.parts {
            self.content_is_there(part).await?;
        }
        Ok(Some(edges))
    }
}

#[cfg(test)]
#[path = "restore_tests.rs"]
mod tests;
