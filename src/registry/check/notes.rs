//! What Wharf notes of manifests beside registry:2's tree: their types, and under each subject who refers to it.

use bytes::Bytes;

use crate::oci::{Descriptor, Digest, MediaType, RepositoryName};
use crate::storage::{self, StorageError};

use crate::registry::{Registry, Result, layout};

use super::Check;
use super::defect::Defect;
use super::links::Content;

impl Check<'_> {
    pub(super) async fn look_at_type(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<Defect>> {
        let Some(noted) = self.registry.noted_at(&layout::manifest_type(repository, digest)).await? else {
            return Ok(None);
        };
        let (repository, digest) = (repository.clone(), *digest);
        if !self.registry.links_manifest(&repository, &digest).await? {
            // What is in the trash needs its notes when it comes back.
            let is_orphan = !self.registry.is_trashed_with(&repository, &digest).await?;
            return Ok(is_orphan.then_some(Defect::TypeOrphan { repository, digest }));
        }
        let is_a_type = std::str::from_utf8(&noted).is_ok_and(|text| text.parse::<MediaType>().is_ok());
        Ok((!is_a_type).then_some(Defect::TypeDamaged { repository, digest }))
    }

    pub(super) async fn look_at_referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        digest: &Digest,
    ) -> Result<Option<Defect>> {
        let Some(noted) = self.registry.noted_at(&layout::referrer(repository, subject, digest)).await? else {
            return Ok(None);
        };
        if !self.registry.links_manifest(repository, digest).await? {
            let is_orphan = !self.registry.is_trashed_with(repository, digest).await?;
            let (repository, subject, digest) = (repository.clone(), *subject, *digest);
            return Ok(is_orphan.then_some(Defect::ReferrerOrphan { repository, subject, digest }));
        }
        let expected = match self.registry.look_at_manifest(repository, digest).await? {
            // The content is what is wrong then.
            Content::Gone | Content::Rotten | Content::Unfit => return Ok(None),
            Content::Manifest { says: None, .. } => None,
            Content::Manifest { says: Some(says), size, .. } => {
                let about = says.subject.as_ref().map(|subject| subject.digest);
                (about == Some(*subject)).then(|| says.describe(*digest, size))
            }
        };
        let noted = serde_json::from_slice::<Descriptor>(&noted).ok();
        if expected.is_some() && noted == expected {
            return Ok(None);
        }
        let (repository, subject, digest) = (repository.clone(), *subject, *digest);
        Ok(Some(Defect::ReferrerWrong { repository, subject, digest }))
    }
}

impl Registry {
    /// What is noted under a key, if anything is. What is too long to be a note is a damaged one.
    async fn noted_at(&self, key: &storage::Key) -> storage::Result<Option<Bytes>> {
        match self.storage.get(key).await {
            Ok(noted) => Ok(Some(noted)),
            Err(StorageError::TooLarge { .. }) => Ok(Some(Bytes::new())),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
    }
}
