//! Compares what a server that was started again serves with what was acknowledged.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::chance::Chance;
use crate::history::History;
use crate::images::Image;
use crate::model::{Held, Model};
use crate::support::content::sha256;
use crate::wire::{Reply, Wire};

/// How the server before ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was killed. A blob that no manifest refers to may be gone, but is never torn.
    Kill,
    /// It was told to stop. Everything acknowledged is there.
    Stop,
}

/// What of that which has not changed since the last check is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// A sample of it.
    Sample,
    /// All of it.
    All,
}

/// Of this many things that have not changed, one is looked at.
const SAMPLE: usize = 25;

/// A server under check. After it the model holds what was found, for certain.
pub(crate) struct Check<'a> {
    pub(crate) wire: &'a mut Wire,
    pub(crate) chance: &'a mut Chance,
    pub(crate) ending: Ending,
    pub(crate) extent: Extent,
}

impl Check<'_> {
    /// Checks everything that can be seen over HTTP. Returns how many acknowledged blobs are gone.
    pub(crate) fn run(&mut self, model: &mut Model) -> usize {
        let images = model.images.clone();
        let by_digest: BTreeMap<&str, usize> =
            images.iter().enumerate().map(|(number, image)| (image.digest.as_str(), number)).collect();
        let listed = self.strings("/v2/_catalog?n=1000", "repositories");
        let mut gone = 0;
        for (name, held) in &mut model.repositories {
            self.check_tags(name, held, &images, &by_digest);
            self.check_manifests(name, held, &images);
            gone += self.check_blobs(name, held);
            let holds = held.manifests.values().any(|history| history.possible() == [Some(())]);
            assert!(!holds || listed.contains(name), "the catalog leaves out {name}");
        }
        gone
    }

    fn get(&mut self, path: &str) -> Reply {
        self.wire.get(path).unwrap_or_else(|_| panic!("{path}: the server went away"))
    }

    fn strings(&mut self, path: &str, key: &str) -> BTreeSet<String> {
        let got = self.get(path);
        if got.is_one_of(&[200, 404]) == 404 {
            return BTreeSet::new();
        }
        assert!(got.header("link").is_none(), "{path}: all on one page");
        let list = got.json()[key].as_array().cloned().unwrap_or_default();
        list.iter().map(|entry| entry.as_str().unwrap().to_owned()).collect()
    }

    /// Each tag is what it may be, is listed if it is there, and points at something that can be pulled.
    fn check_tags(&mut self, name: &str, held: &mut Held, images: &[Arc<Image>], by_digest: &BTreeMap<&str, usize>) {
        let mut listed = self.strings(&format!("/v2/{name}/tags/list"), "tags");
        for (tag, history) in &mut held.tags {
            let got = self.get(&format!("/v2/{name}/manifests/{tag}"));
            let found = (got.is_one_of(&[200, 404]) == 200).then(|| {
                let digest = sha256(&got.body);
                assert_eq!(got.header("docker-content-digest"), Some(digest.as_str()), "{name}:{tag}");
                *by_digest
                    .get(digest.as_str())
                    .unwrap_or_else(|| panic!("{name}:{tag} is {digest}, which nobody pushed"))
            });
            let possible = history.possible();
            let words = |number: &Option<usize>| number.map_or("absent".to_owned(), |at| images[at].digest.clone());
            assert!(
                possible.contains(&found),
                "{name}:{tag} is {}; expected one of {:?}; since the last check: {history:?}",
                words(&found),
                possible.iter().map(words).collect::<Vec<_>>(),
            );
            assert_eq!(listed.remove(*tag), found.is_some(), "{name}:{tag} is listed if and only if it is there");
            if let Some(number) = found {
                // What the tag shows can be pulled by digest as well, so the check of manifests looks at it.
                held.manifests.entry(number).or_insert_with(|| History::starting(None));
                let path = format!("/v2/{name}/manifests/{}", images[number].digest);
                self.get(&path).is(200);
            }
            *history = History::starting(found);
        }
        assert!(listed.is_empty(), "{name} lists tags that nobody put: {listed:?}");
    }

    /// Each manifest that was acknowledged is there, with all that it refers to; one that was deleted is not.
    fn check_manifests(&mut self, name: &str, held: &mut Held, images: &[Arc<Image>]) {
        for (number, history) in &mut held.manifests {
            if !history.is_touched() && self.extent == Extent::Sample && !self.chance.one_in(SAMPLE) {
                continue;
            }
            let image = &images[*number];
            let got = self.get(&format!("/v2/{name}/manifests/{}", image.digest));
            let found = (got.is_one_of(&[200, 404]) == 200).then_some(());
            let possible = history.possible();
            assert!(
                possible.contains(&found),
                "manifest {} in {name}: {found:?}, expected one of {possible:?}; since the last check: {history:?}",
                image.digest,
            );
            if found.is_some() {
                assert!(got.body == image.manifest.bytes, "manifest {} in {name} has other bytes", image.digest);
                assert_eq!(got.header("content-type"), Some(image.media_type()), "{} in {name}", image.digest);
                for blob in &image.blobs {
                    self.is_whole(name, blob);
                }
            }
            self.check_subject(name, image, found.is_some());
            *history = History::starting(found);
        }
    }

    /// What refers to a subject is listed there if and only if it is there itself.
    fn check_subject(&mut self, name: &str, image: &Image, is_there: bool) {
        let Some(subject) = &image.subject else { return };
        let list = self.get(&format!("/v2/{name}/referrers/{subject}")).is(200).json();
        let listed = list["manifests"].as_array().unwrap();
        let listed = listed.iter().any(|entry| entry["digest"] == image.digest.as_str());
        assert_eq!(
            listed, is_there,
            "{} is a referrer of {subject} in {name} if and only if it is there",
            image.digest
        );
    }

    /// Blobs that were acknowledged are there, or after a kill may be gone; they are never torn.
    fn check_blobs(&mut self, name: &str, held: &mut Held) -> usize {
        let mut gone = 0;
        for digest in std::mem::take(&mut held.new_blobs) {
            let got = self.get(&format!("/v2/{name}/blobs/{digest}"));
            if got.is_one_of(&[200, 404]) == 200 {
                assert!(sha256(&got.body) == digest, "blob {digest} in {name} is torn");
                continue;
            }
            assert!(self.ending == Ending::Kill, "blob {digest} in {name} was acknowledged and is gone after a stop");
            held.blobs.remove(&digest);
            gone += 1;
        }
        gone
    }

    fn is_whole(&mut self, name: &str, digest: &str) {
        let got = self.get(&format!("/v2/{name}/blobs/{digest}"));
        assert_eq!(got.status, 200, "blob {digest} in {name}, which a manifest there refers to, is gone");
        assert!(sha256(&got.body) == digest, "blob {digest} in {name} is torn");
    }
}
