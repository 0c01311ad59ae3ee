//! Images to be pushed: fresh ones that nobody has seen, and a few that everybody pushes again and again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::chance::Chance;
use crate::support::content::{Manifest, bytes, sha256};

/// Content under its name. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Blob {
    pub(crate) digest: String,
    pub(crate) content: Arc<Vec<u8>>,
}

/// A manifest and what it refers to, by name.
pub(crate) struct Image {
    pub(crate) digest: String,
    pub(crate) manifest: Manifest,
    pub(crate) blobs: Vec<String>,
    /// What it says something about.
    pub(crate) subject: Option<String>,
}

/// An image that is pushed again and again.
pub(crate) struct Pooled {
    /// Its number in the model.
    pub(crate) number: usize,
    pub(crate) blobs: Vec<Blob>,
}

impl Blob {
    pub(crate) fn new(content: Vec<u8>) -> Blob {
        Blob { digest: sha256(&content), content: Arc::new(content) }
    }

    /// Of content that nothing else in this process has.
    pub(crate) fn fresh(length: usize) -> Blob {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let mut content = bytes(length.max(16), number);
        content[..8].copy_from_slice(&number.to_be_bytes());
        Blob::new(content)
    }

    pub(crate) fn small(chance: &mut Chance) -> Blob {
        Blob::fresh(chance.between(100, 40_000))
    }

    /// More than the server holds in memory before it writes.
    pub(crate) fn large(chance: &mut Chance) -> Blob {
        Blob::fresh(chance.between(1 << 20, 3 << 20))
    }
}

impl Image {
    /// An image of a configuration and layers.
    pub(crate) fn of(blobs: &[Blob]) -> Image {
        let layers: Vec<&[u8]> = blobs[1..].iter().map(|blob| blob.content.as_slice()).collect();
        Image::new(Manifest::image(&blobs[0].content, &layers), blobs, None)
    }

    /// An index of images.
    pub(crate) fn index(children: &[&Image]) -> Image {
        let children: Vec<&Manifest> = children.iter().map(|image| &image.manifest).collect();
        Image::new(Manifest::index(&children), &[], None)
    }

    /// Something said about an image. It refers to [`empty`].
    pub(crate) fn about(subject: &Image, note: u64) -> Image {
        let manifest = Manifest::about(&subject.manifest, "application/vnd.test.note", &note.to_string());
        Image::new(manifest, &[empty()], Some(subject.digest.clone()))
    }

    fn new(manifest: Manifest, blobs: &[Blob], subject: Option<String>) -> Image {
        let digest = manifest.digest();
        Image { digest, manifest, blobs: blobs.iter().map(|blob| blob.digest.clone()).collect(), subject }
    }

    pub(crate) fn media_type(&self) -> &str {
        self.manifest.media_type.as_deref().unwrap()
    }
}

/// The configuration of what has none.
pub(crate) fn empty() -> Blob {
    Blob::new(b"{}".to_vec())
}
