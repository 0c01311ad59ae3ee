//! A batch of the trash: what one action has removed, written down before it is.
//!
//! It is written and synced before what it names is moved away, so what is moved is always named somewhere. What is still in
//! its place does no harm there.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::oci::{Digest, MediaType, RepositoryName, Tag};
use crate::registry::{Actor, Registry, RegistryError, Result, layout};
use crate::storage::Stage;

use super::{BatchId, log};

/// The action that removed what is in a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// When.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// By whom.
    pub by: Actor,
    /// What was done.
    pub what: What,
}

/// What removes things.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// The collection of garbage.
    Collection,
    /// Somebody deleted a manifest.
    ManifestDeletion,
    /// Somebody deleted a repository.
    RepositoryDeletion,
    /// The rules of retention.
    Retention,
}

/// Something that was removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "removed", rename_all = "kebab-case")]
pub enum Removed {
    /// The content of a digest, which stands beside its place.
    Blob {
        /// Its digest.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A repository's link to a blob.
    Layer {
        /// The repository.
        repository: RepositoryName,
        /// The blob.
        digest: Digest,
        /// What the link held.
        target: Digest,
    },
    /// A repository's manifest.
    Manifest {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// What was noted of its type.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        media_type: Option<MediaType>,
        /// The tags that pointed at it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        tags: Vec<Tag>,
        /// The blobs of it that the repository held, each with what its link held.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<(Digest, Digest)>,
    },
    /// A whole repository, whose directories stand in the batch.
    Repository {
        /// Its name.
        repository: RepositoryName,
    },
}

impl Removed {
    /// The repository that it was removed from, if it is not content of all of them.
    pub(in crate::registry) fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Removed::Blob { .. } => None,
            Removed::Layer { repository, .. }
            | Removed::Manifest { repository, .. }
            | Removed::Repository { repository } => Some(repository),
        }
    }

    /// Takes up what the next line of a log says of the same manifest, or gives it back.
    pub(super) fn add(&mut self, next: Removed) -> Option<Removed> {
        match (self, next) {
            (
                Removed::Manifest { repository, digest, tags, layers, .. },
                Removed::Manifest { repository: other, digest: named, tags: more_tags, layers: more_layers, .. },
            ) if *repository == other && *digest == named => {
                tags.extend(more_tags);
                layers.extend(more_layers);
                None
            }
            (_, next) => Some(next),
        }
    }
}

/// A batch that is being written.
pub(crate) struct Batch {
    id: BatchId,
    log: Box<dyn Stage>,
    /// How long the log is, in bytes.
    length: u64,
}

impl Batch {
    /// Names the batch.
    pub(crate) fn id(&self) -> &BatchId {
        &self.id
    }

    /// Writes down what is to be removed. When this returns, that survives a power cut.
    pub(crate) async fn write(&mut self, registry: &Registry, removed: &[Removed]) -> Result<()> {
        let mut lines = Vec::new();
        for removed in removed {
            log::write_removed(&mut lines, removed)?;
        }
        let lines = Bytes::from(lines);
        match self.append(lines.clone()).await {
            Err(RegistryError::Full(_)) if registry.storage.make_room().await.unwrap_or(false) => {
                // What of it was written is overwritten.
                self.log = registry.storage.stage(&layout::batch_log(&self.id), self.length).await?;
                self.append(lines).await
            }
            written => written,
        }
    }

    async fn append(&mut self, lines: Bytes) -> Result<()> {
        let length = lines.len() as u64;
        self.log.append(vec![lines], Box::new(|| {})).await?;
        self.log.sync().await?;
        self.length += length;
        Ok(())
    }
}

impl Registry {
    /// Writes a batch down as a whole.
    pub(crate) async fn put_batch(&self, what: What, by: &Actor, removed: &[Removed]) -> Result<BatchId> {
        let at = OffsetDateTime::from(self.clock.now());
        let id = BatchId::new(at);
        let mut lines = Vec::new();
        log::write_line(&mut lines, &Action { at, by: by.clone(), what })?;
        removed.iter().try_for_each(|removed| log::write_removed(&mut lines, removed))?;
        self.storage.put(&layout::batch_log(&id), Bytes::from(lines)).await?;
        Ok(id)
    }

    /// Begins a batch.
    pub(crate) async fn begin_batch(&self, what: What, by: &Actor) -> Result<Batch> {
        // The first line goes the usual way, so that the directories above survive with it.
        let id = self.despite_a_full_disk(|| self.put_batch(what, by, &[])).await?;
        let key = layout::batch_log(&id);
        let length = self.storage.stat(&key).await?.size;
        Ok(Batch { id, log: self.storage.stage(&key, length).await?, length })
    }
}
