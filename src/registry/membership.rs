//! Whether a repository holds something: the one question that keeps repositories apart.
//!
//! Content is kept once, under its digest, for all repositories. A digest that exists is readable in a repository only if
//! the repository has a link to it.

use crate::oci::{Digest, RepositoryName};

use super::remembered::weight;
use super::{Registry, Result, layout, links};

impl Registry {
    /// Where the content of a blob is, if the repository holds it.
    ///
    /// That is mostly the digest itself. registry:2 keeps a blob that was pushed by its SHA-512 under its SHA-256 and
    /// links the one name to the other.
    pub(super) async fn held_blob(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<Digest>> {
        let name = (repository.clone(), *digest);
        let ticket = match self.remembered.blobs.get(&name) {
            Ok(target) => return Ok(Some(target)),
            Err(ticket) => ticket,
        };
        let target = links::read(self.storage.as_ref(), &layout::layer_link(repository, digest)).await?;
        let target = target.filter(|target| same_or_alias(digest, target));
        if let Some(target) = target {
            self.remembered.blobs.remember(ticket, name, target, weight(repository, 0));
        }
        Ok(target)
    }

    /// Whether the repository holds the manifest.
    pub(super) async fn holds_manifest(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        let target = links::read(self.storage.as_ref(), &layout::revision_link(repository, digest)).await?;
        Ok(target == Some(*digest))
    }

    /// Whether anything was ever pushed to the repository.
    pub(super) async fn repository_exists(&self, repository: &RepositoryName) -> Result<bool> {
        // What makes a repository stands together, before the namespaces below it.
        let below = self.storage.list(&layout::repository(repository), Some("_"), 8).await?;
        Ok(below
            .iter()
            .any(|entry| [layout::MANIFESTS, layout::LAYERS, layout::UPLOADS].contains(&entry.name.as_str())))
    }
}

/// A link to another digest of the same algorithm is damage.
pub(super) fn same_or_alias(digest: &Digest, target: &Digest) -> bool {
    digest == target || digest.algorithm() != target.algorithm()
}
