//! Collections on a real directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::oci::{Algorithm, MediaType};
use crate::registry::samples::{
    described, digest, image, index, name, new, put, serves_blob, serves_manifest, tag, volume,
};
use crate::registry::{Actor, Effort, Precondition, Registry, RegistryError};

pub(super) const AT_ONCE: CollectionTerms =
    CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
pub(super) const USUAL: CollectionTerms = CollectionTerms {
    grace: Duration::ZERO,
    untagged: Untagged::StayFor(Duration::from_secs(14 * 24 * 3600)),
    dry_run: false,
};

/// Takes down what goes.
#[derive(Default)]
struct Taken(Mutex<Vec<Going>>);

impl Follow for Taken {
    fn phase(&self, _: Phase, _: Option<u64>) {}

    fn done(&self, _: u64) {}

    fn goes(&self, going: &Going) {
        self.0.lock().unwrap().push(going.clone());
    }
}

async fn taken(registry: &Registry, terms: CollectionTerms) -> (Collected, Vec<Going>) {
    let taken = Taken::default();
    let collected =
        registry.collect(terms, Effort::FULL, &Actor::unknown(), &taken, &CancellationToken::new()).await.unwrap();
    (collected, taken.0.into_inner().unwrap())
}

pub(super) async fn run(registry: &Registry, terms: CollectionTerms) -> Result<Collected, RegistryError> {
    registry.collect(terms, Effort::FULL, &Actor::unknown(), &Unfollowed, &CancellationToken::new()).await
}

pub(super) async fn blob(registry: &Registry, repository: &str, content: &str) -> Digest {
    crate::registry::samples::push(registry, &name(repository), content.as_bytes()).await
}

/// Pushes an image of these layers, with a configuration of its own.
pub(super) async fn push(registry: &Registry, repository: &str, text: &str, layers: &[&str]) -> Digest {
    let mut digests = Vec::new();
    for layer in layers {
        digests.push(blob(registry, repository, layer).await);
    }
    let config = blob(registry, repository, &format!("config of {layers:?}")).await;
    put(registry, &name(repository), new(&image(config, &digests), &[text])).await
}

/// The file that holds a digest's content.
pub(super) fn file(volume: &TempDir, digest: &Digest) -> PathBuf {
    let (algorithm, hex) = (digest.algorithm(), digest.hex());
    volume.path().join(format!("docker/registry/v2/blobs/{algorithm}/{}/{hex}/data", &hex[..2]))
}

pub(super) fn repository(volume: &TempDir, name: &str) -> PathBuf {
    volume.path().join("docker/registry/v2/repositories").join(name)
}

pub(super) fn revision(volume: &TempDir, name: &str, digest: &Digest) -> PathBuf {
    repository(volume, name).join(format!("_manifests/revisions/sha256/{}/link", digest.hex()))
}

/// The note of when a manifest lost what it belonged to.
pub(super) fn left(volume: &TempDir, name: &str, digest: &Digest) -> PathBuf {
    volume.path().join(format!("wharf/repositories/{name}/_left/{digest}"))
}

/// Lets a file be fifteen days old, and collections have begun as long ago.
pub(super) fn make_old(volume: &TempDir, file: &Path) {
    let long_ago = SystemTime::now() - Duration::from_secs(15 * 24 * 3600);
    fs::File::open(file).unwrap().set_modified(long_ago).unwrap();
    fs::write(volume.path().join("wharf/collecting-since"), crate::registry::history::moment(long_ago)).unwrap();
}

/// Everything below the volume, but for what is in the trash and empty directories.
pub(super) fn files(volume: &TempDir) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![volume.path().to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => open.push(entry.path()),
                // When it was collected first and last is written with each run.
                false if entry.file_name().to_string_lossy().starts_with("collect") => {}
                false => found.push(entry.path().strip_prefix(volume.path()).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_dry_run_says_exactly_what_goes_and_leaves_everything_as_it_is() {
    let (directory, registry) = volume();
    let old = push(&registry, "team/app", "latest", &["one", "two"]).await;
    push(&registry, "team/app", "latest", &["one", "three"]).await;
    push(&registry, "team/other", "1", &["two"]).await;
    blob(&registry, "team/lonely", "never referred to").await;
    registry.settle().await;
    let before = files(&directory);
    let (said, would_go) = taken(&registry, CollectionTerms { dry_run: true, ..AT_ONCE }).await;
    assert_eq!(files(&directory), before);
    let (done, went) = taken(&registry, AT_ONCE).await;
    assert_eq!(would_go, went);
    assert_eq!(Collected { batch: None, ..done.clone() }, said);

    let config = "config of [\"one\", \"two\"]";
    let manifest_size = image(digest(config), &[digest("one"), digest("two")]).to_string().len();
    let bytes = manifest_size + config.len() + "never referred to".len();
    assert_eq!((done.manifests, done.swept, done.bytes), (1, 3, bytes as u64));
    // The old image's link to the layer that others still have, to its own configuration, and that of the lonely blob.
    assert_eq!((done.links, done.emptied), (3, 1));
    let why = Why::Untagged { since: None };
    let manifest = went.iter().find_map(|going| match going {
        Going::Manifest { digest, why, .. } => Some((*digest, *why)),
        Going::Blob { .. } | Going::Repository(_) => None,
    });
    let (gone, found) = manifest.unwrap();
    assert_eq!(gone, old);
    assert!(matches!(found, Why::Untagged { .. }), "{found:?} {why:?}");
    assert!(went.contains(&Going::Repository(name("team/lonely"))));
    assert!(!repository(&directory, "team/lonely").exists());
    assert!(serves_blob(&registry, &name("team/other"), &digest("two")).await);
    assert!(!serves_blob(&registry, &name("team/app"), &digest("two")).await);
    assert!(!serves_manifest(&registry, &name("team/app"), old).await);
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
}

#[tokio::test]
async fn what_cannot_be_read_ends_it_before_anything_goes() {
    for damage in ["rotten", "gone", "no manifest", "directory"] {
        let (directory, registry) = volume();
        let manifest = push(&registry, "team/app", "1", &["one"]).await;
        push(&registry, "team/other", "1", &["two"]).await;
        registry.delete_tag(&name("team/other"), &tag("1"), &Precondition::None, &Actor::unknown()).await.unwrap();
        registry.settle().await;
        let file = file(&directory, &manifest);
        match damage {
            "rotten" => fs::write(&file, b"{}").unwrap(),
            "gone" => fs::remove_file(&file).unwrap(),
            "directory" => {
                fs::remove_file(&file).unwrap();
                fs::create_dir(&file).unwrap();
            }
            _ => {
                let not = digest("not a manifest");
                blob(&registry, "team/app", "not a manifest").await;
                registry.settle().await;
                let link = repository(&directory, "team/app").join("_manifests/revisions/sha256").join(not.hex());
                fs::create_dir(&link).unwrap();
                fs::write(link.join("link"), not.to_string()).unwrap();
            }
        }
        let before = files(&directory);
        let registry = crate::registry::samples::open(directory.path(), Default::default());
        let error = run(&registry, AT_ONCE).await.unwrap_err();
        assert!(error.to_string().contains("nothing was removed"), "{damage}: {error}");
        assert!(error.to_string().contains("team/app"), "{damage}: {error}");
        assert_eq!(files(&directory), before, "{damage}");
    }
}

#[tokio::test]
async fn of_a_tag_whose_link_is_damaged_everything_stays_that_it_has_pointed_at() {
    let (directory, registry) = volume();
    let first = push(&registry, "team/app", "1", &["one"]).await;
    let second = push(&registry, "team/app", "1", &["two"]).await;
    registry.settle().await;
    fs::write(repository(&directory, "team/app").join("_manifests/tags/1/current/link"), "").unwrap();
    let registry = crate::registry::samples::open(directory.path(), Default::default());
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    for manifest in [first, second] {
        assert!(serves_manifest(&registry, &name("team/app"), manifest).await);
    }
}

/// registry:2's own collector takes these for garbage.
#[tokio::test]
async fn a_blob_that_registry_2_keeps_under_another_name_stays() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let content = blob(&registry, "team/app", "content").await;
    let config = blob(&registry, "team/app", "config").await;
    registry.settle().await;
    let alias = Digest::of(Algorithm::Sha512, b"content");
    let link = repository(&directory, "team/app").join("_layers/sha512").join(alias.hex());
    fs::create_dir_all(&link).unwrap();
    fs::write(link.join("link"), content.to_string()).unwrap();
    let manifest = put(&registry, &app, new(&image(config, &[alias]), &["1"])).await;
    registry.settle().await;
    let collected = run(&registry, AT_ONCE).await.unwrap();
    // The link by the name that the manifest does not use.
    assert_eq!((collected.swept, collected.links), (0, 1));
    assert!(serves_blob(&registry, &app, &alias).await);
    assert!(serves_manifest(&registry, &app, manifest).await);
}

#[tokio::test]
async fn layers_of_a_cache_that_is_an_index_and_of_schema_1_stay() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layers = [blob(&registry, "team/app", "layer").await, blob(&registry, "team/app", "cache config").await];
    let cache = json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": [
        described("application/vnd.oci.image.layer.v1.tar+gzip", layers[0]),
        described("application/vnd.buildkit.cacheconfig.v0", layers[1])]});
    put(&registry, &app, new(&cache, &["cache"])).await;
    let old =
        json!({"schemaVersion": 1, "name": "team/app", "tag": "old", "fsLayers": [{"blobSum": digest("old layer")}]});
    // As registry:2 has left it; it cannot be pushed any more.
    blob(&registry, "team/app", "old layer").await;
    let manifest = blob(&registry, "team/app", &old.to_string()).await;
    registry.settle().await;
    let manifests = repository(&directory, "team/app").join("_manifests");
    for link in [format!("revisions/sha256/{}", manifest.hex()), "tags/old/current".to_owned()] {
        fs::create_dir_all(manifests.join(&link)).unwrap();
        fs::write(manifests.join(link).join("link"), manifest.to_string()).unwrap();
    }
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    for layer in [layers[0], layers[1], digest("old layer")] {
        assert!(serves_blob(&registry, &app, &layer).await);
    }
}

#[tokio::test]
async fn what_is_young_and_what_an_upload_is_under_way_for_stays() {
    let (_directory, registry) = volume();
    blob(&registry, "team/app", "pushed without a manifest").await;
    registry.settle().await;
    let hour = CollectionTerms { grace: Duration::from_secs(3600), ..AT_ONCE };
    let collected = run(&registry, hour).await.unwrap();
    assert_eq!((collected.swept, collected.links, collected.emptied), (0, 0, 0));
    // The next layer of the same push is on its way.
    let upload = registry.start_upload(&name("team/app"), None, Algorithm::Sha256).await.unwrap();
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    registry.cancel_upload(&name("team/app"), upload.id).await.unwrap();
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 1);
}

#[tokio::test]
async fn what_was_pushed_by_its_digest_alone_stays_unless_it_is_asked_for() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let alone = put(&registry, &app, new(&image(config, &[]), &[])).await;
    registry.settle().await;
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    assert!(serves_manifest(&registry, &app, alone).await);
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().manifests, 1);
    assert!(!serves_manifest(&registry, &app, alone).await);
}

/// What an index listed has no tag of its own and never had one.
#[tokio::test]
async fn what_a_deleted_index_listed_goes_when_its_time_has_come() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let child = put(&registry, &app, new(&image(config, &[]), &[])).await;
    let list = put(&registry, &app, new(&index(&[child]), &["1"])).await;
    registry.settle().await;
    registry.delete_manifest(&app, &list, &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    let note = left(&directory, "team/app", &child);
    make_old(&directory, &note);
    make_old(&directory, &revision(&directory, "team/app", &child));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
    assert!(!note.exists());
}

#[tokio::test]
async fn a_run_that_is_stopped_leaves_everything_whole_and_the_next_one_goes_on() {
    let (_directory, registry) = volume();
    push(&registry, "team/app", "1", &["one"]).await;
    registry.settle().await;
    registry.delete_tag(&name("team/app"), &tag("1"), &Precondition::None, &Actor::unknown()).await.unwrap();
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = registry.collect(AT_ONCE, Effort::FULL, &Actor::unknown(), &Unfollowed, &stop).await;
    assert!(matches!(stopped, Err(RegistryError::Stopped) | Ok(Collected { stopped: true, .. })), "{stopped:?}");
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 3);
}

#[tokio::test]
async fn a_manifest_that_registry_2_deleted_is_gone_although_its_directory_is_there() {
    let (directory, registry) = volume();
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "team/app", "2", &["two"]).await;
    registry.settle().await;
    let manifests = repository(&directory, "team/app").join("_manifests");
    fs::remove_file(manifests.join(format!("revisions/sha256/{}/link", manifest.hex()))).unwrap();
    fs::remove_dir_all(manifests.join("tags/1")).unwrap();
    let registry = crate::registry::samples::open(directory.path(), Default::default());
    assert_eq!(run(&registry, USUAL).await.unwrap().swept, 3);
    assert!(serves_manifest(&registry, &name("team/app"), tag("2")).await);
}
