//! Manifests: reading and deleting. Putting has a file of its own.

use bytes::Bytes;
use tracing::{error, warn};

use crate::oci::{Digest, Manifest, MediaType, Reference, RepositoryName};

use crate::storage::{Change, StorageError};

use super::history::How;
use super::remembered::weight;
use super::trash::What;
use super::work::at_length;
use super::{Actor, Precondition, Registry, RegistryError, Result, layout};

/// A manifest as it was put.
#[derive(Clone, Debug)]
pub struct StoredManifest {
    /// Its name.
    pub digest: Digest,
    /// What it was put as.
    pub media_type: MediaType,
    /// Exactly the bytes that were put.
    pub bytes: Bytes,
}

impl Registry {
    /// A manifest that the repository holds.
    pub async fn get_manifest(&self, repository: &RepositoryName, reference: &Reference) -> Result<StoredManifest> {
        let digest = match reference {
            Reference::Digest(digest) => Some(*digest),
            Reference::Tag(tag) => self.resolve(repository, tag).await?,
        };
        let Some(digest) = digest else {
            return Err(self.manifest_unknown(repository, reference).await);
        };
        // Who is told that it is there leaves it out of what they push.
        self.pin(&digest).await;
        match self.read_manifest(repository, &digest).await? {
            Some(manifest) => Ok(manifest),
            None => Err(self.manifest_unknown(repository, reference).await),
        }
    }

    /// The manifest, if the repository holds it and its bytes are there.
    pub(super) async fn read_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>> {
        let name = (repository.clone(), *digest);
        let ticket = match self.remembered.manifests.get(&name) {
            Ok(manifest) => return Ok(Some(manifest)),
            Err(ticket) => ticket,
        };
        let found = self.read_stored_manifest(repository, digest).await?;
        if let Some(manifest) = &found {
            let weight = weight(repository, manifest.bytes.len());
            self.remembered.manifests.remember(ticket, name, manifest.clone(), weight);
        }
        Ok(found)
    }

    async fn read_stored_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<Option<StoredManifest>> {
        let held = self.holds_manifest(repository, digest).await?;
        // The first registries 2.x linked manifests as they linked blobs.
        if !held && self.held_blob(repository, digest).await? != Some(*digest) {
            return Ok(None);
        }
        let key = layout::blob(digest);
        let bytes = match self.or_rescued(digest, || self.storage.get(&key)).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => {
                warn!(%repository, %digest, "a manifest is linked but its content is gone");
                return Ok(None);
            }
            // What is too large to be a manifest is a blob.
            Err(StorageError::TooLarge { .. }) if !held => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let (name, content) = (*digest, bytes.clone());
        if !at_length(bytes.len(), move || Ok(Digest::of(name.algorithm(), &content) == name)).await? {
            error!(%repository, %digest, "a manifest has rotted on disk and is treated as absent; push it again");
            return Ok(None);
        }
        match self.type_of(repository, digest, bytes.clone()).await? {
            Some(media_type) => Ok(Some(StoredManifest { digest: *digest, media_type, bytes })),
            None if !held => Ok(None),
            None => Err(RegistryError::Damaged(format!("{digest} in {repository} is not a manifest"))),
        }
    }

    /// What the manifest was put as: what was noted then, or what its bytes say.
    pub(super) async fn type_of(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        bytes: Bytes,
    ) -> Result<Option<MediaType>> {
        let noted = match self.storage.get(&layout::manifest_type(repository, digest)).await {
            Ok(noted) => std::str::from_utf8(&noted).ok().and_then(|text| text.parse().ok()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        match noted {
            Some(noted) => Ok(Some(noted)),
            None => at_length(bytes.len(), move || Ok(Manifest::stored_type(&bytes))).await,
        }
    }

    /// Removes a manifest and the tags that point at it.
    ///
    /// Against a put of the same manifest or of a tag for it: the repository's lock puts one behind the other. A put that
    /// comes first gives the tag that is then found and removed; one that comes later writes the manifest anew. So no tag
    /// that was acknowledged is left pointing at nothing. Readers take no lock: they see the tag or not, and a tag that
    /// was resolved just before may lead to "not found", which is true by then.
    pub async fn delete_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        precondition: &Precondition,
        by: &Actor,
    ) -> Result<()> {
        self.allow_deleting()?;
        let (registry, repository, digest) = (self.clone(), repository.clone(), *digest);
        let (precondition, by) = (precondition.clone(), by.clone());
        self.to_its_end(async move {
            let _removing = registry.locks.removing(&repository).await;
            let remove = || registry.remove_manifest(&repository, &digest, &precondition, &by);
            registry.despite_a_full_disk(remove).await?;
            // It is gone, whether or not the repository is.
            registry.tidy_while_removing(&repository).await;
            Ok(())
        })
        .await
    }

    /// The caller keeps everyone from adding to the repository.
    async fn remove_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        precondition: &Precondition,
        by: &Actor,
    ) -> Result<()> {
        let reference = Reference::Digest(*digest);
        let held = self.holds_manifest(repository, digest).await?;
        precondition
            .check(held.then_some(*digest))
            .map_err(|state| RegistryError::PreconditionFailed { reference: reference.clone(), state })?;
        if !held {
            return Err(self.manifest_unknown(repository, &reference).await);
        }
        let _changing = self.remembered.changing(repository, digest, &[]);
        let subject = self.subject_of(digest).await;
        let (tags, nowhere) = self.tags_of(repository, digest).await?;
        self.check_no_immutable_tag_needs(repository, digest).await?;
        // What it is, is in the trash before any of it is gone.
        let removed = self.as_removed(repository, digest, tags.clone()).await?;
        self.put_batch(What::ManifestDeletion, by, &[removed]).await?;
        let left = self.left_alone_by(repository, &[*digest]).await?;
        self.storage.apply(vec![left]).await?;
        for tag in &tags {
            // Whoever deletes the tag alone does not add to the repository: both would write its history.
            let _moving = self.locks.moving(repository, std::slice::from_ref(tag)).await;
            if self.resolve(repository, tag).await? == Some(*digest) {
                self.remove_tag(repository, tag, Some(*digest), by, How::DeleteManifest).await?;
            }
        }
        // A tag that pointed here may have been removed before and not survive as removed: its sync failed. Nobody will ask
        // for it again, so it is made sure of now.
        let removed = nowhere.iter().map(|tag| Change::Settle(layout::tag_current(repository, tag))).collect();
        self.storage.apply(vec![removed]).await?;
        let link = layout::revision_link(repository, digest);
        let deleted = self.storage.delete(&link).await;
        self.usage.went(repository);
        deleted?;
        self.storage.prune(&link, &layout::revisions(repository, digest.algorithm())).await?;
        // From here on it is gone; what follows is no longer looked at.
        if let Some(subject) = subject {
            self.storage.delete(&layout::referrer(repository, &subject, digest)).await?;
        }
        self.storage.delete(&layout::left_alone(repository, digest)).await?;
        Ok(self.storage.delete(&layout::manifest_type(repository, digest)).await?)
    }

    async fn subject_of(&self, digest: &Digest) -> Option<Digest> {
        let bytes = self.storage.get(&layout::blob(digest)).await.ok()?;
        Some(Manifest::parse(&bytes, None).ok()?.subject?.digest)
    }

    pub(super) async fn manifest_unknown(&self, repository: &RepositoryName, reference: &Reference) -> RegistryError {
        let hint = self.hint(repository).await;
        RegistryError::ManifestUnknown { repository: repository.clone(), reference: reference.clone(), hint }
    }
}
