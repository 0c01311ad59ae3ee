//! What a link holds and where a content is, read from the storage and not from what is remembered.

use bytes::Bytes;

use crate::oci::{Digest, Manifest, RepositoryName};
use crate::storage::{self, Key, StorageError};

use crate::registry::membership::same_or_alias;
use crate::registry::work::at_length;
use crate::registry::{Registry, Result, layout};

use super::defect::Damage;

/// A link as it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Link {
    Absent,
    Damaged(Damage),
    To(Digest),
}

/// A manifest's content as it is found.
#[derive(Debug)]
pub(super) enum Content {
    /// It is not there.
    Gone,
    /// Its bytes do not hash to its name.
    Rotten,
    /// It is no manifest, or of no type that is known.
    Unfit,
    /// A manifest; what it says, unless it is of a form that is served but not read any more. A box, as the others are small.
    Manifest { says: Option<Box<Manifest>>, size: u64, is_trashed: bool },
}

/// Where a content is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// Where it belongs, or waiting to be put there; its length in bytes.
    InPlace(u64),
    /// In the trash alone, from where whoever asks for it gets it back.
    InTrash,
}

impl Link {
    /// The digest that it leads to, if a link of this name may.
    pub(super) fn leads(self, named: &Digest) -> Option<Digest> {
        match self {
            Link::To(target) if same_or_alias(named, &target) => Some(target),
            Link::Absent | Link::Damaged(_) | Link::To(_) => None,
        }
    }
}

impl Registry {
    pub(super) async fn look_at_link(&self, key: &Key) -> storage::Result<Link> {
        let bytes = match self.storage.get(key).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(Link::Absent),
            Err(StorageError::TooLarge { .. }) => return Ok(Link::Damaged(Damage::NoDigest)),
            Err(error) => return Err(error),
        };
        let text = std::str::from_utf8(&bytes).ok().map(str::trim_end);
        Ok(match text.map(str::parse) {
            Some(Ok(digest)) => Link::To(digest),
            _ if text.is_some_and(str::is_empty) => Link::Damaged(Damage::Empty),
            _ => Link::Damaged(Damage::NoDigest),
        })
    }

    /// Where a content is; none if it is gone.
    ///
    /// What a program that was killed has left waiting counts: the next start puts it in its place.
    pub(super) async fn find_content(&self, digest: &Digest) -> storage::Result<Option<Found>> {
        // The place is looked at twice, as it may be moved there in between.
        for key in [layout::blob(digest), layout::unsettled(digest), layout::blob(digest)] {
            match self.storage.stat(&key).await {
                Ok(meta) => return Ok(Some(Found::InPlace(meta.size))),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error),
            }
        }
        Ok((!self.copies_in_trash(digest).await?.is_empty()).then_some(Found::InTrash))
    }

    /// The bytes of a manifest, and whether they are in the trash alone.
    async fn get_content(&self, digest: &Digest) -> storage::Result<(Bytes, bool)> {
        match self.storage.get(&layout::blob(digest)).await {
            Err(error) if error.is_not_found() => match self.copies_in_trash(digest).await?.first() {
                Some(batch) => Ok((self.storage.get(&layout::trashed_blob(digest, batch)).await?, true)),
                None => Err(error),
            },
            got => Ok((got?, false)),
        }
    }

    /// Whether the repository has a link to the manifest, or one to a blob of its name as the first registries 2.x had.
    pub(super) async fn links_manifest(&self, repository: &RepositoryName, digest: &Digest) -> storage::Result<bool> {
        let links = [layout::revision_link(repository, digest), layout::layer_link(repository, digest)];
        for link in links {
            if self.look_at_link(&link).await? == Link::To(*digest) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    pub(super) async fn look_at_manifest(&self, repository: &RepositoryName, digest: &Digest) -> Result<Content> {
        let (bytes, is_trashed) = match self.get_content(digest).await {
            Ok(got) => got,
            Err(StorageError::TooLarge { .. }) => return Ok(Content::Unfit),
            Err(error) if error.is_not_found() => return Ok(Content::Gone),
            Err(error) => return Err(error.into()),
        };
        let size = bytes.len() as u64;
        let (name, content) = (*digest, bytes.clone());
        if !at_length(bytes.len(), move || Ok(Digest::of(name.algorithm(), &content) == name)).await? {
            return Ok(if is_trashed { Content::Gone } else { Content::Rotten });
        }
        let Some(media_type) = self.type_of(repository, digest, bytes.clone()).await? else {
            return Ok(Content::Unfit);
        };
        let says = at_length(bytes.len(), move || Ok(Manifest::parse(&bytes, Some(&media_type)).ok())).await?;
        Ok(Content::Manifest { says: says.map(Box::new), size, is_trashed })
    }
}
