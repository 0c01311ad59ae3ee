//! Histories of tags that are gone and lead nowhere any more go away.

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Digest, RepositoryName, Tag};
use crate::registry::Untagged;

use super::{Registry, Result, SIDE_BY_SIDE, layout};

impl Registry {
    /// How long nothing is forgotten of what is gone: it has had the time to be collected and to leave the trash.
    pub(in crate::registry) fn remembered_for(&self) -> Duration {
        let collected = match self.settings.collection.untagged {
            Untagged::StayFor(time) => time,
            Untagged::Stay | Untagged::Go => Duration::ZERO,
        };
        collected.saturating_add(self.settings.trash_keep)
    }

    /// Tags that are gone and whose histories were written long ago.
    pub(in crate::registry) async fn gone_tags(
        &self,
        repository: &RepositoryName,
        now: SystemTime,
    ) -> Result<Vec<Tag>> {
        let histories = self.names(&layout::tag_histories(repository)).await?;
        if histories.is_empty() {
            return Ok(Vec::new());
        }
        let tags: HashSet<String> = self.names(&layout::tags(repository)).await?.into_iter().collect();
        let gone = histories.iter().filter_map(|name| layout::tag_of_history(name));
        let gone: Vec<Tag> = gone.filter(|tag| !tags.contains(tag.as_str())).collect();
        let looked = stream::iter(gone).map(async |tag| {
            // It is written with each move.
            let written = match self.storage.stat(&layout::tag_history(repository, &tag)).await {
                Ok(meta) => meta.modified,
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.into()),
            };
            Ok(written.is_some_and(|written| self.is_forgotten(written, now)).then_some(tag))
        });
        looked.buffered(SIDE_BY_SIDE).try_filter_map(async |tag| Ok(tag)).try_collect().await
    }

    /// What the history of a tag leads to, if the tag is gone, was moved long ago, and the repository holds nothing of that. The
    /// caller has the tag's lock, under which whoever puts the tag writes its history.
    pub(in crate::registry) async fn led_to(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        now: SystemTime,
    ) -> Result<Option<HashSet<Digest>>> {
        let is_there = !self.storage.list(&layout::tag(repository, tag), None, 1).await?.is_empty();
        let lines = self.written_down(repository, tag).await?;
        if is_there || lines.iter().any(|line| !self.is_forgotten(line.at, now)) {
            return Ok(None);
        }
        let digests: HashSet<Digest> = lines.iter().flat_map(|line| [line.from, line.to]).flatten().collect();
        for digest in &digests {
            if self.holds_manifest(repository, digest).await? {
                return Ok(None);
            }
        }
        Ok(Some(digests))
    }

    fn is_forgotten(&self, at: SystemTime, now: SystemTime) -> bool {
        now.duration_since(at).is_ok_and(|since| since > self.remembered_for())
    }
}
