//! What the registry remembers of the storage, so that a pull of what was pulled before asks it nothing.
//!
//! Only what is there is remembered, never that something is not there. All changes go through this registry: two programs
//! do not run on one volume.

use crate::oci::{Digest, RepositoryName, Tag};

use super::StoredManifest;
use super::cache::{Cache, Changing};

/// All manifests that are remembered weigh so much, in bytes.
const MANIFESTS: usize = 8 * 1024 * 1024;
/// All tags, and all blobs that a repository holds: so much each, in bytes.
const NAMES: usize = 2 * 1024 * 1024;

type TagName = (RepositoryName, Tag);
type InRepository = (RepositoryName, Digest);

/// What is remembered.
#[derive(Debug)]
pub(super) struct Remembered {
    /// What a tag points at.
    pub(super) tags: Cache<TagName, Digest>,
    /// The manifests that a repository holds.
    pub(super) manifests: Cache<InRepository, StoredManifest>,
    /// Where the content of the blobs is that a repository holds.
    pub(super) blobs: Cache<InRepository, Digest>,
}

/// Tags and a manifest that are being changed.
#[derive(Debug)]
pub(super) struct ChangingManifest {
    _tags: Vec<Changing<TagName, Digest>>,
    _manifest: Changing<InRepository, StoredManifest>,
}

/// A repository of which anything is being changed.
#[derive(Debug)]
pub(super) struct ChangingRepository {
    _tags: Vec<Changing<TagName, Digest>>,
    _manifests: Vec<Changing<InRepository, StoredManifest>>,
    _blobs: Vec<Changing<InRepository, Digest>>,
}

impl Remembered {
    pub(super) fn new() -> Remembered {
        Remembered { tags: Cache::new(NAMES), manifests: Cache::new(MANIFESTS), blobs: Cache::new(NAMES) }
    }

    /// Announces that a manifest and tags for it are put or removed.
    pub(super) fn changing(&self, repository: &RepositoryName, digest: &Digest, tags: &[Tag]) -> ChangingManifest {
        ChangingManifest {
            _tags: tags.iter().map(|tag| self.changing_tag(repository, tag)).collect(),
            _manifest: self.manifests.changing(&(repository.clone(), *digest)),
        }
    }

    /// Announces that anything of a repository is changed.
    pub(super) fn changing_repository(&self, repository: &RepositoryName) -> ChangingRepository {
        ChangingRepository {
            _tags: self.tags.changing_where(|(name, _)| name == repository),
            _manifests: self.manifests.changing_where(|(name, _)| name == repository),
            _blobs: self.blobs.changing_where(|(name, _)| name == repository),
        }
    }

    /// Announces that a tag is moved or removed.
    pub(super) fn changing_tag(&self, repository: &RepositoryName, tag: &Tag) -> Changing<TagName, Digest> {
        self.tags.changing(&(repository.clone(), tag.clone()))
    }
}

/// What an entry weighs, in bytes: its names, what it holds, and what the map needs.
pub(super) fn weight(repository: &RepositoryName, held: usize) -> usize {
    repository.as_str().len() + held + 256
}
