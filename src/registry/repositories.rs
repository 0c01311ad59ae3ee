//! Removing a repository as a whole.

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::Change;

use super::trash::{Removed, What};
use super::{Actor, BatchId, Registry, Result, UploadId, layout};

impl Registry {
    /// Removes a repository with all its tags and manifests: into the trash, from which it can be brought back. Repositories
    /// below it stay.
    ///
    /// Its directories are moved as they are, the manifests first, which takes it out of the catalog in one step. A crash behind that
    /// leaves links to blobs that nothing refers to, which are collected.
    ///
    /// Against a push to it: the repository's lock puts one behind the other. What is pushed behind the removal begins it anew.
    pub async fn delete_repository(&self, repository: &RepositoryName, by: &Actor) -> Result<BatchId> {
        self.allow_deleting()?;
        if !self.repository_exists(repository).await? {
            return Err(self.repository_unknown(repository).await);
        }
        let (registry, repository, by) = (self.clone(), repository.clone(), by.clone());
        self.to_its_end(async move {
            let _removing = registry.locks.removing(&repository).await;
            registry.check_no_tag_is_immutable(&repository).await?;
            registry.discard_uploads(&repository).await?;
            let _changing = registry.remembered.changing_repository(&repository);
            // What is moved is to be whole when it comes back.
            registry.storage.settle().await?;
            let removed = [Removed::Repository { repository: repository.clone() }];
            let put = || registry.put_batch(What::RepositoryDeletion, &by, &removed);
            let batch = registry.despite_a_full_disk(put).await?;
            registry.note_removed_repository().await;
            let (from, to) = (layout::repository(&repository), layout::trashed_repository(&batch, &repository));
            let moved = |part: &str| vec![Change::Rename(from.child(part), to.child(part))];
            let moved = registry.storage.apply(vec![moved(layout::MANIFESTS), moved(layout::LAYERS)]).await;
            registry.usage.went(&repository);
            if moved.is_err() && registry.names(&to).await.is_ok_and(|names| names.is_empty()) {
                // Nothing was moved, so there is nothing to be brought back.
                let _ = registry.storage.delete_all(&layout::batch(&batch)).await;
            }
            moved?;
            registry.storage.prune(&layout::uploads(&repository), &layout::repositories()).await?;
            registry.storage.prune(&from, &layout::repositories()).await?;
            Ok(batch)
        })
        .await
    }

    async fn check_no_tag_is_immutable(&self, repository: &RepositoryName) -> Result<()> {
        if self.settings.immutable_tags.0.is_empty() {
            return Ok(());
        }
        for name in self.names(&layout::tags(repository)).await? {
            let Ok(tag) = name.parse::<Tag>() else { continue };
            if let Some(digest) = self.resolve(repository, &tag).await? {
                self.check_may_move(repository, &tag, Some(digest), None)?;
            }
        }
        Ok(())
    }

    /// Ends every upload of a repository.
    async fn discard_uploads(&self, repository: &RepositoryName) -> Result<()> {
        let on_disk = self.names(&layout::uploads(repository)).await?;
        let on_disk = on_disk.iter().filter_map(|name| name.strip_suffix(layout::SMALL).unwrap_or(name).parse().ok());
        let remembered = self.sessions.all_remembered().into_iter().filter(|(name, _)| name == repository);
        let mut uploads: Vec<UploadId> = on_disk.chain(remembered.map(|(_, id)| id)).collect();
        uploads.sort_unstable();
        uploads.dedup();
        for id in uploads {
            let _claim = self.sessions.claim(repository, id).await;
            self.discard_all(repository, id).await?;
        }
        Ok(())
    }

    /// A manifest with what of it a repository holds, as the trash writes it down.
    pub(super) async fn as_removed(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tags: Vec<Tag>,
    ) -> Result<Removed> {
        let noted = match self.storage.get(&layout::manifest_type(repository, digest)).await {
            Ok(noted) => std::str::from_utf8(&noted).ok().and_then(|text| text.parse().ok()),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        let mut layers = Vec::new();
        for part in self.edges_of(digest).await?.unwrap_or_default().parts {
            if let Some(target) = self.held_blob(repository, &part).await? {
                layers.push((part, target));
            }
        }
        Ok(Removed::Manifest { repository: repository.clone(), digest: *digest, media_type: noted, tags, layers })
    }
}

#[cfg(test)]
#[path = "repositories_tests.rs"]
mod tests;
