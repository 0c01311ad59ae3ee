//! A repository that holds nothing goes away, from the catalog and from disk.

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::storage::Key;

use super::{Registry, Result, layout};

impl Registry {
    /// Removes what is left of a repository from which a collection has taken everything, and says whether it is gone.
    pub(super) async fn tidy_collected(&self, repository: &RepositoryName) -> Result<bool> {
        let _removing = self.locks.removing(repository).await;
        Ok(self.is_without_manifests(repository).await? && self.tidy(repository).await?)
    }

    /// Does the same behind the removal of something else, which has worked, whether or not this does.
    pub(super) async fn tidy_if_without_manifests(&self, repository: &RepositoryName) {
        if matches!(self.holds_any_manifest(repository).await, Ok(false)) {
            let _removing = self.locks.removing(repository).await;
            self.tidy_while_removing(repository).await;
        }
    }

    /// Does the same. The caller keeps everyone from adding to the repository.
    pub(super) async fn tidy_while_removing(&self, repository: &RepositoryName) {
        if matches!(self.is_without_manifests(repository).await, Ok(true)) {
            let manifests = layout::repository(repository).child(layout::MANIFESTS);
            if self.storage.list(&manifests, None, 1).await.is_ok_and(|left| !left.is_empty()) {
                self.note_removed_repository().await;
            }
            let _ = self.tidy(repository).await;
        }
    }

    async fn is_without_manifests(&self, repository: &RepositoryName) -> Result<bool> {
        Ok(!self.holds_any_manifest(repository).await? && !self.has_any_tag(repository).await?)
    }

    /// Removes what is left of a repository's manifests if it holds none and no tag points anywhere, and the repository if it
    /// holds no blobs either and no upload is under way. Says whether it is gone.
    ///
    /// Alone in the repository, so that nobody adds a manifest meanwhile. Who links a blob or begins an upload makes the
    /// directories anew that they find gone.
    async fn tidy(&self, repository: &RepositoryName) -> Result<bool> {
        let key = layout::repository(repository);
        self.storage.delete_all(&key.child(layout::MANIFESTS)).await?;
        for algorithm in Algorithm::ALL {
            self.storage.prune(&layout::layers(repository, algorithm), &key).await?;
        }
        self.storage.prune(&layout::uploads(repository), &layout::repositories()).await?;
        self.storage.prune(&key, &layout::repositories()).await?;
        let left = [layout::LAYERS, layout::UPLOADS].map(|name| key.child(name));
        for left in left {
            if !self.storage.list(&left, None, 1).await?.is_empty() {
                return Ok(false);
            }
        }
        Ok(!self.sessions.are_under_way_in(repository))
    }

    async fn holds_any_manifest(&self, repository: &RepositoryName) -> Result<bool> {
        for algorithm in Algorithm::ALL {
            let link = |name: &str| {
                Digest::from_hex(algorithm, name).ok().map(|digest| layout::revision_link(repository, &digest))
            };
            if self.is_any_there(&layout::revisions(repository, algorithm), link).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn has_any_tag(&self, repository: &RepositoryName) -> Result<bool> {
        // Damaged or not: nobody knows what it should point at.
        let current = |name: &str| name.parse::<Tag>().ok().map(|tag| layout::tag_current(repository, &tag));
        self.is_any_there(&layout::tags(repository), current).await
    }

    /// Whether what belongs to any of the names below a key is there. Mostly the first of them is.
    async fn is_any_there(&self, below: &Key, key: impl Fn(&str) -> Option<Key>) -> Result<bool> {
        let (mut last, mut most) = (None, 16);
        loop {
            let entries = self.storage.list(below, last.as_deref(), most).await?;
            for entry in &entries {
                if let Some(key) = key(&entry.name)
                    && self.is_there(&key).await?
                {
                    return Ok(true);
                }
            }
            if entries.len() < most {
                return Ok(false);
            }
            last = entries.into_iter().last().map(|entry| entry.name);
            most *= 8;
        }
    }

    async fn is_there(&self, key: &Key) -> Result<bool> {
        match self.storage.stat(key).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
