//! What may be found after a cut, as far as requests were acknowledged before it.
//!
//! What a request that was not answered asked for may have come to pass or not.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::Durability;

use super::client::{Step, name, tag};
use super::images::Known;
use super::recorder::Event;

/// What a request asks for.
#[derive(Clone, Debug)]
pub(super) enum Intent {
    Blob(RepositoryName, Digest),
    Manifest(RepositoryName, Known, Vec<Tag>),
    Untag(RepositoryName, Tag),
    DropManifest(RepositoryName, Digest),
    DropBlob(RepositoryName, Digest),
    Collect(RepositoryName, Vec<Known>),
    Restore(RepositoryName, Vec<Known>),
}

/// In which repository, and what.
pub(super) type Held = (RepositoryName, Digest);

/// What may be found.
#[derive(Clone, Debug)]
pub(super) struct Promises {
    durability: Durability,
    /// What each tag may point at.
    pub(super) tags: BTreeMap<(RepositoryName, Tag), BTreeSet<Option<Digest>>>,
    /// Whether each manifest may be there, or absent.
    pub(super) manifests: BTreeMap<Held, BTreeSet<bool>>,
    /// Whether each blob may be there, or absent.
    pub(super) blobs: BTreeMap<Held, BTreeSet<bool>>,
    /// Blobs and manifests that somebody asked to be removed, from under whatever refers to them.
    pub(super) dropped: BTreeSet<Held>,
    under_way: HashMap<usize, Box<Intent>>,
    /// Counts changes.
    pub(super) version: usize,
}

impl Promises {
    /// Nothing was asked for yet.
    pub(super) fn new(durability: Durability) -> Promises {
        Promises {
            durability,
            tags: BTreeMap::new(),
            manifests: BTreeMap::new(),
            blobs: BTreeMap::new(),
            dropped: BTreeSet::new(),
            under_way: HashMap::new(),
            version: 0,
        }
    }

    /// Takes in what happened.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Begins(number, intent) => {
                self.version += 1;
                self.begin(intent);
                self.under_way.insert(*number, intent.clone());
            }
            Event::Ends(number, acknowledged) => {
                self.version += 1;
                let intent = self.under_way.remove(number).unwrap();
                if *acknowledged {
                    self.acknowledge(&intent);
                }
            }
            _ => {}
        }
    }

    /// Takes all of these as acknowledged.
    pub(super) fn expect(&mut self, steps: &[Step]) {
        for step in steps {
            let intent = match step {
                Step::Blob(to, content, _) => Intent::Blob(name(to), content.digest),
                Step::Manifest(to, known, tags) => {
                    Intent::Manifest(name(to), known.clone(), tags.iter().map(|text| tag(text)).collect())
                }
                _ => continue,
            };
            self.begin(&intent);
            self.acknowledge(&intent);
        }
    }

    fn begin(&mut self, intent: &Intent) {
        match intent {
            Intent::Blob(repository, digest) => may(&mut self.blobs, (repository.clone(), *digest), false, true),
            Intent::Manifest(repository, known, tags) => {
                may(&mut self.manifests, (repository.clone(), known.digest), false, true);
                for tag in tags {
                    may(&mut self.tags, (repository.clone(), tag.clone()), None, Some(known.digest));
                }
            }
            Intent::Untag(repository, tag) => may(&mut self.tags, (repository.clone(), tag.clone()), None, None),
            Intent::DropManifest(repository, digest) => {
                may(&mut self.manifests, (repository.clone(), *digest), false, false);
                self.dropped.insert((repository.clone(), *digest));
                for (_, points) in self.pointing_at(repository, digest) {
                    points.insert(None);
                }
            }
            Intent::Collect(repository, gone) => {
                for known in gone {
                    may(&mut self.manifests, (repository.clone(), known.digest), false, false);
                    self.dropped.insert((repository.clone(), known.digest));
                    for blob in &known.blobs {
                        may(&mut self.blobs, (repository.clone(), blob.digest), false, false);
                        self.dropped.insert((repository.clone(), blob.digest));
                    }
                }
            }
            Intent::Restore(repository, back) => {
                for known in back {
                    may(&mut self.manifests, (repository.clone(), known.digest), false, true);
                    for blob in &known.blobs {
                        may(&mut self.blobs, (repository.clone(), blob.digest), false, true);
                    }
                }
            }
            Intent::DropBlob(repository, digest) => {
                may(&mut self.blobs, (repository.clone(), *digest), false, false);
                self.dropped.insert((repository.clone(), *digest));
            }
        }
    }

    fn acknowledge(&mut self, intent: &Intent) {
        match intent {
            Intent::Blob(repository, digest) => {
                if self.durability == Durability::Full {
                    must(&mut self.blobs, (repository.clone(), *digest), true);
                }
            }
            Intent::Manifest(repository, known, tags) => {
                must(&mut self.manifests, (repository.clone(), known.digest), true);
                for blob in &known.blobs {
                    must(&mut self.blobs, (repository.clone(), blob.digest), true);
                }
                for tag in tags {
                    must(&mut self.tags, (repository.clone(), tag.clone()), Some(known.digest));
                }
            }
            Intent::Untag(repository, tag) => must(&mut self.tags, (repository.clone(), tag.clone()), None),
            Intent::DropManifest(repository, digest) => {
                must(&mut self.manifests, (repository.clone(), *digest), false);
                for (_, points) in self.pointing_at(repository, digest) {
                    points.remove(&Some(*digest));
                }
            }
            Intent::Collect(repository, known) | Intent::Restore(repository, known) => {
                let there = matches!(intent, Intent::Restore(..));
                for known in known {
                    must(&mut self.manifests, (repository.clone(), known.digest), there);
                    for blob in &known.blobs {
                        must(&mut self.blobs, (repository.clone(), blob.digest), there);
                    }
                }
            }
            Intent::DropBlob(repository, digest) => must(&mut self.blobs, (repository.clone(), *digest), false),
        }
    }

    fn pointing_at(
        &mut self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> impl Iterator<Item = (&(RepositoryName, Tag), &mut BTreeSet<Option<Digest>>)> {
        let at = Some(*digest);
        self.tags.iter_mut().filter(move |((of, _), points)| of == repository && points.contains(&at))
    }
}

fn may<K: Ord, V: Ord>(what: &mut BTreeMap<K, BTreeSet<V>>, key: K, before: V, value: V) {
    what.entry(key).or_insert_with(|| BTreeSet::from([before])).insert(value);
}

fn must<K: Ord, V: Ord>(what: &mut BTreeMap<K, BTreeSet<V>>, key: K, value: V) {
    what.insert(key, BTreeSet::from([value]));
}
