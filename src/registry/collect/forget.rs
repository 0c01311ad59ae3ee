//! What is noted of repositories and tags goes away, too, when they are gone for good.
//!
//! Notes outlive what they are about: what is brought back from the trash has its history again. So a collection looks for
//! those that nothing needs any more, once it has seen that the repositories are there.

use std::collections::HashSet;
use std::time::SystemTime;

use crate::oci::RepositoryName;
use crate::registry::trash::Log;
use crate::registry::{BatchId, Registry, Removed, Result, layout};
use crate::storage::EntryKind;

use super::run::Pace;

/// The repositories of which something is in the trash.
#[derive(Default)]
struct Trashed {
    /// The batches that were looked into.
    batches: HashSet<BatchId>,
    /// Of one of them, nobody knows what is in it.
    is_unknown: bool,
    repositories: HashSet<RepositoryName>,
}

impl Registry {
    /// Removes the notes of repositories that are gone and of which nothing is in the trash, and the histories of tags that
    /// lead nowhere any more.
    ///
    /// It looks through all notes, so whatever a crash or somebody else on the volume has left is found the next time.
    pub(super) async fn forget(&self, now: SystemTime, pace: &mut Pace<'_>) -> Result<()> {
        let mut trashed = Trashed::default();
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
            match self.repository_exists(&name).await? {
                true => self.forget_tags(&name, now).await?,
                false => self.forget_repository(&name, &mut trashed).await?,
            }
        }
        Ok(())
    }

    /// Alone in the repository: whoever puts something into it, or moves something of it into the trash, comes before, which
    /// is seen, or behind, and begins anew.
    async fn forget_repository(&self, repository: &RepositoryName, trashed: &mut Trashed) -> Result<()> {
        let _removing = self.locks.removing(repository).await;
        self.look_into_trash(trashed).await?;
        if trashed.is_unknown || trashed.repositories.contains(repository) || self.repository_exists(repository).await?
        {
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
            let name = |removed: Removed| trashed.repositories.extend(removed.repository().cloned());
            trashed.is_unknown |= matches!(self.read_batch(&id, name).await?, Log::Damaged { .. });
            trashed.batches.insert(id);
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "forget_tests.rs"]
mod tests;
