//! What is in the trash.

use crate::oci::{Digest, RepositoryName};
use crate::registry::{Registry, Result, layout};
use crate::storage;

use super::{Action, BatchId, Log, Removed};

/// So many repositories are named of a batch.
const MOST_NAMES: usize = 20;

/// A batch of the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contents {
    /// Its name.
    pub id: BatchId,
    /// What made it. `None` if that cannot be read.
    pub action: Option<Action>,
    /// The first line of its log that cannot be read, from 1. Such a batch stays until somebody removes its directory.
    pub damaged: Option<u64>,
    /// The repositories of which something is in it, the first 20 of them.
    pub repositories: Vec<RepositoryName>,
    /// How many manifests are in it.
    pub manifests: u64,
    /// How much content is in it.
    pub blobs: u64,
    /// Its length in bytes.
    pub bytes: u64,
}

impl Registry {
    /// Every batch of the trash, the oldest first.
    pub async fn trash(&self) -> Result<Vec<Contents>> {
        let mut batches = Vec::new();
        for id in self.batches().await? {
            batches.extend(self.contents(id).await?);
        }
        Ok(batches)
    }

    /// The names of all batches, the oldest first.
    pub(in crate::registry) async fn batches(&self) -> Result<Vec<BatchId>> {
        Ok(self.names(&layout::trash()).await?.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// `None` of one that is just being written, or never was because of a crash: nothing is in it.
    async fn contents(&self, id: BatchId) -> Result<Option<Contents>> {
        let mut contents =
            Contents { id, action: None, damaged: None, repositories: Vec::new(), manifests: 0, blobs: 0, bytes: 0 };
        let id = contents.id.clone();
        let log = self
            .read_batch(&id, |removed| match removed {
                Removed::Blob { size, .. } => {
                    contents.blobs += 1;
                    contents.bytes += size;
                }
                Removed::Layer { .. } => {}
                Removed::Manifest { repository, .. } => {
                    contents.manifests += 1;
                    name(&mut contents.repositories, repository);
                }
                Removed::Repository { repository } => name(&mut contents.repositories, repository),
            })
            .await?;
        (contents.action, contents.damaged) = match log {
            Log::Absent => return Ok(None),
            Log::Whole(action) => (Some(action), None),
            Log::Damaged { action, line } => (action, Some(line)),
        };
        Ok(Some(contents))
    }

    /// Whether the trash has a manifest as part of a repository that was removed as a whole.
    pub(in crate::registry) async fn is_trashed_with(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<bool> {
        for id in self.batches().await? {
            match self.storage.stat(&layout::trashed_revision_link(&id, repository, digest)).await {
                Ok(_) => return Ok(true),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }

    /// Content is where it belongs, or is brought back from the trash; false if it is in neither.
    ///
    /// Against its removal from the trash: whoever moves or removes it first has it.
    pub(in crate::registry) async fn rescue(&self, digest: &Digest) -> storage::Result<bool> {
        if self.settings.read_only {
            return Ok(false);
        }
        for id in self.copies_in_trash(digest).await? {
            if self.rescue_from(&id, digest).await? {
                return Ok(true);
            }
        }
        // Somebody else may have moved it before it was looked for there.
        self.is_in_place(digest).await
    }

    /// The same from one batch.
    pub(in crate::registry) async fn rescue_from(&self, id: &BatchId, digest: &Digest) -> storage::Result<bool> {
        let change = storage::Change::Rename(layout::trashed_blob(digest, id), layout::blob(digest));
        match self.storage.apply(vec![vec![change]]).await {
            // Somebody else has moved it.
            Err(error) if error.is_not_found() => {}
            moved => moved?,
        }
        self.is_in_place(digest).await
    }

    /// What is asked of content that is settled. It may be in the trash, from where whoever asks for it gets it back.
    pub(in crate::registry) async fn or_rescued<T, F>(&self, digest: &Digest, ask: impl Fn() -> F) -> storage::Result<T>
    where
        F: Future<Output = storage::Result<T>>,
    {
        match ask().await {
            Err(error) if error.is_not_found() && self.rescue(digest).await? => ask().await,
            answer => answer,
        }
    }

    /// Whether content is where it belongs.
    pub(in crate::registry) async fn is_in_place(&self, digest: &Digest) -> storage::Result<bool> {
        match self.storage.stat(&layout::blob(digest)).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The batches that have a copy of a content, the newest first.
    pub(in crate::registry) async fn copies_in_trash(&self, digest: &Digest) -> storage::Result<Vec<BatchId>> {
        let entries = self.storage.list(&layout::blob_directory(digest), None, usize::MAX).await?;
        Ok(entries.iter().rev().filter_map(|entry| layout::batch_of_trashed(&entry.name)).collect())
    }

    /// Whether anything is left of a batch but copies of contents. Before it has any, its log is there.
    pub(in crate::registry) async fn batch_is_there(&self, id: &BatchId) -> storage::Result<bool> {
        Ok(!self.storage.list(&layout::batch(id), None, 1).await?.is_empty())
    }
}

fn name(names: &mut Vec<RepositoryName>, repository: RepositoryName) {
    if names.len() < MOST_NAMES && !names.contains(&repository) {
        names.push(repository);
    }
}
