//! What is safe to repair.
//!
//! Nothing that could be pulled is ever removed, and content is removed only where a copy of it is in its place. What has rotted is moved and not removed; links that lead nowhere and notes
//! that are wrong count as absent, whether they are there or not; what is made anew is what the manifests themselves say.
//! The caller holds the locks under which the defect was seen (`subject.rs`), and each change is announced to what is
//! remembered.

use crate::oci::{Digest, RepositoryName};
use crate::storage::Change;

use crate::registry::{Registry, RegistryError, Result, layout, links, referrers};

use super::defect::Defect;
use super::links::Content;

impl Registry {
    /// Repairs a defect. Of those that only a person can do something about, nothing is changed.
    pub(super) async fn repair(&self, defect: &Defect) -> Result<()> {
        match defect {
            Defect::Rotten { digest, .. } => {
                let aside = layout::quarantine(digest);
                let moved = Change::Rename(layout::blob(digest), aside.clone());
                // One that rotted before makes room.
                self.storage.apply(vec![vec![Change::Remove(aside)], vec![moved]]).await?;
                self.prune_content(digest).await
            }
            Defect::EmptyBlob { digest } => {
                self.prune_content(digest).await?;
                match self.has_blob_directory(digest).await? {
                    true => Err(RegistryError::Damaged("something that is no file is in it".to_owned())),
                    false => Ok(()),
                }
            }
            Defect::TrashOrphan { digest, batch, .. } => match self.is_in_place(digest).await? {
                true => Ok(self.storage.delete(&layout::trashed_blob(digest, batch)).await?),
                // Something may refer to it. If nothing does, a collection takes it as any other.
                false => Ok(self.rescue_from(batch, digest).await.map(drop)?),
            },
            Defect::InTrash { digest, .. } => match self.is_in_place(digest).await? || self.rescue(digest).await? {
                true => Ok(()),
                false => Err(RegistryError::Damaged("it was removed from the trash meanwhile".to_owned())),
            },
            Defect::Stray { path } => Ok(self.storage.delete(path).await?),
            Defect::LayerDamaged { repository, digest, .. } | Defect::LayerDangling { repository, digest } => {
                let name = (repository.clone(), *digest);
                let _changing = self.remembered.blobs.changing(&name);
                let _manifest = self.remembered.manifests.changing(&name);
                let deleted = self.storage.delete(&layout::layer_link(repository, digest)).await;
                self.usage.went(repository);
                Ok(deleted?)
            }
            Defect::RevisionDamaged { repository, digest, .. } | Defect::RevisionDangling { repository, digest } => {
                let _changing = self.remembered.changing(repository, digest, &[]);
                let deleted = self.storage.delete(&layout::revision_link(repository, digest)).await;
                self.usage.went(repository);
                Ok(deleted?)
            }
            Defect::TagUnlisted { repository, tag, digest } => {
                Ok(self.storage.put(&layout::tag_index(repository, tag, digest), links::content(digest)).await?)
            }
            Defect::ReferrerMissing { repository, subject, digest }
            | Defect::ReferrerWrong { repository, subject, digest } => {
                self.note_referrer(repository, subject, digest).await
            }
            Defect::ReferrerOrphan { repository, subject, digest } => {
                Ok(self.storage.delete(&layout::referrer(repository, subject, digest)).await?)
            }
            Defect::TypeDamaged { repository, digest } | Defect::TypeOrphan { repository, digest } => {
                let _changing = self.remembered.changing(repository, digest, &[]);
                Ok(self.storage.delete(&layout::manifest_type(repository, digest)).await?)
            }
            Defect::Foreign { .. }
            | Defect::NotAManifest { .. }
            | Defect::Incomplete { .. }
            | Defect::TagDamaged { .. }
            | Defect::TagNowhere { .. }
            | Defect::UploadDamaged { .. }
            | Defect::Unsettled { .. }
            | Defect::Unreadable { .. } => Ok(()),
        }
    }

    /// Notes a manifest under its subject as it says itself, or removes the note if it says something else.
    async fn note_referrer(&self, repository: &RepositoryName, subject: &Digest, digest: &Digest) -> Result<()> {
        if let Content::Manifest { says: Some(says), size, .. } = self.look_at_manifest(repository, digest).await?
            && says.subject.as_ref().is_some_and(|about| about.digest == *subject)
        {
            let entry = referrers::entry(repository, subject, &says.describe(*digest, size))?;
            return Ok(self.storage.apply(vec![vec![entry]]).await?);
        }
        Ok(self.storage.delete(&layout::referrer(repository, subject, digest)).await?)
    }

    /// Whether a content has a directory of its own, whatever is in it.
    pub(super) async fn has_blob_directory(&self, digest: &Digest) -> Result<bool> {
        let siblings = self.storage.list(&layout::blob_prefix(digest), None, usize::MAX).await?;
        Ok(siblings.iter().any(|entry| entry.name == digest.hex()))
    }

    async fn prune_content(&self, digest: &Digest) -> Result<()> {
        Ok(self.storage.prune(&layout::blob_directory(digest), &layout::blobs(digest.algorithm())).await?)
    }
}
