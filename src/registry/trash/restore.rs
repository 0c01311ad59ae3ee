//! Bringing back what is in the trash.

use std::collections::BTreeSet;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::oci::{Algorithm, Digest, Edges, RepositoryName, Tag};
use crate::registry::history::How;
use crate::registry::{Actor, Ended, Registry, RegistryError, Result, layout, links};
use crate::storage::{Change, EntryKind, Key};

use super::{BatchId, Removed};

/// What was brought back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Repositories that were deleted as a whole.
    pub repositories: Vec<RepositoryName>,
    /// How many manifests of others.
    pub manifests: u64,
    /// How many tags of these.
    pub tags: u64,
    /// How much content.
    pub blobs: u64,
    /// What could not be brought back, because its content is gone for good.
    pub lost: Vec<(RepositoryName, Digest)>,
}

impl Registry {
    /// Brings back what is in a batch. What was put in its place since then stays as it is: a tag that is there again is not
    /// moved.
    ///
    /// Content comes first, what refers to it behind, tags last, so that a crash in the middle leaves nothing that is not
    /// whole, and it can be done again. A collection that runs is ended: it has not seen what comes back.
    pub async fn restore_batch(&self, id: &BatchId, by: &Actor) -> Result<Restored> {
        self.restore_until(id, by, &CancellationToken::new()).await?.whole()
    }

    /// The same, which can be stopped between any two things: the batch stays then, and can be brought back again.
    pub(super) async fn restore_until(
        &self,
        id: &BatchId,
        by: &Actor,
        stop: &CancellationToken,
    ) -> Result<Ended<Restored>> {
        self.allow_writing()?;
        let (registry, id, by, stop) = (self.clone(), id.clone(), by.clone(), stop.clone());
        self.to_its_end(async move {
            let _alone = stop.run_until_cancelled(registry.upkeep.now()).await.ok_or(RegistryError::Stopped)?;
            let mut removed = Vec::new();
            if registry.read_batch(&id, |one| removed.push(one)).await?.is_none() {
                return Err(RegistryError::BatchUnknown(id));
            }
            // However it ends: what came back is counted where somebody has to know, and is not refused, since an operator asked
            // for it.
            let touched: BTreeSet<RepositoryName> = removed.iter().filter_map(Removed::repository).cloned().collect();
            let mut restored = Restored::default();
            let ended = registry.restore_all(&id, removed, &by, &stop, &mut restored).await;
            touched.iter().for_each(|repository| registry.usage.changed(repository));
            Ok(Ended::of(restored, ended))
        })
        .await
    }

    async fn restore_all(
        &self,
        id: &BatchId,
        removed: Vec<Removed>,
        by: &Actor,
        stop: &CancellationToken,
        restored: &mut Restored,
    ) -> Result<()> {
        let go_on = || if stop.is_cancelled() { Err(RegistryError::Stopped) } else { Ok(()) };
        for one in &removed {
            go_on()?;
            if let Removed::Blob { digest, .. } = one
                && self.storage.stat(&layout::blob(digest)).await.is_err()
                && self.rescue(digest).await?
            {
                restored.blobs += 1;
            }
        }
        for one in &removed {
            go_on()?;
            if let Removed::Layer { repository, digest, target } = one
                && self.content_is_there(target).await?
            {
                self.link(repository, digest, target).await?;
            }
        }
        for one in removed {
            go_on()?;
            match one {
                Removed::Blob { .. } | Removed::Layer { .. } => {}
                Removed::Manifest { repository, digest, media_type, tags, layers } => {
                    let noted = media_type.map(|media_type| media_type.to_string());
                    match self.restore_manifest(&repository, &digest, noted, &tags, &layers, by).await? {
                        Some(tags) => {
                            restored.manifests += 1;
                            restored.tags += tags;
                        }
                        None => restored.lost.push((repository, digest)),
                    }
                }
                Removed::Repository { repository } => {
                    self.restore_repository(id, &repository, restored).await?;
                    restored.repositories.push(repository);
                }
            }
        }
        self.storage.settle().await?;
        Ok(self.storage.delete_all(&layout::batch(id)).await?)
    }

    /// Gives a repository its manifest back with all that it refers to, and the tags that are free; how many those are. `None`
    /// if its content is gone.
    async fn restore_manifest(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        noted: Option<String>,
        tags: &[Tag],
        layers: &[(Digest, Digest)],
        by: &Actor,
    ) -> Result<Option<u64>> {
        let _adding = self.locks.adding(repository).await;
        let _moving = self.locks.moving(repository, tags).await;
        if self.bring_content_back(digest).await?.is_none() {
            return Ok(None);
        }
        let _changing = self.remembered.changing(repository, digest, tags);
        let mut content = Vec::new();
        if let Some(noted) = noted {
            content.push(Change::Put(layout::manifest_type(repository, digest), Bytes::from(noted)));
        }
        // Only what the repository held: a manifest that refers to something opens nothing.
        for (digest, target) in layers {
            if self.content_is_there(target).await? {
                content.push(Change::Put(layout::layer_link(repository, digest), links::content(target)));
            }
        }
        let mut readable = vec![Change::Put(layout::revision_link(repository, digest), links::content(digest))];
        let mut pointed = Vec::new();
        for tag in tags {
            if self.resolve(repository, tag).await?.is_none() {
                content.extend(self.note(repository, tag, None, Some(*digest), by, How::Restore).await?);
                readable.push(Change::Put(layout::tag_index(repository, tag, digest), links::content(digest)));
                pointed.push(Change::Put(layout::tag_current(repository, tag), links::content(digest)));
            }
        }
        let came_back = pointed.len() as u64;
        self.storage.apply(vec![content, readable, pointed]).await?;
        self.note_subject_of(repository, digest).await?;
        Ok(Some(came_back))
    }

    /// Sees to it that a manifest's content and all that it refers to is in its place; what it refers to, or `None` if its
    /// own content is gone.
    async fn bring_content_back(&self, digest: &Digest) -> Result<Option<Edges>> {
        if !self.content_is_there(digest).await? {
            return Ok(None);
        }
        let content = self.storage.get(&layout::blob(digest)).await?;
        let Ok(edges) = Edges::of(&content) else { return Ok(None) };
        for part in &edges.parts {
            self.content_is_there(part).await?;
        }
        Ok(Some(edges))
    }

    /// Moves the directories of a repository back. Where it has been pushed to since then, what is there stays.
    async fn restore_repository(
        &self,
        id: &BatchId,
        repository: &RepositoryName,
        restored: &mut Restored,
    ) -> Result<()> {
        let _removing = self.locks.removing(repository).await;
        let (from, to) = (layout::trashed_repository(id, repository), layout::repository(repository));
        for algorithm in Algorithm::ALL {
            let revisions = from.descend([layout::MANIFESTS, layout::REVISIONS, algorithm.as_str()]);
            for name in self.names(&revisions).await? {
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                if self.bring_content_back(&digest).await?.is_none() {
                    restored.lost.push((repository.clone(), digest));
                }
            }
        }
        let _changing = self.remembered.changing_repository(repository);
        // What leads to something behind that, so that a crash in between leaves nothing that leads nowhere: a tag's directory
        // has `current` before `index`, and moves in the other order.
        self.move_back(&from.child(layout::LAYERS), &to.child(layout::LAYERS)).await?;
        let (from, to) = (from.child(layout::MANIFESTS), to.child(layout::MANIFESTS));
        if self.storage.list(&to, None, 1).await?.is_empty() {
            return self.move_back(&from, &to).await;
        }
        self.move_back(&from.child(layout::REVISIONS), &to.child(layout::REVISIONS)).await?;
        let (from, to) = (from.child(layout::TAGS), to.child(layout::TAGS));
        for tag in self.names(&from).await? {
            for part in [layout::INDEX, layout::CURRENT] {
                self.move_back(&from.descend([tag.as_str(), part]), &to.descend([tag.as_str(), part])).await?;
            }
        }
        Ok(())
    }

    /// Moves what is below a key to another, as far as nothing is there yet.
    async fn move_back(&self, from: &Key, to: &Key) -> Result<()> {
        let mut open = vec![(from.clone(), to.clone())];
        while let Some((from, to)) = open.pop() {
            if self.storage.list(&to, None, 1).await?.is_empty() {
                self.storage.prune(&to, &layout::repositories()).await?;
                self.storage.apply(vec![vec![Change::Rename(from, to)]]).await?;
                continue;
            }
            let mut moved = Vec::new();
            for entry in self.storage.list(&from, None, usize::MAX).await? {
                let (from, to) = (from.child(&entry.name), to.child(&entry.name));
                match entry.kind {
                    EntryKind::Directory => open.push((from, to)),
                    EntryKind::Object if self.storage.stat(&to).await.is_ok() => {}
                    EntryKind::Object => moved.push(Change::Rename(from, to)),
                }
            }
            self.storage.apply(vec![moved]).await?;
        }
        Ok(())
    }
}
