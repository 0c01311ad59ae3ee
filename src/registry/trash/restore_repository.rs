//! Bringing a repository back that was deleted as a whole.

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::registry::{Registry, Result, layout, links};
use crate::storage::{Change, EntryKind, Key};

use super::whole::Wholeness;
use super::{BatchId, Restored};

impl Registry {
    /// Moves the directories of a repository back. Where it has been pushed to since then, what is there stays. What leads to
    /// content that is gone for good, and tags of what is not whole, stay in the batch.
    pub(super) async fn restore_repository(
        &self,
        id: &BatchId,
        repository: &RepositoryName,
        restored: &mut Restored,
    ) -> Result<()> {
        let _removing = self.locks.removing(repository).await;
        let (from, to) = (layout::trashed_repository(id, repository), layout::repository(repository));
        let staying = self.what_stays(repository, &from, &to, restored).await?;
        let _changing = self.remembered.changing_repository(repository);
        // What leads to something behind that, so that a crash in between leaves nothing that leads nowhere: a tag's directory
        // has `current` before `index`, and moves in the other order.
        self.move_back(&from.child(layout::LAYERS), &to.child(layout::LAYERS), &staying).await?;
        let (from, to) = (from.child(layout::MANIFESTS), to.child(layout::MANIFESTS));
        if !is_above(&from, &staying) && self.storage.list(&to, None, 1).await?.is_empty() {
            return self.move_back(&from, &to, &staying).await;
        }
        self.move_back(&from.child(layout::REVISIONS), &to.child(layout::REVISIONS), &staying).await?;
        let (from, to) = (from.child(layout::TAGS), to.child(layout::TAGS));
        for tag in self.names(&from).await? {
            if staying.contains(&from.child(&tag)) {
                continue;
            }
            for part in [layout::INDEX, layout::CURRENT] {
                let (from, to) = (from.descend([tag.as_str(), part]), to.descend([tag.as_str(), part]));
                self.move_back(&from, &to, &staying).await?;
            }
        }
        Ok(())
    }

    /// Brings the content back that a repository in the trash leads to; returns what of the repository leads nowhere any more.
    async fn what_stays(
        &self,
        repository: &RepositoryName,
        from: &Key,
        to: &Key,
        restored: &mut Restored,
    ) -> Result<BTreeSet<Key>> {
        let (mut staying, mut wholeness, mut there) = (BTreeSet::new(), Wholeness::default(), Vec::new());
        for algorithm in Algorithm::ALL {
            let revisions = from.descend([layout::MANIFESTS, layout::REVISIONS, algorithm.as_str()]);
            for name in self.names(&revisions).await? {
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                if self.bring_content_back(&digest).await?.is_some() {
                    there.push(digest);
                } else {
                    staying.insert(revisions.child(&name));
                    wholeness.lacks(digest);
                    restored.lost.push((repository.clone(), digest));
                }
            }
            let layers = from.descend([layout::LAYERS, algorithm.as_str()]);
            for name in self.names(&layers).await? {
                let link = layers.descend([name.as_str(), layout::LINK]);
                if let Some(target) = links::read(self.storage.as_ref(), &link).await?
                    && !self.content_is_there(&target).await?
                {
                    staying.insert(layers.child(&name));
                }
            }
        }
        for digest in &there {
            let missing = self.look_for_parts(repository, &[from.clone(), to.clone()], digest, &mut wholeness).await?;
            restored.lost.extend(missing.into_iter().map(|digest| (repository.clone(), digest)));
        }
        let incomplete = wholeness.incomplete();
        let mut tagged = BTreeSet::new();
        let tags = from.descend([layout::MANIFESTS, layout::TAGS]);
        for name in self.names(&tags).await?.iter().filter(|name| name.parse::<Tag>().is_ok()) {
            let current = tags.descend([name.as_str(), layout::CURRENT, layout::LINK]);
            let Some(digest) = links::read(self.storage.as_ref(), &current).await? else { continue };
            if incomplete.contains(&digest) {
                staying.insert(tags.child(name));
            } else {
                tagged.insert(digest);
            }
        }
        // The time for which a manifest without a tag stays begins anew.
        let untagged = there.iter().filter(|digest| !tagged.contains(digest));
        let renewed = |digest| Change::Renew(layout::left_alone(repository, digest), Bytes::new());
        self.storage.apply(vec![untagged.map(renewed).collect()]).await?;
        Ok(staying)
    }

    /// Moves what is below a key to another, as far as nothing is there yet and it does not stay.
    async fn move_back(&self, from: &Key, to: &Key, staying: &BTreeSet<Key>) -> Result<()> {
        let mut open = vec![(from.clone(), to.clone())];
        while let Some((from, to)) = open.pop() {
            if staying.contains(&from) {
                continue;
            }
            if !is_above(&from, staying) && self.storage.list(&to, None, 1).await?.is_empty() {
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

/// Whether any of these is below a key.
fn is_above(key: &Key, these: &BTreeSet<Key>) -> bool {
    // They are in order, and nothing in the tree has a name that begins with a lesser sign.
    let next = these.range(key.child("!")..).next();
    next.and_then(|next| next.as_str().strip_prefix(key.as_str())).is_some_and(|rest| rest.starts_with('/'))
}
