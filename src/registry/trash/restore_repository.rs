//! Bringing a repository back that was deleted as a whole.

use std::collections::{BTreeMap, BTreeSet};

use tokio_util::sync::CancellationToken;

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::registry::{Registry, RegistryError, Result, layout, links};
use crate::storage::{Change, EntryKind, Key};

use super::whole::Wholeness;
use super::{BatchId, Restored};

/// So many links are written at once.
const AT_ONCE: usize = 256;

impl Registry {
    /// Moves the directories of a repository back. Where it has been pushed to since then, what is there stays. What leads to
    /// content that is gone for good, and tags of what is not whole, stay in the batch.
    pub(super) async fn restore_repository(
        &self,
        id: &BatchId,
        repository: &RepositoryName,
        stop: &CancellationToken,
        restored: &mut Restored,
    ) -> Result<()> {
        let (from, to) = (layout::trashed_repository(id, repository), layout::repository(repository));
        // It takes long, and whoever pushes waits for the lock: so it comes before that, if nobody can change what is found.
        let (is_new, lost) = (!self.repository_exists(repository).await?, restored.lost.len());
        let found = if is_new { Some(self.what_stays(repository, &from, &to, stop, restored).await?) } else { None };
        let _removing = self.locks.removing(repository).await;
        let staying = match found {
            Some(staying) if !self.repository_exists(repository).await? => staying,
            _ => {
                restored.lost.truncate(lost);
                self.what_stays(repository, &from, &to, stop, restored).await?
            }
        };
        // Pulls are forgotten of what is not there while others of the repository are counted.
        self.count_pulls_anew(repository).await?;
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
        stop: &CancellationToken,
        restored: &mut Restored,
    ) -> Result<BTreeSet<Key>> {
        let go_on = || if stop.is_cancelled() { Err(RegistryError::Stopped) } else { Ok(()) };
        let mut staying = BTreeSet::new();
        let mut lost = |digest: Digest| restored.lost.push((repository.clone(), digest));
        let (mut coming, mut links_stay) = (BTreeSet::new(), false);
        for algorithm in Algorithm::ALL {
            let revisions = from.descend([layout::MANIFESTS, layout::REVISIONS, algorithm.as_str()]);
            for name in self.names(&revisions).await? {
                go_on()?;
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                if self.bring_content_back(&digest).await?.is_some() {
                    coming.insert(digest);
                } else {
                    staying.insert(revisions.child(&name));
                    lost(digest);
                }
            }
            let layers = from.descend([layout::LAYERS, algorithm.as_str()]);
            for name in self.names(&layers).await? {
                go_on()?;
                let link = layers.descend([name.as_str(), layout::LINK]);
                if let Some(target) = links::read(self.storage.as_ref(), &link).await?
                    && !self.content_is_there(&target).await?
                {
                    staying.insert(layers.child(&name));
                    links_stay = true;
                }
            }
        }
        // What a tag points at, or a link that stays is needed for, may have come back the last time.
        let tags = self.trashed_tags(from).await?;
        let mut judged: Vec<Digest> = coming.iter().chain(tags.values()).copied().collect();
        if links_stay {
            for algorithm in Algorithm::ALL {
                let names = self.names(&layout::revisions(repository, algorithm)).await?;
                judged.extend(names.iter().filter_map(|name| Digest::from_hex(algorithm, name).ok()));
            }
        }
        let (places, mut wholeness) = ([from.clone(), to.clone()], Wholeness::default());
        self.look_for_all(repository, &places, judged, &mut wholeness, stop).await?.into_iter().for_each(lost);
        let (incomplete, mut tagged) = (wholeness.incomplete(), BTreeSet::new());
        for (tag, digest) in &tags {
            if incomplete.contains(digest) {
                staying.insert(from.descend([layout::MANIFESTS, layout::TAGS, tag.as_str()]));
            } else if self.resolve(repository, tag).await?.is_none() {
                tagged.insert(*digest);
            }
        }
        // For what comes back without its tag, the time for which it stays begins anew.
        let renewed = |digest| Change::Renew(revision(from, digest).child(layout::LINK), links::content(digest));
        let renewed: Vec<Change> = coming.difference(&tagged).map(renewed).collect();
        for some in renewed.chunks(AT_ONCE) {
            self.storage.apply(vec![some.to_vec()]).await?;
        }
        Ok(staying)
    }

    /// The tags of a repository in the trash, with what they point at.
    async fn trashed_tags(&self, from: &Key) -> Result<BTreeMap<Tag, Digest>> {
        let mut found = BTreeMap::new();
        let tags = from.descend([layout::MANIFESTS, layout::TAGS]);
        for tag in self.names(&tags).await?.iter().filter_map(|name| name.parse::<Tag>().ok()) {
            let current = tags.descend([tag.as_str(), layout::CURRENT, layout::LINK]);
            if let Some(digest) = links::read(self.storage.as_ref(), &current).await? {
                found.insert(tag, digest);
            }
        }
        Ok(found)
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

/// The directory of a manifest in a repository that is in the trash.
fn revision(from: &Key, digest: &Digest) -> Key {
    from.descend([layout::MANIFESTS, layout::REVISIONS, digest.algorithm().as_str()]).child(&digest.hex())
}

/// Whether any of these is below a key.
fn is_above(key: &Key, these: &BTreeSet<Key>) -> bool {
    // They are in order, and nothing in the tree has a name that begins with a lesser sign.
    let next = these.range(key.child("!")..).next();
    next.and_then(|next| next.as_str().strip_prefix(key.as_str())).is_some_and(|rest| rest.starts_with('/'))
}
