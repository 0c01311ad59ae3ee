//! The running hash beside an upload, as registry:2 keeps it, and what happens when it is lost or damaged.
//!
//! With full durability it is kept after each request, otherwise now and then.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::Wharf;
use crate::support::content::{bytes, sha256};
use crate::support::upload::Upload;

fn upload_in(volume: &Path, repository: &str, upload: &Upload) -> PathBuf {
    volume.join("docker/registry/v2/repositories").join(repository).join("_uploads").join(&upload.id)
}

fn states(wharf: &Wharf, repository: &str, upload: &Upload, algorithm: &str) -> PathBuf {
    upload_in(wharf.volume(), repository, upload).join("hashstates").join(algorithm)
}

#[tokio::test]
async fn after_each_patch_the_hash_of_exactly_what_is_there_is_kept() {
    let wharf = Wharf::prepare().full_durability().go();
    let upload = wharf.repo("states/kept").upload().await;
    let states = states(&wharf, "states/kept", &upload, "sha256");
    for (length, patch) in [(100_u64, 100), (1000, 900), (300_000, 299_000)] {
        upload.patch(&vec![1; patch]).await.is(202);
        assert_eq!(Wharf::files_below(&states), [length.to_string()]);
        let state = fs::read(states.join(length.to_string())).unwrap();
        // Go's encoding: magic, eight words, the open block, the length.
        assert_eq!(state.len(), 108);
        assert_eq!(&state[..4], b"sha\x03");
        assert_eq!(state[100..], length.to_be_bytes());
    }
}

#[tokio::test]
async fn a_sha512_that_is_announced_is_the_one_that_is_kept() {
    let wharf = Wharf::prepare().full_durability().go();
    let upload = wharf.repo("states/sha512").upload_with("?digest-algorithm=sha512").await;
    upload.patch(&[1; 5000]).await.is(202);
    let kept = states(&wharf, "states/sha512", &upload, "sha512");
    assert_eq!(Wharf::files_below(&kept), ["5000"]);
    assert_eq!(fs::read(kept.join("5000")).unwrap().len(), 204);
    assert_eq!(Wharf::files_below(&states(&wharf, "states/sha512", &upload, "sha256")), [""; 0]);
}

#[tokio::test]
async fn the_start_is_noted_as_registry_2_notes_it() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("states/started").upload().await;
    let path = wharf.repository("states/started/_uploads").join(&upload.id).join("startedat");
    wharf.until(|| path.exists()).await;
    let started = fs::read_to_string(path).unwrap();
    let format = &time::format_description::well_known::Rfc3339;
    let started = time::OffsetDateTime::parse(&started, format).unwrap();
    assert!((time::OffsetDateTime::now_utc() - started).abs() < time::Duration::MINUTE);
}

#[tokio::test]
async fn without_its_hash_an_upload_goes_on() {
    let wharf = Wharf::prepare().full_durability().go();
    let content = bytes(600_000, 21);
    let upload = wharf.repo("states/lost").upload().await;
    upload.patch(&content[..400_000]).await.is(202);
    let start = wharf.crash();
    let states = upload_in(start.volume(), "states/lost", &upload).join("hashstates");
    fs::remove_dir_all(states).unwrap();
    let wharf = start.go();
    let upload = upload.at(wharf.client());
    upload.patch(&content[400_000..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
}

#[tokio::test]
async fn a_damaged_hash_is_not_believed() {
    for (seed, damage) in [(1, vec![]), (2, b"sha\x03".to_vec()), (3, vec![0; 108]), (4, vec![9; 5000])] {
        let wharf = Wharf::prepare().full_durability().go();
        let content = bytes(5000, seed);
        let upload = wharf.repo("states/damaged").upload().await;
        upload.patch(&content[..3000]).await.is(202);
        let start = wharf.crash();
        let states = upload_in(start.volume(), "states/damaged", &upload).join("hashstates/sha256");
        fs::write(states.join("3000"), damage).unwrap();
        fs::write(states.join("9999999"), "beyond the end").unwrap();
        fs::write(states.join("stray"), "").unwrap();
        let wharf = start.go();
        upload.at(wharf.client()).finish(&sha256(&content), &content[3000..]).await.is(201);
    }
}

#[tokio::test]
async fn bytes_that_came_after_the_kept_hash_are_hashed_too() {
    let wharf = Wharf::prepare().full_durability().go();
    let upload = wharf.repo("states/longer").upload().await;
    upload.patch(b"abc").await.is(202);
    let start = wharf.crash();
    // As after a crash: the data is ahead of the hash.
    fs::write(upload_in(start.volume(), "states/longer", &upload).join("data"), "abcdef").unwrap();
    let wharf = start.go();
    let upload = upload.at(wharf.client());
    assert_eq!(upload.status().await.is(204).header("range"), "0-5");
    upload.finish(&sha256(b"abcdefghi"), b"ghi").await.is(201);
}

#[tokio::test]
async fn an_upload_that_registry_2_began_is_finished_here() {
    let wharf = Wharf::shared();
    let id = "0f0f0f0f-1111-4222-8333-444444444444";
    let upload = wharf.repository("states/taken/_uploads").join(id);
    fs::create_dir_all(upload.join("hashstates/sha256")).unwrap();
    fs::write(upload.join("startedat"), "2026-01-02T03:04:05Z").unwrap();
    fs::write(upload.join("data"), "").unwrap();
    // SHA-256 of nothing yet, as Go writes it.
    let words = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
    let state = [b"sha\x03".to_vec(), hex::decode(words).unwrap(), vec![0; 72]].concat();
    fs::write(upload.join("hashstates/sha256/0"), state).unwrap();
    let repo = wharf.repo("states/taken");
    let path = format!("blobs/uploads/{id}?digest={}", sha256(b"content"));
    repo.request(reqwest::Method::PUT, &path).body("content").send().await.is(201);
    assert_eq!(repo.blob(&sha256(b"content")).await.is(200).body, b"content");
}
