//! What was acknowledged, and what is still open.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::history::{Change, History};
use crate::images::Image;
use crate::pushes::Pending;

/// The tags that everybody moves.
pub(crate) const TAGS: [&str; 5] = ["latest", "stable", "v1", "v2", "nightly"];

/// What a registry is known to hold.
pub(crate) struct Model {
    /// By their number.
    pub(crate) images: Vec<Arc<Image>>,
    /// By their name.
    pub(crate) repositories: BTreeMap<String, Held>,
    /// Uploads that broke off.
    pub(crate) pending: Vec<Pending>,
}

/// What a repository is known to hold. Images are numbers.
#[derive(Default)]
pub(crate) struct Held {
    pub(crate) tags: BTreeMap<&'static str, History<usize>>,
    pub(crate) manifests: BTreeMap<usize, History<()>>,
    /// Blobs that were acknowledged.
    pub(crate) blobs: BTreeSet<String>,
    /// Those among them that were acknowledged since the last check.
    pub(crate) new_blobs: BTreeSet<String>,
    /// Manifests that nobody deletes, because others refer to them.
    pub(crate) kept: BTreeSet<usize>,
}

/// A request about a manifest that is under way.
pub(crate) struct UnderWay {
    repository: String,
    image: Option<(usize, usize)>,
    tags: Vec<(&'static str, usize)>,
}

impl Model {
    pub(crate) fn new(repositories: &[&str]) -> Model {
        let held = |name: &&str| {
            let tags = TAGS.iter().map(|tag| (*tag, History::starting(None))).collect();
            ((*name).to_owned(), Held { tags, ..Held::default() })
        };
        Model { images: Vec::new(), repositories: repositories.iter().map(held).collect(), pending: Vec::new() }
    }

    /// Gives an image its number.
    pub(crate) fn add(&mut self, image: Image) -> usize {
        self.images.push(Arc::new(image));
        self.images.len() - 1
    }

    pub(crate) fn held(&mut self, repository: &str) -> &mut Held {
        self.repositories.get_mut(repository).unwrap()
    }

    /// A blob was acknowledged.
    pub(crate) fn holds_blob(&mut self, repository: &str, digest: &str) {
        let held = self.held(repository);
        held.blobs.insert(digest.to_owned());
        held.new_blobs.insert(digest.to_owned());
    }

    /// An image is put, maybe under a tag.
    pub(crate) fn putting(&mut self, repository: &str, image: usize, tag: Option<&'static str>) -> UnderWay {
        let held = self.held(repository);
        let manifest = held.manifests.entry(image).or_insert_with(|| History::starting(None));
        let number = manifest.begin(Change::Put(()));
        let tags = tag.map(|tag| (tag, held.tags.get_mut(tag).unwrap().begin(Change::Put(image))));
        UnderWay { repository: repository.to_owned(), image: Some((image, number)), tags: tags.into_iter().collect() }
    }

    /// A manifest is deleted by its digest, and with it the tags that point at it.
    pub(crate) fn deleting(&mut self, repository: &str, image: usize) -> UnderWay {
        let held = self.held(repository);
        let number = held.manifests.get_mut(&image).unwrap().begin(Change::Delete);
        let tags = held.tags.iter_mut().map(|(tag, history)| (*tag, history.begin(Change::DeleteIf(image))));
        let tags = tags.collect();
        UnderWay { repository: repository.to_owned(), image: Some((image, number)), tags }
    }

    /// A tag is deleted.
    pub(crate) fn untagging(&mut self, repository: &str, tag: &'static str) -> UnderWay {
        let number = self.held(repository).tags.get_mut(tag).unwrap().begin(Change::Delete);
        UnderWay { repository: repository.to_owned(), image: None, tags: vec![(tag, number)] }
    }

    /// A request was answered: it is done, or changes nothing.
    pub(crate) fn answered(&mut self, request: UnderWay, done: bool) {
        let held = self.held(&request.repository);
        if let Some((image, number)) = request.image {
            answer(held.manifests.get_mut(&image).unwrap(), number, done);
        }
        for (tag, number) in request.tags {
            answer(held.tags.get_mut(tag).unwrap(), number, done);
        }
    }
}

fn answer<V: Copy + Eq>(history: &mut History<V>, number: usize, done: bool) {
    match done {
        true => history.done(number),
        false => history.refused(number),
    }
}

/// Looks at the model for a moment.
pub(crate) fn look(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().expect("another client failed")
}
