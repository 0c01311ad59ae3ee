//! A disk that is full: what does not fit is refused with a sentence, nothing else suffers, and with room all is well again.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use crate::served::Served;
use crate::space::Space;
use crate::support::Wharf;
use crate::support::content::{Manifest, bytes, sha256};

/// A disk of 12 MiB.
fn small_disk(space: &Space) -> std::path::PathBuf {
    let disk = space.directory("disk");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=12m", "tmpfs"]).arg(&disk).status().unwrap();
    assert!(mounted.success());
    disk
}

/// Takes all the room that is left, to the last byte.
fn fill(disk: &Path) {
    let mut ballast = File::create(disk.join("ballast")).unwrap();
    for length in [65536, 4096, 1] {
        while ballast.write_all(&vec![7; length]).is_ok() {}
    }
}

fn make_room(disk: &Path) {
    fs::remove_file(disk.join("ballast")).unwrap();
}

/// Nothing half-written lies about.
fn is_tidy(disk: &Path) {
    let left: Vec<String> = Wharf::files_below(disk).into_iter().filter(|file| file.ends_with(".tmp")).collect();
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn an_upload_that_does_not_fit_is_refused_and_goes_on_when_there_is_room() {
    let space = Space::new();
    let disk = small_disk(&space);
    let wharf = Served::on(&disk);
    let repo = wharf.repo("full");
    let image = repo.push_image("latest", 1).await;

    let large = bytes(16 << 20, 2);
    let digest = sha256(&large);
    let upload = repo.upload().await;
    let refused = upload.patch(&large).await.refuses(507, "UNAVAILABLE");
    assert!(refused.message().contains("no room"), "{}", refused.message());
    assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes, "pulls go on");
    upload.finish(&digest, b"").await.refuses(400, "DIGEST_INVALID");
    // It ended with the wrong digest, and so gave back its room.
    repo.push_image("other", 3).await;

    // Of a blob in one request nothing stays.
    let post = repo.request(reqwest::Method::POST, &format!("blobs/uploads/?digest={digest}"));
    post.body(large).send().await.refuses(507, "UNAVAILABLE");
    repo.push_image("another", 4).await;
    is_tidy(&disk);
}

#[tokio::test]
async fn on_a_full_disk_tags_stay_where_they_are_and_the_same_push_works_when_there_is_room() {
    let space = Space::new();
    let disk = small_disk(&space);
    let wharf = Served::on(&disk);
    let repo = wharf.repo("full");
    let first = repo.push_image("latest", 5).await;
    let (config, layer) = (bytes(100, 6), bytes(100_000, 7));
    let second = Manifest::image(&config, &[&layer]);

    // Without any room not even the blobs can be pushed.
    fill(&disk);
    let upload = repo.upload().await;
    upload.patch(&layer).await.refuses(507, "UNAVAILABLE");
    repo.put("new", &first).await.refuses(507, "UNAVAILABLE");
    assert_eq!(repo.manifest("latest").await.is(200).body, first.bytes);
    make_room(&disk);

    // With the blobs there, the manifest has no room, and the tag stays.
    repo.push_blob(&config).await;
    repo.push_blob(&layer).await;
    let hex = &sha256(&layer)[7..];
    let place = disk.join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]));
    wharf.until(|| place.exists()).await;
    fill(&disk);
    repo.put("latest", &second).await.refuses(507, "UNAVAILABLE");
    assert_eq!(repo.manifest("latest").await.is(200).body, first.bytes);
    assert_eq!(repo.tags().await, ["latest"]);
    make_room(&disk);

    repo.put("latest", &second).await.is(201);
    assert_eq!(repo.manifest("latest").await.is(200).body, second.bytes);
    is_tidy(&disk);
    wharf.stop();
    let wharf = Served::on(&disk);
    let repo = wharf.repo("full");
    assert_eq!(repo.manifest("latest").await.is(200).body, second.bytes);
    assert_eq!(repo.blob(&sha256(&layer)).await.is(200).body, layer);
}

/// Nobody can free a disk by deleting if nothing can be deleted.
#[tokio::test]
async fn a_disk_that_is_full_to_the_last_byte_is_freed_by_deleting_and_collecting() {
    let space = Space::new();
    let disk = small_disk(&space);
    let wharf = Served::on(&disk);
    let repo = wharf.repo("full");
    let large = bytes(3 << 20, 9);
    let manifest = Manifest::image(b"{}", &[&large]);
    repo.push_blob(b"{}").await;
    repo.push_blob(&large).await;
    repo.put("large", &manifest).await.is(201);
    let small = repo.push_image("small", 1).await;
    fill(&disk);
    repo.request(reqwest::Method::POST, &format!("blobs/uploads/?digest={}", sha256(b"x")))
        .body(b"x".to_vec())
        .send()
        .await
        .refuses(507, "UNAVAILABLE");

    repo.delete(&format!("manifests/{}", manifest.digest())).await.is(202);
    let run = |path: &str, body: &str| {
        let request = wharf.client().request(reqwest::Method::POST, &format!("/api/v1/{path}"));
        request.header("content-type", "application/json").body(body.to_owned()).send()
    };
    for (path, body) in [("garbage-collections", "{\"grace\":\"0s\"}"), ("trash-emptyings", "{}")] {
        let begun = run(path, body).await.is(202);
        let place = begun.header("location").to_owned();
        let job = loop {
            let job = wharf.client().get(&place).await.is(200).json();
            if job["state"] != "running" {
                break job;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(job["state"], "done", "{job}");
    }
    // There is room for as much again, with the same ballast on the disk.
    repo.push_blob(&bytes(2 << 20, 10)).await;
    assert_eq!(repo.manifest("small").await.is(200).body, small.bytes);
    is_tidy(&disk);
    wharf.stop();
    make_room(&disk);
}
