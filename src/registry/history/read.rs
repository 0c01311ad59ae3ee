//! Reading what a tag was, and which tags were.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use crate::oci::{Digest, RepositoryName, Tag};

use super::moves::{self, MOST};
use super::{Actor, How, Line, Registry, RegistryError, Result, SIDE_BY_SIDE, layout, stamp};
use crate::registry::{Listing, Page};

/// A move of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Move {
    /// When. As JSON it is RFC 3339 in UTC, with milliseconds.
    #[serde(serialize_with = "stamp::serialize")]
    pub at: SystemTime,
    /// Where the tag pointed before, if anywhere; not known of what was [`How::Found`].
    pub from: Option<Digest>,
    /// Where it points from then on; nowhere if it was removed.
    pub to: Option<Digest>,
    /// Who asked for it.
    pub by: Actor,
    /// How it came about.
    pub how: How,
    /// Whether the tag can be brought back to it: whether the repository still holds the manifest that it led to, or, if it
    /// removed the tag, the one that the tag was taken from.
    pub is_there: bool,
}

/// A tag that was deleted and can be brought back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeletedTag {
    /// Its name.
    #[serde(serialize_with = "as_text")]
    pub tag: Tag,
    /// What it can point at again: of what it has pointed at and the repository still holds, the last.
    pub digest: Digest,
    /// When it went, or when it was last heard of.
    #[serde(serialize_with = "stamp::serialize")]
    pub at: SystemTime,
    /// Who removed it.
    pub by: Actor,
}

fn as_text<S: serde::Serializer>(tag: &Tag, serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(tag.as_str())
}

impl Registry {
    /// Where a tag has pointed, newest first: what was written down, and between it, by time, what registry:2's index lists
    /// of digests that it is not known to have been moved to. A tag that is gone has a history too.
    ///
    /// Under the tag's lock the file and the tag are looked at, so that they fit together; the index is not.
    pub async fn tag_history(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Move>> {
        let (current, lines) = {
            let _moving = self.locks.moving(repository, std::slice::from_ref(tag)).await;
            (self.resolve(repository, tag).await?, self.written_down(repository, tag).await?)
        };
        let lines = self.moves_made(repository, tag, current, lines).await?;
        if lines.is_empty() {
            return Err(match self.repository_exists(repository).await? {
                true => self.manifest_unknown(repository, &tag.clone().into()).await,
                false => self.repository_unknown(repository).await,
            });
        }
        let digests: HashSet<Digest> = lines.iter().filter_map(Line::manifest).collect();
        let looked = stream::iter(digests).map(|digest| async move {
            Ok::<_, RegistryError>((digest, self.manifest_is_there(repository, &digest).await?))
        });
        let there: HashMap<Digest, bool> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
        let moves = lines.into_iter().rev().map(|line| {
            let is_there = line.manifest().and_then(|digest| there.get(&digest)).is_some_and(|there| *there);
            let Line { at, from, to, by, how } = line;
            Move { at, from, to, by, how, is_there }
        });
        Ok(moves.collect())
    }

    /// The moves of a tag that were made, oldest first, and what was found besides. The caller holds the tag's lock, or
    /// held it when it looked.
    pub(in crate::registry) async fn tag_moves(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        current: Option<Digest>,
    ) -> Result<Vec<Line>> {
        let lines = self.written_down(repository, tag).await?;
        self.moves_made(repository, tag, current, lines).await
    }

    async fn moves_made(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        current: Option<Digest>,
        lines: Vec<Line>,
    ) -> Result<Vec<Line>> {
        let known = moves::destinations(&lines);
        let mut found = self.found(repository, tag).await?;
        found.drain(..found.len().saturating_sub(MOST));
        let mut all = moves::merged(moves::made(&lines, current), found, &known);
        if let Some(current) = current
            && all.last().and_then(|last| last.to) != Some(current)
        {
            // Somebody who writes nothing down has moved it.
            let since = self.pointed_since(repository, tag).await?;
            all.push(Line::found(current, since.unwrap_or(SystemTime::UNIX_EPOCH)));
        }
        Ok(all)
    }

    /// The last manifest of these moves that the repository still holds, but for one.
    pub(in crate::registry) async fn last_there(
        &self,
        repository: &RepositoryName,
        moves: &[Line],
        except: Option<Digest>,
    ) -> Result<Option<Digest>> {
        let mut seen: HashSet<Digest> = except.into_iter().collect();
        for line in moves.iter().rev() {
            for digest in [line.to, line.from].into_iter().flatten() {
                if seen.insert(digest) && self.manifest_is_there(repository, &digest).await? {
                    return Ok(Some(digest));
                }
            }
        }
        Ok(None)
    }

    /// The tags that were deleted and can be brought back, in byte order: of those that Wharf deleted.
    pub async fn tags_with_history(&self, repository: &RepositoryName, page: &Page) -> Result<Listing<DeletedTag>> {
        let limit = page.limit.unwrap_or(PAGE_MAX).min(PAGE_MAX);
        let mut found: Vec<DeletedTag> = Vec::new();
        let mut last = page.last.as_ref().map(|last| layout::history_name(last));
        loop {
            // One more than asked for shows whether there are more.
            let wanted = limit.saturating_add(1).saturating_sub(found.len());
            let entries = self.storage.list(&layout::tag_histories(repository), last.as_deref(), wanted).await?;
            let complete = entries.len() < wanted;
            last = entries.last().map(|entry| entry.name.clone());
            let tags = entries.into_iter().filter_map(|entry| layout::tag_of_history(&entry.name));
            let looked = stream::iter(tags).map(|tag| self.deleted(repository, tag));
            let kept: Vec<Option<DeletedTag>> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
            found.extend(kept.into_iter().flatten());
            if complete || found.len() > limit {
                break;
            }
        }
        if found.is_empty() && !self.repository_exists(repository).await? {
            return Err(self.repository_unknown(repository).await);
        }
        Ok(Listing::cut(found, limit))
    }

    async fn deleted(&self, repository: &RepositoryName, tag: Tag) -> Result<Option<DeletedTag>> {
        if self.resolve(repository, &tag).await?.is_some() {
            return Ok(None);
        }
        let moves = moves::made(&self.written_down(repository, &tag).await?, None);
        let digest = self.last_there(repository, &moves, None).await?;
        Ok(digest.zip(moves.last()).map(|(digest, last)| DeletedTag { tag, digest, at: last.at, by: last.by.clone() }))
    }
}

/// The longest page of deleted tags.
const PAGE_MAX: usize = 1000;
