//! What is noted of repositories and tags goes away, too, when they are gone for good.
//!
//! Notes outlive what they are about: what is brought back from the trash has its history again. So a collection looks for
//! those that nothing needs any more.

use std::collections::HashSet;
use std::time::SystemTime;

use bytes::Bytes;

use crate::oci::{Digest, RepositoryName, Tag};
use crate::registry::trash::Log;
use crate::registry::{BatchId, Registry, Removed, Result, layout};
use crate::storage::EntryKind;

use super::run::Pace;

/// What of repositories is in the trash.
#[derive(Default)]
struct Trashed {
    /// The batches that were looked into.
    batches: HashSet<BatchId>,
    /// Of one of them, nobody knows what is in it.
    is_unknown: bool,
    /// The repositories of which something is in the trash, and those that are there as a whole.
    repositories: HashSet<RepositoryName>,
    whole: HashSet<RepositoryName>,
    /// The manifests, by how their digests begin.
    manifests: HashSet<u64>,
}

impl Trashed {
    /// Whether any of these manifests may come back into the repository.
    fn has_any(&self, repository: &RepositoryName, digests: &HashSet<Digest>) -> bool {
        let has = |digest: &Digest| self.manifests.contains(&digest.leading());
        self.is_unknown || self.whole.contains(repository) || digests.iter().any(has)
    }

    fn add(&mut self, removed: Removed) {
        match removed {
            Removed::Blob { .. } => {}
            Removed::Layer { repository, .. } => _ = self.repositories.insert(repository),
            Removed::Manifest { repository, digest, .. } => {
                self.repositories.insert(repository);
                self.manifests.insert(digest.leading());
            }
            Removed::Repository { repository } => {
                self.whole.insert(repository.clone());
                self.repositories.insert(repository);
            }
        }
    }
}

impl Registry {
    /// Removes the notes of repositories that have been gone for long and of which nothing is in the trash, and the histories of
    /// tags that lead nowhere any more.
    ///
    /// It looks through all notes, so whatever a crash or somebody else on the volume has left is found the next time. Nothing is
    /// done while somebody else uses the volume, whose locks are its own.
    pub(super) async fn forget(&self, now: SystemTime, pace: &mut Pace<'_>) -> Result<()> {
        if self.storage.is_shared().await? {
            return Ok(());
        }
        let mut trashed = Trashed::default();
        self.look_into_trash(&mut trashed).await?;
        let mut open = vec![String::new()];
        while let Some(path) = open.pop() {
            pace.breathe().await?;
            let name = path.parse::<RepositoryName>().ok();
            if name.is_none() && !path.is_empty() {
                continue;
            }
            let key = name.as_ref().map_or_else(layout::all_notes, layout::notes_of);
            let entries = self.storage.list(&key, None, usize::MAX).await?;
            let directories = entries.iter().rev().filter(|entry| entry.kind == EntryKind::Directory);
            let components = directories.filter(|entry| RepositoryName::is_component(&entry.name));
            let above = if path.is_empty() { String::new() } else { format!("{path}/") };
            open.extend(components.map(|entry| format!("{above}{}", entry.name)));
            let Some(name) = name.filter(|_| entries.iter().any(|entry| entry.name.starts_with('_'))) else { continue };
            if !self.repository_exists(&name).await? {
                self.forget_repository(&name, &mut trashed, now).await?;
                continue;
            }
            if entries.iter().any(|entry| entry.name == layout::GONE) {
                self.storage.delete(&layout::gone(&name)).await?;
            }
            for tag in self.gone_tags(&name, now).await? {
                pace.breathe().await?;
                self.forget_tag(&name, &tag, &mut trashed, now).await?;
            }
        }
        Ok(())
    }

    async fn forget_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        trashed: &mut Trashed,
        now: SystemTime,
    ) -> Result<()> {
        let _moving = self.locks.moving(repository, std::slice::from_ref(tag)).await;
        let Some(digests) = self.led_to(repository, tag, now).await? else { return Ok(()) };
        // What the repository holds no longer is in the trash by now.
        self.look_into_trash(trashed).await?;
        if trashed.has_any(repository, &digests) {
            return Ok(());
        }
        Ok(self.storage.delete(&layout::tag_history(repository, tag)).await?)
    }

    /// Removes the notes of a repository that is gone, once it has been for long: it may be on a disk that is not mounted.
    ///
    /// Alone in the repository: whoever puts something into it, or moves something of it into the trash, comes before, which
    /// is seen, or behind, and begins anew.
    async fn forget_repository(
        &self,
        repository: &RepositoryName,
        trashed: &mut Trashed,
        now: SystemTime,
    ) -> Result<()> {
        let _removing = self.locks.removing(repository).await;
        self.look_into_trash(trashed).await?;
        let gone = layout::gone(repository);
        if trashed.is_unknown || trashed.repositories.contains(repository) || self.repository_exists(repository).await?
        {
            return Ok(self.storage.delete(&gone).await?);
        }
        let since = match self.storage.stat(&gone).await {
            Ok(meta) => meta.modified,
            Err(error) if error.is_not_found() => return Ok(self.storage.jot(&gone, Bytes::new()).await?),
            Err(error) => return Err(error.into()),
        };
        let since = since.and_then(|since| now.duration_since(since).ok());
        if since.is_none_or(|since| since < self.remembered_for()) {
            return Ok(());
        }
        for notes in layout::notes(repository) {
            self.storage.delete_all(&notes).await?;
        }
        Ok(self.storage.prune(&layout::notes_of(repository), &layout::all_notes()).await?)
    }

    /// Looks into the batches that were not there before.
    async fn look_into_trash(&self, trashed: &mut Trashed) -> Result<()> {
        for id in self.batches().await? {
            if trashed.batches.contains(&id) {
                continue;
            }
            match self.read_batch(&id, |removed| trashed.add(removed)).await? {
                // It is just being written.
                Log::Absent => continue,
                Log::Damaged { .. } => trashed.is_unknown = true,
                Log::Whole(_) => {}
            }
            trashed.batches.insert(id);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "forget_tests.rs"]
mod tests;
