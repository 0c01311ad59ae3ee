//! The tree on disk, exactly as registry:2 keeps it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::Wharf;
use crate::support::content::{Manifest, bytes, sha256, sha512};

fn hex(digest: &str) -> &str {
    digest.split_once(':').unwrap().1
}

/// Where the bytes of a digest are.
fn data(digest: &str) -> String {
    let (algorithm, hex) = digest.split_once(':').unwrap();
    format!("blobs/{algorithm}/{}/{hex}/data", &hex[..2])
}

/// Every file below `docker/registry/v2` with its content.
fn tree(wharf: &Wharf) -> BTreeMap<String, Vec<u8>> {
    let root = wharf.volume().join("docker/registry/v2");
    let read = |path: String| (path.clone(), std::fs::read(root.join(path)).unwrap());
    Wharf::files_below(&root).into_iter().map(read).collect()
}

#[tokio::test]
async fn after_a_push_the_tree_is_that_of_registry_2_and_nothing_else() {
    let wharf = Wharf::start();
    let repo = wharf.repo("team/app");
    let first = repo.push_image("latest", 1).await;
    let second = repo.push_image("latest", 2).await;
    let mut expected = BTreeMap::new();
    for image in [&first, &second] {
        let body: Value = serde_json::from_slice(&image.bytes).unwrap();
        for blob in [&body["config"]["digest"], &body["layers"][0]["digest"]] {
            let digest = blob.as_str().unwrap();
            let content = repo.blob(digest).await.is(200).body;
            assert_eq!(sha256(&content), digest);
            expected.insert(data(digest), content);
            let link = format!("repositories/team/app/_layers/sha256/{}/link", hex(digest));
            expected.insert(link, digest.as_bytes().to_vec());
        }
        let digest = image.digest();
        expected.insert(data(&digest), image.bytes.clone());
        for link in ["revisions", "tags/latest/index"] {
            let link = format!("repositories/team/app/_manifests/{link}/sha256/{}/link", hex(&digest));
            expected.insert(link, digest.as_bytes().to_vec());
        }
    }
    let current = "repositories/team/app/_manifests/tags/latest/current/link".to_owned();
    expected.insert(current, second.digest().into_bytes());
    let found = tree(&wharf);
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>());
    assert!(found == expected, "the paths are right, their content is not");
}

#[tokio::test]
async fn however_a_blob_is_pushed_nothing_of_the_upload_is_left() {
    let wharf = Wharf::start();
    let repo = wharf.repo("uploads");
    let content = bytes(400_000, 3);
    let digest = sha256(&content);
    repo.post_blob(&digest, &content).await.is(201);
    repo.upload().await.finish(&digest, &content).await.is(201);
    let chunked = repo.upload().await;
    chunked.patch_at("0-299999", &content[..300_000]).await.is(202);
    chunked.patch_at("300000-399999", &content[300_000..]).await.is(202);
    chunked.finish(&digest, b"").await.is(201);
    repo.upload_with("?digest-algorithm=sha512").await.finish(&sha512(b"x"), b"x").await.is(201);
    assert_eq!(Wharf::files_below(&wharf.repository("uploads/_uploads")), [""; 0]);
    let left = std::fs::read_dir(wharf.repository("uploads/_uploads")).unwrap().count();
    assert_eq!(left, 0, "directories of finished uploads");
    assert!(tree(&wharf).keys().all(|path| !path.ends_with(".tmp")));
}

#[tokio::test]
async fn a_deleted_tag_and_manifest_leave_no_link() {
    let wharf = Wharf::start();
    let repo = wharf.repo("deleted");
    let image = repo.push_image("one", 4).await;
    repo.put("two", &image).await.is(201);
    repo.delete("manifests/one").await.is(202);
    let below = || Wharf::files_below(&wharf.repository("deleted/_manifests"));
    assert!(below().iter().all(|path| !path.starts_with("tags/one")), "{:?}", below());
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    assert_eq!(below(), [""; 0]);
    // The bytes are the collector's.
    assert!(tree(&wharf).contains_key(&data(&image.digest())));
}

#[tokio::test]
async fn a_volume_that_registry_2_wrote_is_served_as_it_is() {
    let start = Wharf::prepare();
    let root = start.volume().join("docker/registry/v2");
    let write = |path: String, content: &[u8]| {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    let (config, layer) = (b"{\"old\":true}".to_vec(), bytes(5000, 5));
    let image = Manifest::image(&config, &[&layer]);
    let digest = image.digest();
    for content in [&config, &layer] {
        write(data(&sha256(content)), content);
        let link = format!("repositories/old/app/_layers/sha256/{}/link", hex(&sha256(content)));
        write(link, sha256(content).as_bytes());
    }
    write(data(&digest), &image.bytes);
    for link in [format!("revisions/sha256/{}", hex(&digest)), "tags/v1/current".to_owned()] {
        write(format!("repositories/old/app/_manifests/{link}/link"), digest.as_bytes());
    }
    // A blob that was pushed by its SHA-512: registry:2 keeps it under the SHA-256 and links the names.
    let alias = sha512(&layer);
    write(format!("repositories/old/app/_layers/sha512/{}/link", hex(&alias)), sha256(&layer).as_bytes());

    let wharf = start.go();
    let repo = wharf.repo("old/app");
    assert_eq!(repo.tags().await, ["v1"]);
    let got = repo.manifest("v1").await.is(200);
    assert_eq!(got.body, image.bytes);
    assert_eq!(got.header("content-type"), image.media_type.unwrap());
    for (name, content) in [(sha256(&config), &config), (sha256(&layer), &layer), (alias, &layer)] {
        assert!(repo.blob(&name).await.is(200).body == *content, "{name}");
    }
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), ["old/app"]);
}

#[tokio::test]
async fn an_old_schema_1_manifest_on_the_volume_is_still_served() {
    let wharf = Wharf::shared();
    let body = br#"{"schemaVersion":1,"name":"x","tag":"y","fsLayers":[],"history":[],"signatures":[]}"#;
    let digest = sha256(body);
    let write = |path: std::path::PathBuf, content: &[u8]| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    };
    write(wharf.volume().join("docker/registry/v2").join(data(&digest)), body);
    let manifests = wharf.repository("volume/schema1/_manifests");
    write(manifests.join(format!("revisions/sha256/{}/link", hex(&digest))), digest.as_bytes());
    write(manifests.join("tags/v1/current/link"), digest.as_bytes());
    let answer = wharf.repo("volume/schema1").manifest("v1").await.is(200);
    assert_eq!(answer.header("content-type"), "application/vnd.docker.distribution.manifest.v1+prettyjws");
    assert_eq!(answer.body, body);
}

/// The first registries 2.x linked manifests as they linked blobs.
#[tokio::test]
async fn a_manifest_that_is_linked_as_a_blob_is_served_and_a_blob_is_no_manifest() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("volume/old");
    let image = repo.push_image("latest", 77).await;
    let digest = image.digest();
    let hex = digest.strip_prefix("sha256:").unwrap();
    let (revision, layer) = (format!("_manifests/revisions/sha256/{hex}"), format!("_layers/sha256/{hex}"));
    let home = wharf.repository("volume/old");
    std::fs::rename(home.join(revision), home.join(layer)).unwrap();
    for reference in ["latest", &digest] {
        assert_eq!(repo.manifest(reference).await.is(200).body, image.bytes);
    }
    let blob = repo.push_blob(b"{\"architecture\": \"amd64\"}").await;
    repo.manifest(&blob).await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_part_of_the_tree_may_be_on_another_file_system() {
    for part in ["blobs", "repositories"] {
        let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
        let start = Wharf::prepare();
        let v2 = start.volume().join("docker/registry/v2");
        std::fs::create_dir_all(&v2).unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), v2.join(part)).unwrap();
        let wharf = start.go();
        let repo = wharf.repo("volume/elsewhere");
        let image = repo.push_image("latest", 78).await;
        assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
        for digest in image.references() {
            repo.blob(&digest).await.is(200);
            assert!(wharf.blob(&digest).exists());
        }
        let left = Wharf::files_below(elsewhere.path());
        assert!(!left.is_empty() && left.iter().all(|path| !path.ends_with(".tmp")), "{left:?}");
    }
}
