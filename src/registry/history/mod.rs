//! The history of tags: every move, when it was made, from where to where, and by whom.
//!
//! A tag's history is one small file, which is written anew with each move, in a step before those in which its index and
//! the tag itself change: a move that can be seen is in the history. It may lack nothing but what somebody else did to the
//! volume, and what registry:2's own index of a tag says fills that gap as well as it can. It stays when the tag goes.

mod forget;
mod last_moved;
mod last_pointed;
mod moves;
mod read;
mod stamp;

use std::collections::HashSet;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::warn;

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::storage::{Change, StorageError};

use super::work::at_length;
use super::{Actor, Registry, RegistryError, Result, layout};

pub use moves::How;
pub(super) use moves::Line;
pub use read::{DeletedTag, Move};
pub use stamp::text as moment;

/// How many files are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

impl Registry {
    /// The changes that write down that these tags, which point there, are moved to a manifest. For a step before those of
    /// the tags and their indexes. A tag that is there already is not moved. The caller holds the tags' locks.
    pub(super) async fn noted(
        &self,
        repository: &RepositoryName,
        tags: &[(Tag, Option<Digest>)],
        to: Digest,
        by: &Actor,
        how: How,
    ) -> Result<Vec<Change>> {
        let mut noted = Vec::with_capacity(tags.len());
        for (tag, from) in tags {
            noted.extend(self.note(repository, tag, *from, Some(to), by, how).await?);
        }
        Ok(noted)
    }

    /// The change that writes down a move of a tag; none if it is no move. The caller keeps others from moving the tag.
    pub(super) async fn note(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        from: Option<Digest>,
        to: Option<Digest>,
        by: &Actor,
        how: How,
    ) -> Result<Option<Change>> {
        if from == to {
            return Ok(None);
        }
        let mut lines = self.written_down_if_ours(repository, tag).await?;
        moves::drop_vain_attempts(&mut lines, from, to);
        if lines.is_empty() && from.is_some() {
            // Its index goes when it is deleted, and what it pointed at would be forgotten with that.
            lines = self.found(repository, tag).await?;
        }
        lines.push(Line { at: self.clock.now(), from, to, by: by.clone(), how });
        let written = moves::written(&lines).map_err(|error| RegistryError::Damaged(error.to_string()))?;
        Ok(Some(Change::Put(layout::tag_history(repository, tag), Bytes::from(written))))
    }

    /// Notes of the manifests that a tag has pointed at, as far as its history does not say so any more and the repository holds
    /// them: when the tag's index is gone, nobody would know that they ever had a tag.
    pub(super) async fn forgotten(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Change>> {
        let lines = self.written_down_if_ours(repository, tag).await?;
        let mentioned: HashSet<Digest> = lines.iter().flat_map(|line| [line.from, line.to]).flatten().collect();
        let mut notes = Vec::new();
        for digest in self.indexed(repository, tag).await? {
            if !mentioned.contains(&digest) && self.holds_manifest(repository, &digest).await? {
                notes.push(Change::Renew(layout::left_alone(repository, &digest), Bytes::new()));
            }
        }
        Ok(notes)
    }

    /// What a tag's index lists.
    pub(super) async fn indexed(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Digest>> {
        let mut digests: Vec<Digest> = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.names(&layout::tag_index_directory(repository, tag, algorithm)).await?;
            digests.extend(names.iter().filter_map(|name| Digest::from_hex(algorithm, name).ok()));
        }
        Ok(digests)
    }

    /// What was written down of a tag's moves; nothing if the file is longer than anything that we wrote.
    async fn written_down_if_ours(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Line>> {
        match self.written_down(repository, tag).await {
            Err(RegistryError::Storage(StorageError::TooLarge { .. })) => Ok(Vec::new()),
            lines => lines,
        }
    }

    /// What was written down of a tag's moves, oldest first.
    async fn written_down(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Line>> {
        let key = layout::tag_history(repository, tag);
        let bytes = match self.storage.get(&key).await {
            Ok(bytes) => bytes,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let (lines, damaged) = at_length(bytes.len(), move || Ok(moves::read(&bytes))).await?;
        if damaged > 0 {
            warn!(history = %key, damaged, "lines of a tag's history are damaged and are passed over");
        }
        Ok(lines)
    }

    /// What the tag's index, as registry:2 has it too, says of where the tag has been, oldest first.
    async fn found(&self, repository: &RepositoryName, tag: &Tag) -> Result<Vec<Line>> {
        let looked = stream::iter(self.indexed(repository, tag).await?).map(|digest| async move {
            match self.storage.stat(&layout::tag_index(repository, tag, &digest)).await {
                Ok(meta) => Ok(Some(Line::found(digest, meta.modified.unwrap_or(SystemTime::UNIX_EPOCH)))),
                Err(error) if error.is_not_found() => Ok(None),
                Err(error) => Err(RegistryError::from(error)),
            }
        });
        let found: Vec<Option<Line>> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
        let mut found: Vec<Line> = found.into_iter().flatten().collect();
        found.sort_by_key(|line| (line.at, line.to));
        Ok(found)
    }

    /// When the link of a tag that is there was last written.
    async fn pointed_since(&self, repository: &RepositoryName, tag: &Tag) -> Result<Option<SystemTime>> {
        match self.storage.stat(&layout::tag_current(repository, tag)).await {
            Ok(meta) => Ok(meta.modified),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod history_tests;
