//! What is looked at by itself, and the locks under which nobody changes it.

use std::time::Duration;

use tokio::sync::{MutexGuard, RwLockWriteGuard};

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::Key;

use crate::registry::{BatchId, Registry, UploadId, layout};

/// How often a lock is tried that is mostly free.
const TRIES: usize = 100;
/// How long between two tries.
const BETWEEN: Duration = Duration::from_millis(20);

/// Something that has to be looked at by itself.
#[derive(Clone, Debug)]
pub(super) enum Subject {
    /// The directory of a content that has none.
    EmptyBlob(Digest),
    /// A copy of a content that a batch of the trash has.
    Copy(Digest, BatchId),
    /// A file that may have been left behind.
    Stray(Key),
    /// A link to a blob.
    Layer(RepositoryName, Digest),
    /// A link to a manifest, and the manifest.
    Revision(RepositoryName, Digest),
    /// A tag.
    Tag(RepositoryName, Tag),
    /// A note under the first digest that the second refers to it.
    Referrer(RepositoryName, Digest, Digest),
    /// A note of a manifest's type.
    Type(RepositoryName, Digest),
    /// An upload.
    Upload(RepositoryName, UploadId),
    /// A blob that waits for its place.
    Unsettled(Digest),
}

/// Nobody changes a subject while this is held.
pub(super) struct Held<'a> {
    _repository: Option<RwLockWriteGuard<'a, ()>>,
    _tag: Vec<MutexGuard<'a, ()>>,
    _content: Option<RwLockWriteGuard<'a, ()>>,
}

impl Subject {
    /// Where it is.
    pub(super) fn key(&self) -> Key {
        match self {
            Subject::EmptyBlob(digest) => layout::blob_directory(digest),
            Subject::Copy(digest, batch) => layout::trashed_blob(digest, batch),
            Subject::Stray(key) => key.clone(),
            Subject::Layer(repository, digest) => layout::layer_link(repository, digest),
            Subject::Revision(repository, digest) => layout::revision_link(repository, digest),
            Subject::Tag(repository, tag) => layout::tag_current(repository, tag),
            Subject::Referrer(repository, subject, digest) => layout::referrer(repository, subject, digest),
            Subject::Type(repository, digest) => layout::manifest_type(repository, digest),
            Subject::Upload(repository, id) => layout::upload(repository, id),
            Subject::Unsettled(digest) => layout::unsettled(digest),
        }
    }
}

impl Registry {
    /// Keeps everyone from changing a subject; none if somebody has it in hand for long.
    ///
    /// - A content and the links to it: who puts a content, or links one that is there, holds the content's lock from before
    ///   the link until the content is in its place. In between a link leads nowhere that is about to lead somewhere. As a
    ///   long content may take the disk a while, the lock is tried and not waited for: who waits to write would make others
    ///   wait who only push.
    /// - Manifests, tags and what is noted of them: puts hold the repository's lock and deletions of manifests have it alone,
    ///   as this has. Deletions of tags hold the tag's lock only.
    /// - What was left behind a day ago, uploads and blobs that wait have no lock; nothing is done about them that could be
    ///   wrong.
    pub(super) async fn hold(&self, subject: &Subject) -> Option<Held<'_>> {
        let mut held = Held { _repository: None, _tag: Vec::new(), _content: None };
        match subject {
            Subject::EmptyBlob(digest) | Subject::Copy(digest, _) | Subject::Layer(_, digest) => {
                held._content = Some(self.alone(digest).await?);
            }
            Subject::Revision(repository, _) | Subject::Referrer(repository, ..) | Subject::Type(repository, _) => {
                held._repository = Some(self.locks.removing(repository).await);
            }
            Subject::Tag(repository, tag) => {
                held._repository = Some(self.locks.removing(repository).await);
                held._tag = self.locks.moving(repository, std::slice::from_ref(tag)).await;
            }
            Subject::Stray(_) | Subject::Upload(..) | Subject::Unsettled(_) => {}
        }
        Some(held)
    }

    /// Keeps everyone from putting a content and from linking it; none if somebody has it in hand for long.
    pub(super) async fn alone(&self, digest: &Digest) -> Option<RwLockWriteGuard<'_, ()>> {
        for _ in 0..TRIES {
            if let Some(alone) = self.locks.try_placing_alone(digest) {
                return Some(alone);
            }
            tokio::time::sleep(BETWEEN).await;
        }
        None
    }
}
