//! Puts that may create and not change: what somebody else has put stays as it is.

use bytes::Bytes;

use crate::oci::{Digest, Manifest, RepositoryName, Tag};

use super::{Registry, RegistryError, Result};

/// Whether a put may take the place of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overwrite {
    /// Tags move, and a manifest that is put again is served as what it was put as last.
    Allowed,
    /// Create only. A put with a tag that points somewhere already, even at this very manifest, is refused as a whole, and so
    /// is one of a manifest that the repository serves as another type.
    Refused,
}

impl Registry {
    /// Refuses a put that would change what is there.
    ///
    /// The caller holds the tags' locks, and, if the manifest could be put as another type, the type's, until the put is
    /// done: of two that create one tag, or one manifest with different types, the second finds what the first has put. The
    /// repository's lock keeps deletions away.
    pub(super) async fn check_nothing_is_overwritten(
        &self,
        repository: &RepositoryName,
        manifest: &Manifest,
        digest: &Digest,
        tags: &[Tag],
        bytes: &Bytes,
    ) -> Result<()> {
        for tag in tags {
            if let Some(digest) = self.resolve(repository, tag).await? {
                return Err(RegistryError::WouldOverwrite { repository: repository.clone(), tag: tag.clone(), digest });
            }
        }
        // As it is looked for by whoever reads it.
        let is_served = self.holds_manifest(repository, digest).await?
            || self.held_blob(repository, digest).await? == Some(*digest);
        if !is_served {
            return Ok(());
        }
        // What nobody knows the type of any more is served to nobody, and is whole again with this put.
        match self.type_of(repository, digest, bytes.clone()).await? {
            Some(held) if held != manifest.media_type => {
                let (repository, asked) = (repository.clone(), manifest.media_type.clone());
                Err(RegistryError::WouldRetype { repository, digest: *digest, held, asked })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "overwrite_tests.rs"]
mod tests;
