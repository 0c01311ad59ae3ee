//! Reading a repository for a collection. What cannot be read ends it: nobody knows what that leads to.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, SystemTime};

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};
use crate::registry::pins::Moment;
use crate::registry::{Registry, Result, layout, links};
use crate::storage::Key;

use super::plan::{Decided, Held, Loose, Untagged};
use super::run::Pace;

/// On which terms a collection decides.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// When it began.
    pub(super) now: SystemTime,
    /// Since when garbage is collected at all.
    pub(super) since: SystemTime,
    /// What was pinned since then is left alone.
    pub(super) pinned_since: Moment,
    /// What is younger is left alone.
    pub(super) grace: Duration,
    pub(super) untagged: Untagged,
}

/// A repository as a collection sees it.
#[derive(Debug, Default)]
pub(super) struct Looked {
    pub(super) decided: Decided,
    /// All content that must stay because of this repository ([`Digest::leading`]).
    pub(super) needed: Vec<u64>,
    /// Links to blobs that no manifest of the repository refers to any more.
    pub(super) stale: Vec<Digest>,
    /// Links to blobs that no manifest refers to, and that are young or belong to a push under way.
    pub(super) young_links: usize,
    /// Manifests that stay although no tag leads to them.
    pub(super) untagged: usize,
    pub(super) tags: usize,
}

impl Terms {
    pub(super) fn is_young(&self, modified: Option<SystemTime>) -> bool {
        // What does not say when it was made, or says that it will be, is new.
        modified.and_then(|modified| self.now.duration_since(modified).ok()).is_none_or(|age| age < self.grace)
    }
}

impl Registry {
    /// Looks at a repository and decides what of it goes.
    pub(super) async fn look_at(
        &self,
        repository: &RepositoryName,
        terms: Terms,
        pace: &mut Pace<'_>,
    ) -> Result<Looked> {
        let (tagged, tags) = self.tagged(repository, pace).await?;
        let manifests = self.manifests_of(repository, &tagged, pace).await?;
        let held = Held { tagged, manifests };
        let loose = self.known_of_loose(repository, &held, terms, pace).await?;
        let decided = held.decide(&loose, terms.untagged, terms.now);
        let from_tags = held.manifests.len() - loose.len();
        let untagged = decided.kept.len().saturating_sub(from_tags);
        let mut looked = Looked { untagged, tags, ..Looked::default() };
        let mut needed: HashSet<u64> = decided.kept.iter().map(Digest::leading).collect();
        for refers in decided.kept.iter().filter_map(|digest| held.manifests.get(digest)) {
            needed.extend(refers.parts.iter().map(Digest::leading).chain(refers.blobs.iter().copied()));
        }
        self.look_at_layers(repository, &needed, terms, pace, &mut looked).await?;
        looked.needed.extend(needed);
        looked.decided = decided;
        Ok(looked)
    }

    /// What the tags point at, and how many there are. Of a tag whose link is damaged nobody knows that, so it is everything
    /// that it has pointed at.
    async fn tagged(&self, repository: &RepositoryName, pace: &mut Pace<'_>) -> Result<(Vec<Digest>, usize)> {
        let (mut tagged, mut tags) = (Vec::new(), 0);
        for name in self.names(&layout::tags(repository)).await? {
            pace.breathe().await?;
            let Ok(tag) = name.parse::<Tag>() else { continue };
            let current = match self.storage.get(&layout::tag_current(repository, &tag)).await {
                Ok(current) => current,
                Err(error) if error.is_not_found() => continue,
                Err(error) => return Err(error.into()),
            };
            tags += 1;
            match links::parse(&current) {
                Some(digest) => tagged.push(digest),
                None => {
                    tagged.extend(self.indexed(repository, &tag).await?);
                }
            }
        }
        tagged.sort_unstable();
        tagged.dedup();
        Ok((tagged, tags))
    }

    /// What is known of the manifests that no tag leads to.
    async fn known_of_loose(
        &self,
        repository: &RepositoryName,
        held: &Held,
        terms: Terms,
        pace: &mut Pace<'_>,
    ) -> Result<HashMap<Digest, Loose>> {
        let mut known = HashMap::new();
        let loose = held.loose();
        if loose.is_empty() {
            return Ok(known);
        }
        let left = self.last_pointed_at(repository).await?;
        for digest in loose {
            pace.breathe().await?;
            let put = self.last_put(repository, &digest).await?;
            let is_young = terms.is_young(put) || self.pins.is_pinned_since(&digest, terms.pinned_since);
            let left = left.get(&digest).copied().max(self.when_left_alone(repository, &digest).await?);
            // It has not been without a tag for longer than it is there, or than anybody looks after that.
            let left = left.map(|left| left.max(terms.since).max(put.unwrap_or(left)));
            known.insert(digest, Loose { is_young, left });
        }
        Ok(known)
    }

    /// When a manifest was put last, if that is known.
    async fn last_put(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<SystemTime>> {
        for link in [layout::revision_link(repository, digest), layout::layer_link(repository, digest)] {
            match self.storage.stat(&link).await {
                Ok(meta) => return Ok(meta.modified),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }

    async fn when_left_alone(&self, repository: &RepositoryName, digest: &Digest) -> Result<Option<SystemTime>> {
        match self.storage.stat(&layout::left_alone(repository, digest)).await {
            Ok(meta) => Ok(meta.modified),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sorts the links to blobs into those that are needed, those that are young and those that are stale.
    async fn look_at_layers(
        &self,
        repository: &RepositoryName,
        needed: &HashSet<u64>,
        terms: Terms,
        pace: &mut Pace<'_>,
        looked: &mut Looked,
    ) -> Result<()> {
        let mut is_pushed_to = None;
        for algorithm in Algorithm::ALL {
            for name in self.names(&layout::layers(repository, algorithm)).await? {
                let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                pace.breathe().await?;
                let link = layout::layer_link(repository, &digest);
                let mut stays = needed.contains(&digest.leading());
                if !stays {
                    let modified = match self.storage.stat(&link).await {
                        Ok(meta) => meta.modified,
                        Err(error) if error.is_not_found() => continue,
                        Err(error) => return Err(error.into()),
                    };
                    stays = terms.is_young(modified) || self.pins.is_pinned_since(&digest, terms.pinned_since);
                    if !stays {
                        let known = match is_pushed_to {
                            Some(known) => known,
                            None => self.is_pushed_to(repository).await?,
                        };
                        is_pushed_to = Some(known);
                        stays = known;
                    }
                    looked.young_links += usize::from(stays);
                    if stays {
                        looked.needed.push(digest.leading());
                    }
                }
                if !stays {
                    looked.stale.push(digest);
                } else if algorithm != Algorithm::Sha256
                    // registry:2 keeps what was pushed by its SHA-512 under its SHA-256.
                    && let Some(target) = links::read(self.storage.as_ref(), &link).await?
                {
                    looked.needed.push(target.leading());
                }
            }
        }
        Ok(())
    }

    /// Whether an upload is under way in the repository: what else its push has brought is not referred to yet.
    async fn is_pushed_to(&self, repository: &RepositoryName) -> Result<bool> {
        let uploads = self.storage.list(&layout::uploads(repository), None, 1).await?;
        Ok(!uploads.is_empty() || self.sessions.are_under_way_in(repository))
    }

    /// The names directly below a key.
    pub(in crate::registry) async fn names(&self, key: &Key) -> Result<Vec<String>> {
        let entries = self.storage.list(key, None, usize::MAX).await?;
        Ok(entries.into_iter().map(|entry| entry.name).collect())
    }
}
