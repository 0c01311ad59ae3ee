//! What is on disk, and when: blobs that wait for the disk, and the ends that a server may come to meanwhile.

use std::fs;
use std::path::PathBuf;

use crate::support::Wharf;
use crate::support::content::{bytes, sha256};

/// The blobs that wait.
fn unsettled(wharf: &Wharf) -> Vec<String> {
    Wharf::files_below(&wharf.volume().join("wharf/unsettled"))
}

fn waiting(volume: &std::path::Path, digest: &str) -> PathBuf {
    volume.join("wharf/unsettled").join(digest)
}

#[tokio::test]
async fn a_blob_is_read_while_it_waits_and_comes_to_its_place_by_itself() {
    let wharf = Wharf::start();
    let repo = wharf.repo("waits");
    for length in [0, 10_000, 2_000_000] {
        let content = bytes(length, 51);
        let digest = repo.push_blob(&content).await;
        assert!(repo.blob(&digest).await.is(200).body == content);
        assert_eq!(repo.head(&format!("blobs/{digest}")).await.is(200).header("content-length"), length.to_string());
        wharf.has_settled(&digest).await;
        wharf.until(|| unsettled(&wharf).is_empty()).await;
        assert!(repo.blob(&digest).await.is(200).body == content);
        assert!(fs::read(wharf.blob(&digest)).unwrap() == content);
    }
}

#[tokio::test]
async fn a_manifest_brings_what_it_refers_to_to_its_place_before_it_is_acknowledged() {
    let wharf = Wharf::start();
    let repo = wharf.repo("brings");
    for seed in 100..110 {
        let image = repo.push_image("latest", seed).await;
        for digest in image.references() {
            assert!(wharf.blob(&digest).exists(), "{digest}");
        }
    }
}

#[tokio::test]
async fn a_blob_that_was_pushed_just_before_the_server_was_killed_is_taken_in_by_the_next() {
    let wharf = Wharf::start();
    let content = bytes(2_000_000, 54);
    let digest = wharf.repo("killed").push_blob(&content).await;
    let wharf = wharf.crash_and_restart();
    wharf.has_settled(&digest).await;
    wharf.until(|| unsettled(&wharf).is_empty()).await;
    assert!(wharf.repo("killed").blob(&digest).await.is(200).body == content);
}

#[tokio::test]
async fn what_a_power_cut_has_torn_is_removed_and_never_served() {
    let wharf = Wharf::start();
    let content = bytes(2_000_000, 55);
    let digest = wharf.repo("torn").push_blob(&content).await;
    let start = wharf.crash();
    let torn = waiting(start.volume(), &digest);
    // In case it had come to its place already.
    let _ = fs::remove_dir_all(start.volume().join("docker/registry/v2/blobs"));
    // All the length is there, and not all the bytes.
    fs::write(&torn, [&content[..1_000_000], &[0; 1_000_000]].concat()).unwrap();
    fs::write(waiting(start.volume(), &sha256(b"lost")), "").unwrap();
    fs::write(start.volume().join("wharf/unsettled/stray"), "").unwrap();
    let wharf = start.go();
    wharf.repo("torn").blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    wharf.until(|| unsettled(&wharf) == ["stray"]).await;
    wharf.repo("torn").blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    assert!(!wharf.blob(&digest).exists());
    wharf.repo("torn").push_blob(&content).await;
    assert!(wharf.repo("torn").blob(&digest).await.is(200).body == content);
}

#[tokio::test]
async fn a_blob_that_is_pushed_again_while_it_waits_replaces_the_copy_that_waited() {
    let wharf = Wharf::start();
    let repo = wharf.repo("again");
    let content = bytes(2_000_000, 58);
    let digest = repo.push_blob(&content).await;
    let waits = waiting(wharf.volume(), &digest);
    if waits.exists() {
        fs::write(&waits, "rotten").unwrap();
    }
    repo.push_blob(&content).await;
    assert!(!waits.exists());
    assert!(repo.blob(&digest).await.is(200).body == content);
    assert!(fs::read(wharf.blob(&digest)).unwrap() == content);
}

#[tokio::test]
async fn with_full_durability_a_blob_is_at_its_place_when_it_is_acknowledged() {
    let wharf = Wharf::prepare().full_durability().go();
    let digest = wharf.repo("full").push_blob(b"content").await;
    assert_eq!(fs::read(wharf.blob(&digest)).unwrap(), b"content");
    assert_eq!(unsettled(&wharf), [""; 0]);
}

#[tokio::test]
async fn without_durability_everything_works_and_nothing_is_left_behind() {
    let wharf = Wharf::prepare().env("REGISTRY_STORAGE_FILESYSTEM_DURABILITY", "none").go();
    let repo = wharf.repo("none");
    let image = repo.push_image("latest", 56).await;
    let wharf = wharf.crash_and_restart();
    let repo = wharf.repo("none");
    assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
    for digest in image.references() {
        assert_eq!(sha256(&repo.blob(&digest).await.is(200).body), digest);
    }
    assert_eq!(unsettled(&wharf), [""; 0]);
}

#[tokio::test]
async fn a_stop_leaves_nothing_that_waits() {
    let mut wharf = Wharf::start();
    let repo = wharf.repo("stops");
    let content = bytes(300_000, 57);
    let digest = repo.push_blob(&content).await;
    let upload = repo.upload().await;
    upload.patch(b"abc").await.is(202);
    let pid = rustix::process::Pid::from_raw(wharf.pid().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(wharf.child().wait().unwrap().success());
    assert_eq!(unsettled(&wharf), [""; 0]);
    assert!(fs::read(wharf.blob(&digest)).unwrap() == content);
    let uploads = Wharf::files_below(&wharf.repository("stops/_uploads"));
    let expected = ["data", "hashstates/sha256/3", "startedat"].map(|file| format!("{}/{file}", upload.id));
    assert_eq!(uploads, expected);
}
