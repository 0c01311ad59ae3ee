//! Referrers: which manifests say something about another (distribution-spec, "Listing Referrers").
//!
//! registry:2 knows no referrers, and clients that push to it keep a list of their own in a tag named after the subject.
//! Here each manifest with a subject has an entry where registry:2 does not look, and what such tags list is folded in.
//! An entry counts only while the repository holds the manifest, so one that was left behind does no harm.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Descriptor, Digest, Manifest, RepositoryName, Tag};
use crate::storage::Change;

use super::{Page, Registry, RegistryError, Result, layout};

/// The longest page, in descriptors.
const PAGE_MAX: usize = 1000;
/// The longest page, in bytes of JSON, unless one descriptor alone is longer: annotations have no length of their own, and
/// clients need not take more than this (distribution-spec: a manifest of 4 MiB).
const PAGE_BYTES: usize = 4 * 1024 * 1024;
/// How many names are fetched at once.
const BATCH: usize = 256;
/// How many referrers are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// A part of a subject's referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    /// What is known of each, in the order of their digests.
    pub descriptors: Vec<Descriptor>,
    /// The digest to continue behind, if there are more.
    pub next: Option<Digest>,
}

/// Some of the names under which referrers may be found, in order.
struct Names {
    digests: Vec<Digest>,
    /// Where to continue; `None` behind the last.
    rest: Option<String>,
}

/// The note that a manifest refers to a subject. Made before the manifest becomes readable.
pub(super) fn entry(repository: &RepositoryName, subject: &Digest, described: &Descriptor) -> Result<Change> {
    let entry = serde_json::to_vec(described).map_err(|error| RegistryError::Damaged(error.to_string()))?;
    Ok(Change::Put(layout::referrer(repository, subject, &described.digest), Bytes::from(entry)))
}

impl Registry {
    /// The manifests in the repository whose subject is this digest, of one artifact type or of all. A subject that nobody
    /// refers to, or that does not exist, has none.
    pub async fn referrers(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        artifact_type: Option<&str>,
        page: &Page,
    ) -> Result<Referrers> {
        let limit = page.limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let mut descriptors: Vec<Descriptor> = Vec::new();
        if limit == 0 {
            return Ok(Referrers { descriptors, next: None });
        }
        let tagged = &self.fallback_tag(repository, subject).await?;
        let mut bytes = 0;
        let mut last = page.last.clone();
        loop {
            let names = self.names_behind(repository, subject, tagged, last.as_deref()).await?;
            let looked =
                stream::iter(names.digests).map(|name| self.referrer(repository, subject, name, tagged.get(&name)));
            let mut looked = std::pin::pin!(looked.buffered(SIDE_BY_SIDE));
            while let Some(found) = looked.try_next().await? {
                let of_type =
                    |found: &Descriptor| artifact_type.is_none_or(|kind| found.artifact_type.as_deref() == Some(kind));
                let Some(found) = found.filter(of_type) else {
                    continue;
                };
                bytes += serde_json::to_vec(&found).map_or(0, |json| json.len());
                // This one is for the next page, and shows that there is one.
                if descriptors.len() == limit || (bytes > PAGE_BYTES && !descriptors.is_empty()) {
                    let next = descriptors.last().map(|last| last.digest);
                    return Ok(Referrers { descriptors, next });
                }
                descriptors.push(found);
            }
            last = names.rest;
            if last.is_none() {
                return Ok(Referrers { descriptors, next: None });
            }
        }
    }

    /// The next names behind `last`, of ours and of those that the fallback tag lists.
    async fn names_behind(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        tagged: &BTreeMap<Digest, Descriptor>,
        last: Option<&str>,
    ) -> Result<Names> {
        let ours = self.storage.list(&layout::referrers(repository, subject), last, BATCH).await?;
        // What lies behind the last of a full batch comes with the next. It may be a stray file and no digest at all.
        let rest = (ours.len() == BATCH).then(|| ours.last().map(|entry| entry.name.clone())).flatten();
        let mut digests: Vec<Digest> = ours.into_iter().filter_map(|entry| entry.name.parse().ok()).collect();
        let here = |digest: &&Digest| {
            let name = digest.to_string();
            last.is_none_or(|last| name.as_str() > last) && rest.as_ref().is_none_or(|rest| name <= *rest)
        };
        digests.extend(tagged.keys().filter(here));
        digests.sort_unstable();
        digests.dedup();
        Ok(Names { digests, rest })
    }

    /// What is known of one referrer; `None` if the repository does not hold it any more.
    async fn referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        name: Digest,
        tagged: Option<&Descriptor>,
    ) -> Result<Option<Descriptor>> {
        if !self.holds_manifest(repository, &name).await? {
            return Ok(None);
        }
        let noted = match self.storage.get(&layout::referrer(repository, subject, &name)).await {
            // A note that describes another manifest is damaged.
            Ok(entry) => serde_json::from_slice(&entry).ok().filter(|noted: &Descriptor| noted.digest == name),
            Err(error) if error.is_not_found() => None,
            Err(error) => return Err(error.into()),
        };
        if noted.is_some() {
            return Ok(noted);
        }
        // Listed by the tag, or our entry is damaged: the manifest itself knows best.
        let stored = self.read_manifest(repository, &name).await?;
        let read = stored.and_then(|stored| {
            let manifest = Manifest::parse(&stored.bytes, Some(&stored.media_type)).ok()?;
            Some(manifest.describe(name, stored.bytes.len() as u64))
        });
        Ok(read.or_else(|| tagged.cloned()))
    }

    /// What clients wrote into the tag that stands in for referrers where a registry knows none (distribution-spec,
    /// "Referrers Tag Schema").
    async fn fallback_tag(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
    ) -> Result<BTreeMap<Digest, Descriptor>> {
        let hex = subject.hex();
        let Ok(tag) = format!("{}-{}", subject.algorithm(), &hex[..hex.len().min(64)]).parse::<Tag>() else {
            return Ok(BTreeMap::new());
        };
        let Some(digest) = self.resolve(repository, &tag).await? else {
            return Ok(BTreeMap::new());
        };
        let Some(stored) = self.read_manifest(repository, &digest).await? else {
            return Ok(BTreeMap::new());
        };
        let index = Manifest::parse(&stored.bytes, Some(&stored.media_type));
        let listed = index.map(|index| index.manifests).unwrap_or_default();
        Ok(listed.into_iter().map(|descriptor| (descriptor.digest, descriptor)).collect())
    }
}
