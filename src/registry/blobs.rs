//! Blobs: looking, reading, deleting, mounting.

use std::ops::Range;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use tracing::debug;

use crate::oci::{Digest, RepositoryName};
use crate::storage::Object;

use super::{Actor, Registry, RegistryError, Result, layout};

/// A blob that is open for reading. It stays readable when it is deleted meanwhile.
pub struct Blob {
    object: Box<dyn Object>,
}

impl Blob {
    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.object.size()
    }

    /// The bytes of a range within it, in pieces.
    pub fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        self.object.read(range).map_err(RegistryError::from).boxed()
    }
}

/// Where a mounted blob is to come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountFrom<'a> {
    /// From this repository, if that holds it.
    Repository(&'a RepositoryName),
    /// From wherever it is. Only for callers who may read every repository: to others it would hand out whatever they know
    /// the digest of, and tell them what others have.
    Anywhere,
}

/// How a mount ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// The repository holds the blob now.
    Mounted,
    /// The blob is not where it was to come from; it has to be uploaded.
    Absent,
}

impl Registry {
    /// The length of a blob that the repository holds, in bytes.
    pub async fn stat_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<u64> {
        // Who is told that it is there leaves it out of what they push.
        self.pin(digest).await;
        if let Some(target) = self.held_blob(repository, digest).await? {
            self.pin(&target).await;
            match self.stat_content(&target).await {
                Ok(meta) => return Ok(meta.size),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.blob_unknown(repository, digest).await)
    }

    /// Opens a blob that the repository holds.
    pub async fn open_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Blob> {
        if let Some(target) = self.held_blob(repository, digest).await? {
            match self.open_content(&target).await {
                Ok(object) => return Ok(Blob { object }),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(self.blob_unknown(repository, digest).await)
    }

    /// Takes a blob from the repository. Its bytes stay until they are collected; others may hold them too.
    ///
    /// Against a manifest that is put at the same time and refers to the blob: whichever comes last wins, as if the two
    /// had come one after the other. A blob may be deleted from under a manifest; the client asked for it. From under a tag
    /// that is immutable it may not, and where such tags may be, nobody puts one meanwhile.
    pub async fn delete_blob(&self, repository: &RepositoryName, digest: &Digest, by: &Actor) -> Result<()> {
        self.allow_deleting()?;
        self.stat_blob(repository, digest).await?;
        debug!(%repository, %digest, %by, "a blob is taken from its repository");
        let (registry, name, digest) = (self.clone(), (repository.clone(), *digest), *digest);
        self.to_its_end(async move {
            let _changing = registry.remembered.blobs.changing(&name);
            // It may have been read as a manifest, as those of the first registries 2.x are.
            let _manifest = registry.remembered.manifests.changing(&name);
            let removing = match registry.settings.immutable_tags.may_be_in(&name.0) {
                true => Some(registry.locks.removing(&name.0).await),
                false => None,
            };
            registry.check_no_immutable_tag_needs(&name.0, &digest).await?;
            let link = layout::layer_link(&name.0, &digest);
            let deleted = registry.storage.delete(&link).await;
            registry.usage.went(&name.0);
            deleted?;
            drop(removing);
            registry.storage.prune(&link, &layout::layers(&name.0, digest.algorithm())).await?;
            registry.tidy_if_without_manifests(&name.0).await;
            Ok(())
        })
        .await
    }

    /// Lets the repository hold a blob that is there where it is to come from. Whether the caller may read that is for the
    /// caller to know.
    ///
    /// Against a delete of the blob in `from`: the mount saw it or did not. The bytes are not touched by either.
    pub async fn mount_blob(&self, repository: &RepositoryName, digest: &Digest, from: MountFrom<'_>) -> Result<Mount> {
        self.allow_writing()?;
        let target = match from {
            MountFrom::Repository(from) => self.held_blob(from, digest).await?,
            MountFrom::Anywhere => Some(*digest),
        };
        let Some(target) = target else {
            return Ok(Mount::Absent);
        };
        // Before anything is held that others wait for.
        let Some(size) = self.content_size(&target).await? else {
            return Ok(Mount::Absent);
        };
        let room = self.room(repository, Some(&target), size).await?;
        let _entered = self.pins.enter();
        self.pin(digest).await;
        self.pin(&target).await;
        let _placing = self.locks.placing(digest).await;
        if !self.content_is_there(&target).await? {
            return Ok(Mount::Absent);
        }
        let linked = self.link(repository, digest, &target).await;
        room.conclude(&linked, &target, size);
        linked.map(|()| Mount::Mounted)
    }

    async fn content_size(&self, digest: &Digest) -> Result<Option<u64>> {
        match self.stat_content(digest).await {
            Ok(meta) => Ok(Some(meta.size)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn blob_unknown(&self, repository: &RepositoryName, digest: &Digest) -> RegistryError {
        let hint = self.hint(repository).await;
        RegistryError::BlobUnknown { repository: repository.clone(), digest: *digest, hint }
    }
}
