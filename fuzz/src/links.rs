//! Whatever a disk gives for a link, a note or a time: what is served is what was put, or nothing.

use std::cell::RefCell;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use wharf::oci::{Algorithm, Digest, MediaType, Reference, Tag};
use wharf::registry::{Page, RegistryError};

use super::volume::{self, BLOB, Volume, blob, repository};

/// An upload's name, for a purge to look at.
const UPLOAD: &str = "_uploads/0e4a5c7e-3f2b-4f8e-9d55-0a1b2c3d4e5f/startedat";

thread_local! {
    static VOLUME: RefCell<Option<Volume>> = const { RefCell::new(None) };
}

/// A digit for the file that is damaged, and what it holds then.
pub fn hold(data: &[u8]) {
    let Some((choice, content)) = data.split_first() else { return };
    VOLUME.with_borrow_mut(|volume| {
        let volume = volume.get_or_insert_with(Volume::new);
        volume.look_anew();
        match choice % 6 {
            0 => tag(volume, content),
            1 => revision(volume, content),
            2 => layer(volume, content),
            3 => media_type(volume, content),
            4 => referrer(volume, content),
            _ => started(volume, content),
        }
    });
}

/// Damages a file while something looks at it.
fn damaged<T>(path: &Path, content: &[u8], look: impl FnOnce() -> T) -> T {
    let before = fs::read(path).ok();
    fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
    fs::write(path, content).expect("a file");
    let seen = look();
    match before {
        Some(before) => fs::write(path, before).expect("a file"),
        None => fs::remove_file(path).unwrap_or_default(),
    }
    seen
}

/// The digest that a link file holds (docs/storage.md, with the line break that an editor leaves).
fn linked(content: &[u8]) -> Option<Digest> {
    std::str::from_utf8(content).ok()?.trim_end().parse().ok()
}

fn image() -> Digest {
    Digest::of(Algorithm::Sha256, &volume::image())
}

fn tag(volume: &Volume, content: &[u8]) {
    let tag: Tag = "1.0".parse().expect("a tag");
    let (found, listed) = damaged(&volume.path("_manifests/tags/1.0/current/link"), content, || {
        volume.wait(async {
            let found = volume.registry.get_manifest(&repository(), &Reference::Tag(tag.clone())).await;
            (found, volume.registry.tags(&repository(), &Page::default()).await.expect("a list").entries)
        })
    });
    assert_eq!(listed.contains(&tag), linked(content).is_some());
    match found {
        Ok(found) => {
            assert_eq!(Some(found.digest), linked(content));
            assert_eq!(Digest::of(found.digest.algorithm(), &found.bytes), found.digest);
        }
        Err(error) => {
            assert!(matches!(error, RegistryError::ManifestUnknown { .. }), "{error}");
            assert_ne!(linked(content), Some(image()));
        }
    }
}

fn revision(volume: &Volume, content: &[u8]) {
    let path = volume.path(&format!("_manifests/revisions/sha256/{}/link", image().hex()));
    let reference = Reference::Digest(image());
    match damaged(&path, content, || volume.wait(volume.registry.get_manifest(&repository(), &reference))) {
        Ok(found) => assert_eq!((linked(content), &found.bytes), (Some(image()), &volume::image())),
        Err(error) => {
            assert!(matches!(error, RegistryError::ManifestUnknown { .. }), "{error}");
            assert_ne!(linked(content), Some(image()));
        }
    }
}

fn layer(volume: &Volume, content: &[u8]) {
    let path = volume.path(&format!("_layers/sha256/{}/link", blob().hex()));
    match damaged(&path, content, || volume.wait(volume.registry.stat_blob(&repository(), &blob()))) {
        Ok(size) => assert_eq!((linked(content), size), (Some(blob()), BLOB.len() as u64)),
        Err(error) => {
            assert!(matches!(error, RegistryError::BlobUnknown { .. }), "{error}");
            assert_ne!(linked(content), Some(blob()));
        }
    }
}

/// The note of a type says nothing of the bytes.
fn media_type(volume: &Volume, content: &[u8]) {
    let path = volume.note(&format!("_types/{}", image()));
    let reference = Reference::Digest(image());
    let found = damaged(&path, content, || volume.wait(volume.registry.get_manifest(&repository(), &reference)));
    let found = found.expect("an image says itself what it is");
    assert_eq!((found.digest, &found.bytes), (image(), &volume::image()));
    let noted = std::str::from_utf8(content).ok().and_then(|text| text.parse().ok());
    assert_eq!(found.media_type.to_string(), noted.unwrap_or_else(own_type).to_string());
}

fn own_type() -> MediaType {
    MediaType::OCI_MANIFEST.parse().expect("a type")
}

/// A referrer is listed once, under its own digest, whatever its note says.
fn referrer(volume: &Volume, content: &[u8]) {
    let referrer = Digest::of(Algorithm::Sha256, &volume::referrer());
    let path = volume.note(&format!("_referrers/sha256/{}/{referrer}", image().hex()));
    let listed = damaged(&path, content, || {
        volume.wait(volume.registry.referrers(&repository(), &image(), None, &Page::default()))
    });
    let listed = listed.expect("a list").descriptors;
    let digests: Vec<Digest> = listed.iter().map(|descriptor| descriptor.digest).collect();
    assert_eq!(digests, [referrer]);
}

/// An upload is purged when it is older than it may be, or left alone; either way it is counted once.
fn started(volume: &Volume, content: &[u8]) {
    let path = volume.path(UPLOAD);
    let day = Duration::from_secs(24 * 3600);
    let now = SystemTime::now() + 30 * day;
    let purged = damaged(&path, content, || {
        let dry = volume.wait(volume.registry.purge_uploads(now, 7 * day, true)).expect("a purge");
        let purged = volume.wait(volume.registry.purge_uploads(now, 7 * day, false)).expect("a purge");
        assert_eq!(dry, purged);
        assert_eq!(path.exists(), purged.removed == 0);
        purged
    });
    // Only a time after the purge's own keeps an upload that is thirty days old.
    assert_eq!(purged.unknown, 0);
    let _ = fs::remove_dir_all(path.parent().expect("a file in a directory"));
}
