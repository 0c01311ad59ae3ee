//! Reading a repository's manifests for a collection: what each refers to.

use std::collections::HashMap;

use bytes::Bytes;

use crate::oci::{Algorithm, Descriptor, Digest, Edges, Manifest, RepositoryName};
use crate::registry::work::at_length;
use crate::registry::{Registry, RegistryError, Result, layout, links};
use crate::storage::{self, StorageError};

use super::plan::Refers;
use super::run::Pace;

/// A manifest that was read.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) edges: Edges,
    /// Of what it refers to, what it lists as a manifest, in order.
    pub(super) children: Vec<Digest>,
}

/// Why nobody knows what a manifest refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unread {
    Rotten,
    NoManifest,
}

impl Unread {
    fn reason(self) -> &'static str {
        match self {
            Unread::Rotten => "has rotted on disk",
            Unread::NoManifest => "is not a manifest",
        }
    }
}

impl Registry {
    /// The repository's manifests with what each refers to. The tags' targets are sorted.
    pub(super) async fn manifests_of(
        &self,
        repository: &RepositoryName,
        tagged: &[Digest],
        pace: &mut Pace<'_>,
    ) -> Result<HashMap<Digest, Refers>> {
        let mut revisions = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.names(&layout::revisions(repository, algorithm)).await?;
            revisions.extend(names.iter().filter_map(|name| Digest::from_hex(algorithm, name).ok()));
        }
        revisions.sort_unstable();
        let has = |some: &[Digest], digest: &Digest| some.binary_search(digest).is_ok();
        let refers = |read: &Read| {
            let is_part = |part: &&Digest| has(&revisions, part) || has(tagged, part) || has(&read.children, part);
            let (parts, blobs): (Vec<&Digest>, Vec<&Digest>) = read.edges.parts.iter().partition(is_part);
            Refers {
                parts: parts.into_iter().copied().collect(),
                blobs: blobs.into_iter().map(Digest::leading).collect(),
                subject: read.edges.subject,
            }
        };
        let mut manifests = HashMap::new();
        // The first registries 2.x linked manifests as they linked blobs, and what an index lists may have been sent as one.
        let mut others = tagged.to_vec();
        for digest in &revisions {
            pace.breathe().await?;
            if let Some(read) = self.read_revision(repository, digest).await? {
                manifests.insert(*digest, refers(&read));
                others.extend(read.children.iter().filter(|child| !has(&revisions, child)));
            }
        }
        while let Some(digest) = others.pop() {
            if manifests.contains_key(&digest) {
                continue;
            }
            pace.breathe().await?;
            if let Some(read) = self.read_other(repository, &digest, has(tagged, &digest)).await? {
                manifests.insert(digest, refers(&read));
                others.extend(read.children.iter().filter(|child| !has(&revisions, child)));
            }
        }
        Ok(manifests)
    }

    /// What the repository's manifest refers to; none if the repository does not hold it: registry:2 leaves the directory of one
    /// that was deleted.
    async fn read_revision(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<Read>> {
        // A link that is damaged counts: whoever pushes it again must find what it leads to.
        match self.storage.stat(&layout::revision_link(repository, digest)).await {
            Ok(_) => {}
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        }
        let content = match self.content_of(digest).await {
            Ok(content) => content,
            Err(error) if error.is_not_found() => {
                return Err(unreadable(repository, digest, "is linked but its content is gone"));
            }
            Err(error) => return Err(error.into()),
        };
        match read(digest, content).await? {
            Ok(read) => Ok(Some(read)),
            Err(unread) => Err(unreadable(repository, digest, unread.reason())),
        }
    }

    /// The same of a manifest without a revision's link: one that a tag points at, which may lead nowhere, or one that an index
    /// lists and that the repository holds as a blob.
    async fn read_other(&self, repository: &RepositoryName, digest: &Digest, is_tagged: bool) -> Result<Option<Read>> {
        let link = layout::layer_link(repository, digest);
        if !is_tagged && links::read(self.storage.as_ref(), &link).await? != Some(*digest) {
            return Ok(None);
        }
        let content = match self.content_of(digest).await {
            Ok(content) => content,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(StorageError::TooLarge { .. }) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        match read(digest, content).await? {
            Ok(read) => Ok(Some(read)),
            Err(Unread::NoManifest) if !is_tagged => Ok(None),
            Err(unread) => Err(unreadable(repository, digest, unread.reason())),
        }
    }

    /// Should it be in the trash, it does not belong there.
    async fn content_of(&self, digest: &Digest) -> storage::Result<Bytes> {
        let key = layout::blob(digest);
        self.or_rescued(digest, || self.storage.get(&key)).await
    }

    /// What a manifest refers to, if that can be read.
    pub(in crate::registry) async fn edges_of(&self, digest: &Digest) -> Result<Option<Edges>> {
        Ok(self.read_any(digest).await?.map(|read| read.edges))
    }

    /// The same, with what of it are manifests.
    pub(super) async fn read_any(&self, digest: &Digest) -> Result<Option<Read>> {
        match self.content_of(digest).await {
            Ok(content) => Ok(read(digest, content).await?.ok()),
            Err(error) if error.is_not_found() => Ok(None),
            Err(StorageError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

/// What the manifest of this digest refers to.
async fn read(digest: &Digest, content: Bytes) -> Result<std::result::Result<Read, Unread>> {
    let digest = *digest;
    at_length(content.len(), move || {
        if Digest::of(digest.algorithm(), &content) != digest {
            return Ok(Err(Unread::Rotten));
        }
        let Ok(edges) = Edges::of(&content) else { return Ok(Err(Unread::NoManifest)) };
        // Of what is no index that this registry would take, nothing is known to be a manifest.
        let may_list = std::str::from_utf8(&content).is_ok_and(|text| text.contains("\"manifests\""));
        let index = may_list.then(|| Manifest::parse(&content, None).ok()).flatten();
        let listed = index.into_iter().flat_map(|index| index.manifests);
        let mut children: Vec<Digest> = listed.filter(Descriptor::may_be_manifest).map(|child| child.digest).collect();
        children.sort_unstable();
        Ok(Ok(Read { edges, children }))
    })
    .await
}

fn unreadable(repository: &RepositoryName, digest: &Digest, reason: &'static str) -> RegistryError {
    RegistryError::Unreadable { repository: repository.clone(), digest: *digest, reason }
}
