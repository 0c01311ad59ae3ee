//! Locks that keep changes of one thing apart without knowing all things.
//!
//! A lock is picked by the hash of the name. Two names may share one; then they wait for each other, which is slower and
//! never wrong. None of these is taken by a request that only reads.

use std::hash::{BuildHasher, Hash, RandomState};

use tokio::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::oci::{Digest, RepositoryName, Tag};

const STRIPES: usize = 256;

/// The locks of one registry.
#[derive(Debug)]
pub(super) struct Locks {
    hash: RandomState,
    repositories: Vec<RwLock<()>>,
    tags: Vec<Mutex<()>>,
    types: Vec<Mutex<()>>,
    contents: Vec<RwLock<()>>,
}

impl Locks {
    pub(super) fn new() -> Locks {
        Locks {
            hash: RandomState::new(),
            repositories: (0..STRIPES).map(|_| RwLock::new(())).collect(),
            tags: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            types: (0..STRIPES).map(|_| Mutex::new(())).collect(),
            contents: (0..STRIPES).map(|_| RwLock::new(())).collect(),
        }
    }

    fn stripe(&self, name: impl Hash) -> usize {
        usize::try_from(self.hash.hash_one(name) % STRIPES as u64).unwrap_or_default()
    }

    /// Held while manifests and tags are added to the repository; many may do that at once.
    pub(super) async fn adding(&self, repository: &RepositoryName) -> RwLockReadGuard<'_, ()> {
        self.repositories[self.stripe(repository)].read().await
    }

    /// Held while a manifest and the tags that point at it are removed, so that no tag is added to it meanwhile.
    pub(super) async fn removing(&self, repository: &RepositoryName) -> RwLockWriteGuard<'_, ()> {
        self.repositories[self.stripe(repository)].write().await
    }

    /// Held while these tags are looked at and moved. Taken in one order, so that two requests with overlapping lists do
    /// not wait for each other for ever.
    pub(super) async fn moving(&self, repository: &RepositoryName, tags: &[Tag]) -> Vec<MutexGuard<'_, ()>> {
        let mut stripes: Vec<usize> = tags.iter().map(|tag| self.stripe((repository, tag))).collect();
        stripes.sort_unstable();
        stripes.dedup();
        let mut held = Vec::with_capacity(stripes.len());
        for stripe in stripes {
            held.push(self.tags[stripe].lock().await);
        }
        held
    }

    /// Held while what a manifest is served as is looked at and changed. Taken behind the tags' locks.
    pub(super) async fn typing(&self, repository: &RepositoryName, digest: &Digest) -> MutexGuard<'_, ()> {
        self.types[self.stripe((repository, digest))].lock().await
    }

    /// Held while a content is put in its place, and from before the link to it that goes ahead of it. The last lock that is
    /// taken; many may have it at once, also for one content.
    pub(super) async fn placing(&self, digest: &Digest) -> RwLockReadGuard<'_, ()> {
        self.contents[self.stripe(digest)].read().await
    }

    /// Held while a content, or a link to it, is moved out of the way; none while others have it in hand.
    pub(super) fn try_placing_alone(&self, digest: &Digest) -> Option<RwLockWriteGuard<'_, ()>> {
        self.contents[self.stripe(digest)].try_write().ok()
    }
}
