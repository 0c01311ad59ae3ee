//! Bringing manifests back, with those that they list, and their tags.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, MediaType, RepositoryName, Tag};
use crate::registry::history::How;
use crate::registry::{Actor, Registry, RegistryError, Result, layout, links};
use crate::storage::Change;

use super::whole::Wholeness;
use super::{BatchId, Removed, Restored};

/// A manifest as a batch has it.
#[derive(Clone, Debug)]
pub(super) struct Trashed {
    pub(super) digest: Digest,
    pub(super) media_type: Option<MediaType>,
    pub(super) tags: Vec<Tag>,
    pub(super) layers: Vec<(Digest, Digest)>,
}

/// The manifests that come back, of each repository.
pub(super) type Manifests = BTreeMap<RepositoryName, Vec<Trashed>>;

impl Registry {
    /// Gives repositories manifests back, with all that they refer to, and the tags that are free.
    ///
    /// Tags come last, and only to what is whole: what a manifest lists may have gone with another batch, and be gone for good.
    pub(super) async fn restore_manifests(
        &self,
        id: &BatchId,
        mut manifests: Manifests,
        by: &Actor,
        stop: &CancellationToken,
        restored: &mut Restored,
    ) -> Result<()> {
        let go_on = || if stop.is_cancelled() { Err(RegistryError::Stopped) } else { Ok(()) };
        self.add_listed(id, stop, &mut manifests).await?;
        for (repository, manifests) in &manifests {
            let (mut wholeness, mut linked) = (Wholeness::default(), Vec::new());
            // What is listed is written down behind what lists it.
            for manifest in manifests.iter().rev() {
                go_on()?;
                if self.restore_manifest(repository, manifest).await? {
                    restored.manifests += 1;
                    linked.push(manifest);
                } else {
                    wholeness.lacks(manifest.digest);
                    restored.lost.push((repository.clone(), manifest.digest));
                }
            }
            // From here on nobody deletes what a tag is to be set on.
            let _adding = self.locks.adding(repository).await;
            let places = [layout::repository(repository)];
            for manifest in &linked {
                let missing = self.look_for_parts(repository, &places, &manifest.digest, &mut wholeness).await?;
                restored.lost.extend(missing.into_iter().map(|digest| (repository.clone(), digest)));
            }
            let incomplete = wholeness.incomplete();
            for manifest in linked.into_iter().filter(|manifest| !incomplete.contains(&manifest.digest)) {
                restored.tags += self.restore_tags(repository, manifest, by).await?;
            }
        }
        Ok(())
    }

    /// Adds what these manifests list and their repositories lack, as far as other batches have it: an index may have been
    /// deleted, and what it lists collected later. What was deleted by itself comes back without its tags.
    async fn add_listed(&self, id: &BatchId, stop: &CancellationToken, manifests: &mut Manifests) -> Result<()> {
        let named = |(repository, trashed): (&RepositoryName, &Trashed)| (repository.clone(), trashed.digest);
        let each = |manifests: &Manifests| -> Vec<(RepositoryName, Trashed)> {
            let each =
                manifests.iter().flat_map(|(repository, of)| of.iter().map(|one| (repository.clone(), one.clone())));
            each.collect()
        };
        let mut latest = each(manifests);
        let mut known: HashSet<(RepositoryName, Digest)> =
            latest.iter().map(|(repository, trashed)| named((repository, trashed))).collect();
        loop {
            let mut wanted = HashMap::new();
            for (repository, trashed) in &latest {
                if stop.is_cancelled() {
                    return Err(RegistryError::Stopped);
                }
                for digest in self.unlinked_parts(repository, trashed).await? {
                    let name = (repository.clone(), digest);
                    if known.insert(name.clone()) {
                        wanted.insert(name, None);
                    }
                }
            }
            if wanted.is_empty() {
                return Ok(());
            }
            for other in self.batches().await?.iter().filter(|other| *other != id) {
                self.read_batch(other, |removed| {
                    if let Removed::Manifest { repository, digest, media_type, layers, tags: _ } = removed
                        && let Some(found) = wanted.get_mut(&(repository, digest))
                    {
                        *found = Some(Trashed { digest, media_type, tags: Vec::new(), layers });
                    }
                })
                .await?;
            }
            latest = wanted.into_iter().filter_map(|((repository, _), found)| Some((repository, found?))).collect();
            for (repository, trashed) in &latest {
                manifests.entry(repository.clone()).or_default().push(trashed.clone());
            }
        }
    }

    /// What a manifest refers to and its repository has no link to, nor had one to a blob.
    async fn unlinked_parts(&self, repository: &RepositoryName, trashed: &Trashed) -> Result<Vec<Digest>> {
        let mut unlinked = Vec::new();
        for part in self.bring_content_back(&trashed.digest).await?.unwrap_or_default().parts {
            if !trashed.layers.iter().any(|(digest, _)| *digest == part)
                && !self.holds_manifest(repository, &part).await?
                && self.held_blob(repository, &part).await?.is_none()
            {
                unlinked.push(part);
            }
        }
        Ok(unlinked)
    }

    /// Gives a repository its manifest back with all that it refers to, without tags. False if its content is gone.
    async fn restore_manifest(&self, repository: &RepositoryName, trashed: &Trashed) -> Result<bool> {
        let digest = &trashed.digest;
        let _adding = self.locks.adding(repository).await;
        if self.bring_content_back(digest).await?.is_none() {
            return Ok(false);
        }
        let _changing = self.remembered.changing(repository, digest, &[]);
        let mut content = Vec::new();
        if let Some(media_type) = &trashed.media_type {
            let noted = Bytes::copy_from_slice(media_type.as_str().as_bytes());
            content.push(Change::Put(layout::manifest_type(repository, digest), noted));
        }
        // Only what the repository held: a manifest that refers to something opens nothing.
        for (digest, target) in &trashed.layers {
            if self.content_is_there(target).await? {
                content.push(Change::Put(layout::layer_link(repository, digest), links::content(target)));
            }
        }
        // The time for which a manifest without a tag stays begins anew.
        let readable = vec![Change::Renew(layout::revision_link(repository, digest), links::content(digest))];
        self.storage.apply(vec![content, readable]).await?;
        self.note_subject_of(repository, digest).await?;
        Ok(true)
    }

    /// Gives a manifest those of its tags back that are free; returns how many. The caller keeps it from being deleted.
    async fn restore_tags(&self, repository: &RepositoryName, trashed: &Trashed, by: &Actor) -> Result<u64> {
        let Trashed { digest, tags, .. } = trashed;
        let _moving = self.locks.moving(repository, tags).await;
        // Somebody may have deleted it again.
        if tags.is_empty() || !self.holds_manifest(repository, digest).await? {
            return Ok(0);
        }
        let _changing = self.remembered.changing(repository, digest, tags);
        let (mut noted, mut indexed, mut pointed) = (Vec::new(), Vec::new(), Vec::new());
        for tag in tags {
            if self.resolve(repository, tag).await?.is_none() {
                noted.extend(self.note(repository, tag, None, Some(*digest), by, How::Restore).await?);
                indexed.push(Change::Put(layout::tag_index(repository, tag, digest), links::content(digest)));
                pointed.push(Change::Put(layout::tag_current(repository, tag), links::content(digest)));
            }
        }
        let came_back = pointed.len() as u64;
        self.storage.apply(vec![noted, indexed, pointed]).await?;
        Ok(came_back)
    }
}
