//! Referrers: which manifests say something about another (distribution-spec, "Listing Referrers").
//!
//! registry:2 knows no referrers, and clients that push to it keep a list of their own in a tag named after the subject.
//! Here each manifest with a subject has an entry where registry:2 does not look, and what such tags list is folded in.
//! An entry counts only while the repository holds the manifest, so one that was left behind does no harm.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Descriptor, Digest, Manifest, RepositoryName, Tag};

use super::{Page, Registry, RegistryError, Result, layout};

/// The longest page, in descriptors.
const PAGE_MAX: usize = 1000;
/// How many referrers are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// A part of a subject's referrers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Referrers {
    /// What is known of each, in the order of their digests.
    pub descriptors: Vec<Descriptor>,
    /// The digest to continue behind, if there may be more.
    pub next: Option<Digest>,
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
        let tagged = self.fallback_tag(repository, subject).await?;
        let mut last = page.last.clone();
        let mut found = Vec::new();
        while found.len() < limit {
            let wanted = limit - found.len();
            let names = self
                .names_behind(repository, subject, &tagged, last.as_deref(), wanted)
                .await?;
            let complete = names.len() < wanted;
            last = names.last().map(Digest::to_string);
            let tagged = &tagged;
            let looked =
                stream::iter(names).map(|name| self.referrer(repository, subject, name, tagged.get(&name)));
            let described: Vec<Option<Descriptor>> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
            let of_type = |found: &Descriptor| {
                artifact_type.is_none_or(|kind| found.artifact_type.as_deref() == Some(kind))
            };
            found.extend(described.into_iter().flatten().filter(of_type));
            if complete {
                return Ok(Referrers {
                    descriptors: found,
                    next: None,
                });
            }
        }
        Ok(Referrers {
            descriptors: found,
            next: last.and_then(|last| last.parse().ok()).filter(|_| limit > 0),
        })
    }

    /// Notes that a manifest refers to a subject. Done before the manifest becomes readable.
    pub(super) async fn note_referrer(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        described: &Descriptor,
    ) -> Result<()> {
        let entry =
            serde_json::to_vec(described).map_err(|error| RegistryError::Damaged(error.to_string()))?;
        let key = layout::referrer(repository, subject, &described.digest);
        Ok(self.storage.put(&key, Bytes::from(entry)).await?)
    }

    /// The next names behind `last`, of ours and of those that the fallback tag lists.
    async fn names_behind(
        &self,
        repository: &RepositoryName,
        subject: &Digest,
        tagged: &BTreeMap<Digest, Descriptor>,
        last: Option<&str>,
        wanted: usize,
    ) -> Result<Vec<Digest>> {
        let ours = self
            .storage
            .list(&layout::referrers(repository, subject), last, wanted)
            .await?;
        let mut names: Vec<Digest> = ours
            .into_iter()
            .filter_map(|entry| entry.name.parse().ok())
            .collect();
        let behind = |digest: &&Digest| last.is_none_or(|last| digest.to_string().as_str() > last);
        names.extend(tagged.keys().filter(behind));
        names.sort_unstable();
        names.dedup();
        names.truncate(wanted);
        Ok(names)
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
        let noted = match self
            .storage
            .get(&layout::referrer(repository, subject, &name))
            .await
        {
            Ok(entry) => serde_json::from_slice(&entry).ok(),
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
        Ok(listed
            .into_iter()
            .map(|descriptor| (descriptor.digest, descriptor))
            .collect())
    }
}
