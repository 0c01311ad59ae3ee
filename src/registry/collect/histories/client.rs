//! A client: what it does, and what it knows of what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;

use super::random::Random;
use crate::oci::{Digest, Reference, RepositoryName};
use crate::registry::samples::{body, described, digest, image, index, name, tag};
use crate::registry::{
    Actor, BatchId, Mount, MountFrom, NewManifest, Overwrite, Precondition, Registry, RegistryError,
};

/// What a tag may point at: one thing, or one of two if nobody was told how a change ended.
pub(super) type Fate = BTreeSet<Option<Digest>>;

/// What tags may point at, each by its repository and its name.
type Fates = BTreeMap<(String, String), Fate>;

/// A manifest that was sent.
#[derive(Clone)]
pub(super) struct Sent {
    bytes: Bytes,
    pub(super) blobs: Vec<Digest>,
    pub(super) children: Vec<Digest>,
    pub(super) subject: Option<Digest>,
}

/// What the client has noted. It outlives the server.
#[derive(Default)]
pub(super) struct Known {
    pub(super) tags: Fates,
    pub(super) sent: BTreeMap<Digest, Sent>,
    /// What was put, and acknowledged, about something that a tag has pointed at ever since.
    pub(super) referrers: BTreeSet<(String, Digest)>,
    deleted: Option<(BatchId, Fates)>,
    acknowledged: usize,
    refused: usize,
}

/// A client with tags and manifests of its own. Blobs are everybody's.
#[derive(Clone)]
pub(super) struct Client {
    number: usize,
    known: Arc<Mutex<Known>>,
}

const LAYERS: [&str; 5] = ["layer one", "layer two", "layer three", "layer four", "layer five"];
const CONFIGS: [&str; 3] = ["config one", "config two", "config three"];

impl Client {
    pub(super) fn new(number: usize) -> Client {
        Client { number, known: Arc::default() }
    }

    pub(super) fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap()
    }

    pub(super) fn acknowledged(&self) -> usize {
        self.known().acknowledged
    }

    pub(super) fn refused(&self) -> usize {
        self.known().refused
    }

    fn own(&self) -> String {
        format!("own/{}", self.number)
    }

    fn repositories(&self) -> [String; 2] {
        ["shared".to_owned(), self.own()]
    }

    /// A tag in a repository, and what it is known to point at.
    fn a_tag(&self, random: &mut Random) -> (String, String) {
        let repository = self.repositories()[random.below(2)].clone();
        (repository, format!("c{}-{}", self.number, random.below(3)))
    }

    pub(super) async fn work(&self, registry: &Registry, random: &mut Random, steps: usize) {
        for _ in 0..steps {
            let (repository, name) = self.a_tag(random);
            match random.below(10) {
                0..=3 => drop(self.push_image(registry, random, &repository, Some(name)).await),
                4 | 5 => self.push_index(registry, random, &repository, name).await,
                6 => self.push_referrer(registry, random, &repository, name).await,
                7 => self.delete_tag(registry, repository, name).await,
                8 => self.delete_manifest(registry, repository, name).await,
                _ => self.delete_or_restore(registry).await,
            }
        }
    }

    /// As docker does it: what is there is left out, what is elsewhere is mounted, the rest is sent.
    async fn push_blob(&self, registry: &Registry, random: &mut Random, repository: &RepositoryName, content: &str) {
        let digest = digest(content);
        if registry.stat_blob(repository, &digest).await.is_ok() {
            return;
        }
        let other = self.repositories()[random.below(2)].clone();
        let from = name(&other);
        if random.below(2) == 0
            && registry.mount_blob(repository, &digest, MountFrom::Repository(&from)).await.unwrap() == Mount::Mounted
        {
            return;
        }
        match registry.put_blob(repository, None, digest, body(content.as_bytes())).await {
            // The repository was deleted with all its uploads.
            Ok(()) | Err(RegistryError::UploadUnknown { .. } | RegistryError::UploadTakenOver(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }

    async fn push_image(
        &self,
        registry: &Registry,
        random: &mut Random,
        repository: &str,
        tagged: Option<String>,
    ) -> Option<Digest> {
        let config = CONFIGS[random.below(3)];
        let layers = [LAYERS[random.below(5)], LAYERS[random.below(5)]];
        let mut manifest = image(digest(config), &layers.map(digest));
        manifest["annotations"] = serde_json::json!({"by": self.number.to_string()});
        let blobs: Vec<Digest> = layers.iter().map(digest).chain([digest(config)]).collect();
        let sent = Sent { bytes: Bytes::from(manifest.to_string()), blobs, children: Vec::new(), subject: None };
        for _ in 0..4 {
            for content in layers.iter().chain([&config]) {
                self.push_blob(registry, random, &name(repository), content).await;
            }
            if let Some(digest) = self.put(registry, repository, sent.clone(), tagged.clone()).await {
                return Some(digest);
            }
        }
        None
    }

    /// Children are pushed first, but for those that the registry says it has.
    async fn push_index(&self, registry: &Registry, random: &mut Random, repository: &str, tag: String) {
        let known: Vec<Digest> = {
            let known = self.known();
            known.sent.iter().filter(|(_, sent)| !sent.blobs.is_empty()).map(|(digest, _)| *digest).collect()
        };
        let mut children = Vec::new();
        for _ in 0..=random.below(2) {
            let there = match known.is_empty() {
                true => None,
                false => Some(known[random.below(known.len())]),
            };
            let child = match there {
                Some(child) if registry.get_manifest(&name(repository), &Reference::Digest(child)).await.is_ok() => {
                    Some(child)
                }
                _ => self.push_image(registry, random, repository, None).await,
            };
            children.extend(child);
        }
        let mut manifest = index(&children);
        manifest["annotations"] = serde_json::json!({"by": self.number.to_string()});
        let sent = Sent { bytes: Bytes::from(manifest.to_string()), blobs: Vec::new(), children, subject: None };
        self.put(registry, repository, sent, Some(tag)).await;
    }

    /// Something about what a tag points at.
    async fn push_referrer(&self, registry: &Registry, random: &mut Random, repository: &str, tag: String) {
        let fate = self.known().tags.get(&(repository.to_owned(), tag)).cloned().unwrap_or_default();
        let Some(subject) = fate.first().copied().flatten().filter(|_| fate.len() == 1) else { return };
        let config = CONFIGS[random.below(3)];
        let mut manifest = image(digest(config), &[]);
        manifest["annotations"] = serde_json::json!({"by": self.number.to_string()});
        manifest["subject"] = described("application/vnd.oci.image.manifest.v1+json", subject);
        let sent = Sent {
            bytes: Bytes::from(manifest.to_string()),
            blobs: vec![digest(config)],
            children: Vec::new(),
            subject: Some(subject),
        };
        for _ in 0..4 {
            self.push_blob(registry, random, &name(repository), config).await;
            if let Some(digest) = self.put(registry, repository, sent.clone(), None).await {
                self.known().referrers.insert((repository.to_owned(), digest));
                return;
            }
        }
    }

    /// Puts a manifest; `None` if something that it refers to is not there any more.
    async fn put(&self, registry: &Registry, repository: &str, sent: Sent, tagged: Option<String>) -> Option<Digest> {
        let digest = digest(&sent.bytes);
        let bytes = sent.bytes.clone();
        let place = tagged.clone().map(|tag| (repository.to_owned(), tag));
        let before = place.as_ref().map(|place| {
            let mut known = self.known();
            known.sent.insert(digest, sent.clone());
            let fate = known.tags.entry(place.clone()).or_insert_with(|| Fate::from([None]));
            let before = fate.clone();
            fate.insert(Some(digest));
            before
        });
        self.known().sent.insert(digest, sent);
        let reference = match &tagged {
            Some(text) => Reference::Tag(tag(text)),
            None => Reference::Digest(digest),
        };
        let new = NewManifest {
            media_type: None,
            bytes,
            reference,
            tags: Vec::new(),
            overwrite: Overwrite::Allowed,
            precondition: Precondition::None,
            by: Actor::unknown(),
        };
        let put = registry.put_manifest(&name(repository), new).await;
        let mut known = self.known();
        match put {
            Ok(_) => {
                if let Some(place) = place {
                    known.tags.insert(place, Fate::from([Some(digest)]));
                }
                known.acknowledged += 1;
                known.forget_referrers();
                Some(digest)
            }
            Err(RegistryError::ReferencesUnknown { .. }) => {
                if let Some((place, before)) = place.zip(before) {
                    known.tags.insert(place, before);
                }
                known.refused += 1;
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    async fn delete_tag(&self, registry: &Registry, repository: String, text: String) {
        let place = (repository, text);
        let Some(fate) = self.known().tags.get(&place).cloned() else { return };
        self.known().tags.entry(place.clone()).or_default().insert(None);
        match registry.delete_tag(&name(&place.0), &tag(&place.1), &Precondition::None, &Actor::unknown()).await {
            Ok(()) => {}
            Err(RegistryError::ManifestUnknown { .. }) => assert!(fate.contains(&None), "{place:?} is gone"),
            Err(error) => panic!("{error}"),
        }
        let mut known = self.known();
        known.tags.insert(place, Fate::from([None]));
        known.forget_referrers();
    }

    async fn delete_manifest(&self, registry: &Registry, repository: String, text: String) {
        let Some(fate) = self.known().tags.get(&(repository.clone(), text)).cloned() else { return };
        let Some(digest) = fate.iter().copied().flatten().next() else { return };
        // An index without its child would be what was asked for.
        if self.known().sent.values().any(|sent| sent.children.contains(&digest)) {
            return;
        }
        let change = |known: &mut Known, certain: bool| {
            for (_, fate) in known.tags.iter_mut().filter(|((other, _), _)| *other == repository) {
                if fate.contains(&Some(digest)) {
                    fate.insert(None);
                    if certain {
                        fate.remove(&Some(digest));
                    }
                }
            }
            known.forget_referrers();
        };
        change(&mut self.known(), false);
        match registry.delete_manifest(&name(&repository), &digest, &Precondition::None, &Actor::unknown()).await {
            Ok(()) => {}
            Err(RegistryError::ManifestUnknown { .. }) => assert!(fate.contains(&None), "{digest} is gone"),
            Err(error) => panic!("{error}"),
        }
        change(&mut self.known(), true);
    }

    /// Deletes the repository that is its own, or brings it back.
    async fn delete_or_restore(&self, registry: &Registry) {
        let repository = self.own();
        let deleted = self.known().deleted.take();
        let Some((batch, tags)) = deleted else {
            let tags: BTreeMap<_, _> = {
                let mut known = self.known();
                let mine = known.tags.iter_mut().filter(|((other, _), _)| *other == repository);
                let before = mine.map(|(place, fate)| {
                    let before = fate.clone();
                    fate.insert(None);
                    (place.clone(), before)
                });
                before.collect()
            };
            self.known().forget_referrers();
            match registry.delete_repository(&name(&repository), &Actor::unknown()).await {
                Ok(batch) => self.known().deleted = Some((batch, tags.clone())),
                Err(RegistryError::RepositoryUnknown { .. }) => {
                    assert!(tags.values().all(|fate| fate.contains(&None)), "{repository} is gone: {tags:?}");
                }
                Err(error) => panic!("{error}"),
            }
            for place in tags.keys() {
                self.known().tags.insert(place.clone(), Fate::from([None]));
            }
            return;
        };
        for (place, before) in &tags {
            let mut known = self.known();
            let fate = known.tags.entry(place.clone()).or_default();
            if *fate == Fate::from([None]) {
                fate.extend(before);
            }
        }
        match registry.restore_batch(&batch, &Actor::unknown()).await {
            Ok(restored) => assert_eq!(restored.lost, [], "{batch} is not whole"),
            // Emptied meanwhile.
            Err(RegistryError::BatchUnknown(_)) => {
                for place in tags.keys() {
                    let mut known = self.known();
                    let fate = known.tags.entry(place.clone()).or_default();
                    if fate.contains(&None) {
                        *fate = Fate::from([None]);
                    }
                }
                return;
            }
            Err(error) => panic!("{error}"),
        }
        for (place, before) in tags {
            let mut known = self.known();
            let fate = known.tags.entry(place).or_default();
            if fate.contains(&None) {
                *fate = before;
            }
        }
    }
}

impl Known {
    /// What is said about something lasts as long as a tag certainly points at that.
    pub(super) fn forget_referrers(&mut self) {
        let Known { tags, sent, referrers, .. } = self;
        referrers.retain(|(repository, digest)| {
            let subject = sent[digest].subject;
            let mut fates = tags.iter().filter(|((other, _), _)| other == repository).map(|(_, fate)| fate);
            fates.any(|fate| fate.len() == 1 && fate.contains(&subject))
        });
    }
}
