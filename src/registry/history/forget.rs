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

    /// Removes the histories of tags that are gone, once nothing that they lead to can come back: that is neither in the
    /// repository nor in the trash, and the last move was long ago.
    pub(in crate::registry) async fn forget_tags(
        &self,
        repository: &RepositoryName,
        is_in_trash: &(impl Fn(&Digest) -> bool + Sync),
        now: SystemTime,
    ) -> Result<()> {
        let histories = self.names(&layout::tag_histories(repository)).await?;
        if histories.is_empty() {
            return Ok(());
        }
        let tags: HashSet<String> = self.names(&layout::tags(repository)).await?.into_iter().collect();
        let gone = histories.iter().filter_map(|name| layout::tag_of_history(name));
        let gone: Vec<Tag> = gone.filter(|tag| !tags.contains(tag.as_str())).collect();
        let looked = stream::iter(gone).map(|tag| self.forget_tag(repository, tag, is_in_trash, now));
        looked.buffered(SIDE_BY_SIDE).try_collect().await
    }

    async fn forget_tag(
        &self,
        repository: &RepositoryName,
        tag: Tag,
        is_in_trash: &(impl Fn(&Digest) -> bool + Sync),
        now: SystemTime,
    ) -> Result<()> {
        let age = self.remembered_for();
        let is_old = |at: SystemTime| now.duration_since(at).is_ok_and(|since| since > age);
        let key = layout::tag_history(repository, &tag);
        // It was written with the last move, so most need not be read.
        match self.storage.stat(&key).await {
            Ok(meta) if meta.modified.is_some_and(&is_old) => {}
            Ok(_) => return Ok(()),
            Err(error) if error.is_not_found() => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        // Whoever puts the tag writes its history under this lock.
        let _moving = self.locks.moving(repository, std::slice::from_ref(&tag)).await;
        let is_there = !self.storage.list(&layout::tag(repository, &tag), None, 1).await?.is_empty();
        let lines = self.written_down(repository, &tag).await?;
        if is_there || lines.iter().any(|line| !is_old(line.at)) {
            return Ok(());
        }
        let digests: HashSet<Digest> = lines.iter().flat_map(|line| [line.from, line.to]).flatten().collect();
        for digest in digests {
            if is_in_trash(&digest) || self.holds_manifest(repository, &digest).await? {
                return Ok(());
            }
        }
        Ok(self.storage.delete(&key).await?)
    }
}
