//! The second half of a collection: moving what is not reached into the trash. Manifests first, then links, then content: what
//! is there is whole at any moment.
//!
//! Each is removed only if nobody has pinned it since before the tree was looked at. What somebody has pinned stays, with all
//! that it leads to.

use std::collections::HashSet;

use bytes::Bytes;

use crate::oci::{Algorithm, Digest, RepositoryName};
use crate::registry::pins::Leaving;
use crate::registry::trash::{Batch, Removed, What};
use crate::registry::{Actor, Registry, RegistryError, Result, layout, links};
use crate::storage::Change;

use super::look::Terms;
use super::mark::Plan;
use super::marked::Marked;
use super::plan::Why;
use super::run::Pace;
use super::{Collected, Follow, Going, Phase};

/// As many are removed at once. Whoever needs one of them waits for all.
const AT_ONCE: usize = 64;

/// The batch of a run, which begins with the first thing that goes.
struct Bin<'a> {
    registry: &'a Registry,
    by: &'a Actor,
    batch: Option<Batch>,
}

impl Bin<'_> {
    /// Writes down what goes.
    async fn write(&mut self, removed: &[Removed]) -> Result<&Batch> {
        // What another server has told its clients nobody knows here.
        if self.registry.storage.is_shared().await? {
            return Err(RegistryError::Shared);
        }
        let batch = match self.batch.take() {
            Some(batch) => batch,
            None => self.registry.begin_batch(What::Collection, self.by).await?,
        };
        let batch = self.batch.insert(batch);
        batch.write(self.registry, removed).await?;
        Ok(batch)
    }
}

impl Registry {
    #[expect(clippy::too_many_arguments, reason = "what a run is made of; a struct would be made for this one call")]
    pub(super) async fn sweep(
        &self,
        plan: &mut Plan,
        terms: Terms,
        dry_run: bool,
        pace: &mut Pace<'_>,
        by: &Actor,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<()> {
        let mut bin = Bin { registry: self, by, batch: None };
        let swept = self.sweep_all(plan, terms, dry_run, pace, &mut bin, follow, collected).await;
        collected.batch = bin.batch.as_ref().map(|batch| batch.id().clone());
        swept
    }

    #[expect(clippy::too_many_arguments, reason = "as above")]
    async fn sweep_all(
        &self,
        plan: &mut Plan,
        terms: Terms,
        dry_run: bool,
        pace: &mut Pace<'_>,
        bin: &mut Bin<'_>,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<()> {
        let Plan { marked, losing, .. } = plan;
        // What is spared although it was to go: its links stay, too.
        let mut spared = Marked::default();
        follow.phase(Phase::Manifests, Some(losing.iter().map(|losing| losing.manifests.len() as u64).sum()));
        for losing in losing.iter() {
            for some in losing.manifests.chunks(AT_ONCE) {
                let gone = match dry_run {
                    true => some.to_vec(),
                    false => self.sweep_manifests(&losing.repository, some, terms, bin, marked, &mut spared).await?,
                };
                collected.manifests += gone.len() as u64;
                for (digest, why) in gone {
                    follow.goes(&Going::Manifest { repository: losing.repository.clone(), digest, why });
                }
                follow.done(some.len() as u64);
                pace.breathe().await?;
            }
        }
        follow.phase(Phase::Links, Some(losing.iter().map(|losing| losing.links.len() as u64).sum()));
        for losing in losing.iter() {
            for some in losing.links.chunks(AT_ONCE) {
                collected.links += match dry_run {
                    true => some.len() as u64,
                    false => self.sweep_links(&losing.repository, some, terms, bin, marked, &mut spared).await?,
                };
                follow.done(some.len() as u64);
                pace.breathe().await?;
            }
            if losing.all && (dry_run || self.tidy_collected(&losing.repository).await?) {
                collected.emptied += 1;
                follow.goes(&Going::Repository(losing.repository.clone()));
            }
            pace.breathe().await?;
        }
        self.sweep_blobs(marked, terms, dry_run, pace, bin, follow, collected).await
    }

    /// Removes manifests of a repository; returns those that went.
    ///
    /// Alone in the repository: nobody puts a tag or an index on one of them meanwhile. Who did so before has pinned it.
    async fn sweep_manifests(
        &self,
        repository: &RepositoryName,
        some: &[(Digest, Why)],
        terms: Terms,
        bin: &mut Bin<'_>,
        marked: &mut Marked,
        spared: &mut Marked,
    ) -> Result<Vec<(Digest, Why)>> {
        let _removing = self.locks.removing(repository).await;
        let leaving = self.pins.take_away(some.iter().map(|(digest, _)| *digest), terms.pinned_since);
        for (digest, _) in some.iter().filter(|(digest, _)| !leaving.has(digest)) {
            self.spare(repository, *digest, &mut [&mut *marked, &mut *spared]).await?;
        }
        let going: Vec<(Digest, Why)> =
            some.iter().filter(|(digest, _)| leaving.has(digest) && !spared.contains(digest)).copied().collect();
        let mut removed = Vec::with_capacity(going.len());
        for (digest, _) in &going {
            removed.push(self.as_removed(repository, digest, Vec::new()).await?);
        }
        if going.is_empty() {
            return Ok(going);
        }
        bin.write(&removed).await?;
        let gone: Vec<Digest> = going.iter().map(|(digest, _)| *digest).collect();
        self.despite_a_full_disk(|| self.remove_revisions(repository, &gone)).await?;
        Ok(going)
    }

    /// Takes manifests from a repository that no tag of it points at. The caller keeps everyone from adding to it.
    ///
    /// What they list and what speaks about them, as far as it stays, is noted to be left alone from now on.
    async fn remove_revisions(&self, repository: &RepositoryName, gone: &[Digest]) -> Result<()> {
        let _changing: Vec<_> = gone.iter().map(|digest| self.remembered.changing(repository, digest, &[])).collect();
        let (mut links, mut notes) = (Vec::new(), Vec::new());
        for digest in gone {
            links.push(Change::Remove(layout::revision_link(repository, digest)));
            notes.push(Change::Remove(layout::manifest_type(repository, digest)));
            notes.push(Change::Remove(layout::left_alone(repository, digest)));
            if let Some(edges) = self.edges_of(digest).await?
                && let Some(subject) = edges.subject
            {
                notes.push(Change::Remove(layout::referrer(repository, &subject, digest)));
            }
        }
        let left = self.left_alone_by(repository, gone).await?;
        let applied = self.storage.apply(vec![left, links, notes]).await;
        self.usage.went(repository);
        applied?;
        for digest in gone {
            let link = layout::revision_link(repository, digest);
            self.storage.prune(&link, &layout::revisions(repository, digest.algorithm())).await?;
        }
        Ok(())
    }

    /// Notes of what some manifests list and of what speaks about them, as far as the repository holds it: from now on
    /// nothing may lead to it.
    pub(in crate::registry) async fn left_alone_by(
        &self,
        repository: &RepositoryName,
        gone: &[Digest],
    ) -> Result<Vec<Change>> {
        let mut notes = Vec::new();
        for digest in gone {
            let parts = self.edges_of(digest).await?.unwrap_or_default().parts;
            for part in parts.iter().filter(|part| !gone.contains(part)) {
                if self.holds_manifest(repository, part).await? {
                    notes.push(Change::Renew(layout::left_alone(repository, part), Bytes::new()));
                }
            }
            for name in self.names(&layout::referrers(repository, digest)).await? {
                let Ok(referrer) = name.parse::<Digest>() else { continue };
                if !gone.contains(&referrer) && self.holds_manifest(repository, &referrer).await? {
                    notes.push(Change::Renew(layout::left_alone(repository, &referrer), Bytes::new()));
                }
            }
        }
        Ok(notes)
    }

    /// Puts a manifest and all that it leads to in its repository into sets.
    pub(super) async fn spare(
        &self,
        repository: &RepositoryName,
        digest: Digest,
        sets: &mut [&mut Marked],
    ) -> Result<()> {
        let (mut seen, mut open) = (HashSet::new(), vec![(digest, true)]);
        while let Some((digest, is_manifest)) = open.pop() {
            if !seen.insert((digest, is_manifest)) {
                continue;
            }
            sets.iter_mut().for_each(|set| set.insert(&digest));
            let is_held = self.holds_manifest(repository, &digest).await?;
            if !is_held && let Some(target) = self.held_blob(repository, &digest).await? {
                sets.iter_mut().for_each(|set| set.insert(&target));
            }
            if !is_held && !is_manifest {
                continue;
            }
            if let Some(read) = self.read_any(&digest).await? {
                let parts = read.edges.parts.iter();
                open.extend(parts.map(|part| (*part, read.children.binary_search(part).is_ok())));
                open.extend(read.edges.subject.map(|subject| (subject, false)));
            }
            let about = self.names(&layout::referrers(repository, &digest)).await?;
            open.extend(about.iter().filter_map(|name| Some((name.parse().ok()?, false))));
        }
        Ok(())
    }

    /// Removes links to blobs; returns how many went.
    async fn sweep_links(
        &self,
        repository: &RepositoryName,
        some: &[Digest],
        terms: Terms,
        bin: &mut Bin<'_>,
        marked: &mut Marked,
        spared: &mut Marked,
    ) -> Result<u64> {
        let wanted = some.iter().filter(|digest| !spared.contains(digest)).copied();
        let wanted: Vec<Digest> = wanted.collect();
        let leaving = self.pins.take_away(wanted.iter().copied(), terms.pinned_since);
        // A link that stays keeps what it leads to.
        for digest in some.iter().filter(|digest| !leaving.has(digest)) {
            marked.insert(digest);
            if let Some(target) = self.held_blob(repository, digest).await? {
                marked.insert(&target);
            }
        }
        let (mut removed, mut changes) = (Vec::new(), Vec::new());
        for digest in leaving.digests() {
            let link = layout::layer_link(repository, digest);
            if let Some(target) = links::read(self.storage.as_ref(), &link).await? {
                removed.push(Removed::Layer { repository: repository.clone(), digest: *digest, target });
            }
            changes.push(Change::Remove(link));
        }
        if changes.is_empty() {
            return Ok(0);
        }
        let gone = changes.len() as u64;
        if !removed.is_empty() {
            bin.write(&removed).await?;
        }
        let named = |digest: &Digest| (repository.clone(), *digest);
        let _changing: Vec<_> =
            leaving.digests().map(|digest| self.remembered.blobs.changing(&named(digest))).collect();
        let applied = self.storage.apply(vec![changes]).await;
        self.usage.went(repository);
        applied?;
        for digest in leaving.digests() {
            let link = layout::layer_link(repository, digest);
            self.storage.prune(&link, &layout::layers(repository, digest.algorithm())).await?;
        }
        Ok(gone)
    }

    #[expect(clippy::too_many_arguments, reason = "as above")]
    async fn sweep_blobs(
        &self,
        marked: &mut Marked,
        terms: Terms,
        dry_run: bool,
        pace: &mut Pace<'_>,
        bin: &mut Bin<'_>,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<()> {
        let mut directories = Vec::new();
        for algorithm in Algorithm::ALL {
            let names = self.names(&layout::blobs(algorithm)).await?;
            directories.extend(names.into_iter().map(|name| (algorithm, name)));
        }
        follow.phase(Phase::Blobs, Some(directories.len() as u64));
        for (algorithm, directory) in directories {
            let mut going: Vec<(Digest, u64)> = Vec::new();
            for name in self.names(&layout::blobs(algorithm).child(&directory)).await? {
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                collected.blobs += 1;
                if marked.contains(&digest) {
                    continue;
                }
                let meta = match self.storage.stat(&layout::blob(&digest)).await {
                    Ok(meta) => meta,
                    Err(error) if error.is_not_found() => {
                        collected.blobs -= 1;
                        continue;
                    }
                    Err(error) => return Err(error.into()),
                };
                let is_pinned = self.pins.is_pinned_since(&digest, terms.pinned_since);
                if terms.is_young(meta.modified) || is_pinned {
                    collected.young += 1;
                    collected.young_bytes += meta.size;
                    continue;
                }
                going.push((digest, meta.size));
                if going.len() == AT_ONCE {
                    self.sweep_some(&std::mem::take(&mut going), terms, dry_run, bin, follow, collected).await?;
                }
                pace.breathe().await?;
            }
            self.sweep_some(&going, terms, dry_run, bin, follow, collected).await?;
            follow.done(1);
            pace.breathe().await?;
        }
        Ok(())
    }

    async fn sweep_some(
        &self,
        some: &[(Digest, u64)],
        terms: Terms,
        dry_run: bool,
        bin: &mut Bin<'_>,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<()> {
        let leaving: Leaving<'_> = self.pins.take_away(some.iter().map(|(digest, _)| *digest), terms.pinned_since);
        let gone: Vec<(Digest, u64)> = some.iter().filter(|(digest, _)| leaving.has(digest)).copied().collect();
        if !dry_run && !gone.is_empty() {
            let removed: Vec<Removed> =
                gone.iter().map(|(digest, size)| Removed::Blob { digest: *digest, size: *size }).collect();
            let id = bin.write(&removed).await?.id().clone();
            let moved =
                |(digest, _): &(Digest, u64)| Change::Rename(layout::blob(digest), layout::trashed_blob(digest, &id));
            self.storage.apply(vec![gone.iter().map(moved).collect()]).await?;
        }
        for (digest, size) in gone {
            collected.swept += 1;
            collected.bytes += size;
            follow.goes(&Going::Blob { digest, size });
        }
        Ok(())
    }
}
