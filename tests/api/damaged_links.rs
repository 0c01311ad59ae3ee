//! Links that are damaged: empty after a crash, overwritten, replaced by something else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::Wharf;
use crate::support::content::sha256;

fn hex(digest: &str) -> &str {
    digest.split_once(':').unwrap().1
}

/// What can stand where a link is expected, beside a link.
pub(crate) fn damage(path: &Path, kind: usize) {
    let _ = fs::remove_file(path);
    match kind {
        0 => fs::write(path, "").unwrap(),
        1 => fs::write(path, "sha256:").unwrap(),
        2 => fs::write(path, "../../../../etc/passwd").unwrap(),
        3 => fs::write(path, [0xff, 0xfe, 0, 0]).unwrap(),
        4 => fs::write(path, vec![b'x'; 100_000]).unwrap(),
        5 => fs::write(path, sha256(SOMETHING_ELSE)).unwrap(),
        6 => fs::create_dir(path).unwrap(),
        7 => symlink("nowhere", path).unwrap(),
        8 => symlink("/dev/zero", path).unwrap(),
        _ => symlink(path.file_name().unwrap(), path).unwrap(),
    }
}
/// How many kinds of damage there are.
pub(crate) const KINDS: usize = 10;
/// What is on the volume and not what a link should lead to.
const SOMETHING_ELSE: &[u8] = b"something else";

fn repair(path: &Path) {
    if path.is_dir() {
        fs::remove_dir(path).unwrap();
    } else {
        let _ = fs::remove_file(path);
    }
}

#[tokio::test]
async fn a_damaged_link_of_a_blob_is_no_link_and_pushing_heals_it() {
    let mut wharf = Wharf::start();
    wharf.repo("volume/else").push_blob(SOMETHING_ELSE).await;
    let digest = sha256(b"content");
    let link = wharf.repository("volume/layer/_layers/sha256").join(hex(&digest)).join("link");
    for kind in 0..KINDS {
        wharf.repo("volume/layer").push_blob(b"content").await;
        // Nobody else changes what a running server has read.
        let start = wharf.crash();
        damage(&link, kind);
        wharf = start.go();
        let repo = wharf.repo("volume/layer");
        repo.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
        repo.head(&format!("blobs/{digest}")).await.is(404);
        repo.delete(&format!("blobs/{digest}")).await.refuses(404, "BLOB_UNKNOWN");
        if link.is_dir() {
            repair(&link);
        }
        repo.push_blob(b"content").await;
        assert_eq!(repo.blob(&digest).await.is(200).body, b"content", "{kind}");
        repair(&link);
    }
}

#[tokio::test]
async fn a_damaged_link_of_a_tag_or_manifest_is_no_link_and_pushing_heals_it() {
    let wharf = Wharf::shared();
    wharf.repo("volume/else").push_blob(SOMETHING_ELSE).await;
    let repo = wharf.repo("volume/manifest");
    let image = repo.push_image("latest", 100).await;
    let manifests = wharf.repository("volume/manifest/_manifests");
    let tag = manifests.join("tags/latest/current/link");
    let revision = manifests.join("revisions/sha256").join(hex(&image.digest())).join("link");
    for link in [&tag, &revision] {
        for kind in 0..KINDS {
            repo.put("latest", &image).await.is(201);
            damage(link, kind);
            repo.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN");
            repo.get("tags/list").await.is(200);
            repo.get(&format!("referrers/{}", image.digest())).await.is(200);
            if link.is_dir() {
                repair(link);
            }
            repo.put("latest", &image).await.is(201);
            assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes, "{kind}");
            assert_eq!(repo.tags().await, ["latest"]);
        }
    }
}

#[tokio::test]
async fn a_link_with_a_newline_is_read() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("volume/newline");
    let digest = repo.push_blob(b"newline").await;
    let link = wharf.repository("volume/newline/_layers/sha256").join(hex(&digest)).join("link");
    fs::write(link, format!("{digest}\n")).unwrap();
    assert_eq!(repo.blob(&digest).await.is(200).body, b"newline");
}
