//! A volume that holds what nobody expects: it is served, nothing falls over, and nothing unknown is touched.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::damaged_links::{KINDS, damage};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{Manifest, bytes};
use crate::support::repository::Repository;

fn write(path: &Path, content: impl AsRef<[u8]>) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn hex(digest: &str) -> &str {
    digest.split_once(':').unwrap().1
}

#[tokio::test]
async fn a_blob_whose_bytes_are_gone_is_unknown_and_pushing_heals_it() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("volume/gone");
    let content = bytes(1000, 101);
    let digest = repo.push_blob(&content).await;
    wharf.has_settled(&digest).await;
    fs::remove_dir_all(wharf.blob(&digest).parent().unwrap()).unwrap();
    repo.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    repo.head(&format!("blobs/{digest}")).await.is(404);
    repo.put("v1", &Manifest::image(&content, &[])).await.refuses(404, "MANIFEST_BLOB_UNKNOWN");
    repo.push_blob(&content).await;
    assert_eq!(repo.blob(&digest).await.is(200).body, content);
}

#[tokio::test]
async fn a_manifest_that_has_rotted_is_unknown_and_pushing_heals_it() {
    let wharf = Wharf::start();
    let repo = wharf.repo("volume/rotten");
    let image = repo.push_image("latest", 103).await;
    let digest = image.digest();
    // Still JSON, and of the same length.
    let rotten = String::from_utf8(image.bytes.clone()).unwrap().replacen("sha256:", "sha255:", 1);
    fs::write(wharf.blob(&digest), rotten).unwrap();
    repo.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN");
    repo.manifest(&digest).await.refuses(404, "MANIFEST_UNKNOWN");
    wharf.logs("has rotted on disk");
    repo.put("latest", &image).await.is(201);
    assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
}

#[tokio::test]
async fn a_repository_that_is_linked_from_elsewhere_is_served() {
    let outside = tempfile::tempdir().unwrap();
    let start = Wharf::prepare();
    let repositories = start.volume().join("docker/registry/v2/repositories");
    fs::create_dir_all(repositories.join("team")).unwrap();
    symlink(outside.path(), repositories.join("team/linked")).unwrap();
    let wharf = start.go();
    let repo = wharf.repo("team/linked");
    let image = repo.push_image("latest", 102).await;
    assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
    assert_eq!(repo.tags().await, ["latest"]);
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), ["team/linked"]);
    assert!(outside.path().join("_manifests/tags/latest/current/link").is_file());
}

#[tokio::test]
async fn what_a_crash_left_behind_does_not_show() {
    let wharf = Wharf::start();
    let repo = wharf.repo("strays");
    let image = repo.push_image("b", 103).await;
    let below = wharf.repository("strays");
    let tags = below.join("_manifests/tags");
    for stray in [
        "a/current/link.0f0f0f0f.tmp",
        "b/current/link.0f0f0f0f.tmp",
        "c.tmp",
        "-bad/current/link",
        "d/current/other",
        "e/index/sha256/x/link",
        "link",
    ] {
        write(&tags.join(stray), "stray");
    }
    write(&tags.join("f/current/link"), "");
    for stray in ["_manifest", "_manifest.old/x", "_manifestation", "_manifests.tmp", "_layers/x", "file"] {
        write(&below.join(stray), "stray");
    }
    write(&wharf.repository("UPPER/_manifests/x"), "");
    write(&wharf.repository("file"), "stray");
    assert_eq!(repo.tags().await, ["b"]);
    for n in 1..4 {
        let pages = wharf.client().pages(&repo.path(&format!("tags/list?n={n}")), "tags").await;
        assert_eq!(pages.concat(), ["b"]);
    }
    assert_eq!(wharf.client().get("/v2/_catalog").await.list("repositories"), ["strays"]);
    assert_eq!(repo.manifest("b").await.is(200).body, image.bytes);
    for tag in ["a", "d", "e", "f"] {
        repo.manifest(tag).await.refuses(404, "MANIFEST_UNKNOWN");
    }
}

#[tokio::test]
async fn strays_among_the_referrers_hide_none() {
    let wharf = Wharf::start();
    let repo = wharf.repo("strays");
    let image = repo.push_image("latest", 104).await;
    repo.push_blob(b"{}").await;
    let about: Vec<Manifest> = (0..3).map(|n| Manifest::about(&image, "a/b", &n.to_string())).collect();
    for manifest in &about {
        repo.put(&manifest.digest(), manifest).await.is(201);
    }
    let notes = wharf.volume().join("wharf/repositories/strays/_referrers/sha256").join(hex(&image.digest()));
    for stray in ["0.tmp", "sha256:.tmp", "sha256:0.tmp", "sha256:8.tmp", "zzz"] {
        write(&notes.join(stray), "stray");
    }
    // One that is damaged is read from the manifest.
    write(&notes.join(about[0].digest()), "{");
    for n in 1..6 {
        let mut found = 0;
        let mut next = Some(repo.path(&format!("referrers/{}?n={n}", image.digest())));
        while let Some(path) = next {
            let page: Answer = repo.client().get(&path).await.is(200);
            found += page.json()["manifests"].as_array().unwrap().len();
            next = page.next();
        }
        assert_eq!(found, 3, "n={n}");
    }
}

/// Everything that can be read of a repository.
async fn read_all(repo: &Repository, image: &Manifest) -> Vec<Answer> {
    let digest = image.digest();
    let mut answers = Vec::new();
    for rest in [
        "tags/list".to_owned(),
        "tags/list?n=1".to_owned(),
        "manifests/latest".to_owned(),
        format!("manifests/{digest}"),
        format!("referrers/{digest}"),
        format!("blobs/{digest}"),
        "blobs/uploads/00000000-0000-4000-8000-000000000001".to_owned(),
    ] {
        answers.push(repo.get(&rest).await);
        answers.push(repo.head(&rest).await);
    }
    answers.push(repo.client().get("/v2/_catalog").await);
    answers.push(repo.client().get("/v2/_catalog?n=1&last=fuzzed").await);
    answers
}

/// S8: whatever lies in the tree, reading does not fail, healthy repositories are whole, and nothing unknown goes away.
#[test]
fn whatever_lies_in_the_tree_reading_goes_on() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = proptest::sample::select(
        &[
            "_uploads",
            "_uploads/00000000-0000-4000-8000-000000000001",
            "_uploads/hashstates",
            "_layers",
            "_layers/sha256",
            "_layers/sha256/0000",
            "_manifests",
            "_manifests/tags",
            "_manifests/tags/latest",
            "_manifests/tags/new/current",
            "_manifests/revisions",
            "_manifests/revisions/sha256",
            "_manifests/revisions/sha999/x",
            "",
            "below",
            "_other",
        ][..],
    );
    let name = "(data|startedat|link|current|index|sha256|latest|[a-z]{1,3}|[0-9a-f]{64}|\\.[a-z]|[A-Z~ ]{1,3}|-x)";
    let thing = (place, name, 0..KINDS);
    let tree = proptest::collection::vec(thing, 1..12);
    proptest!(ProptestConfig::with_cases(12), |(tree in tree)| {
        let wharf = Wharf::start();
        let (healthy, fuzzed) = (wharf.repo("healthy"), wharf.repo("fuzzed"));
        let image = runtime.block_on(async {
            fuzzed.push_image("latest", 105).await;
            healthy.push_image("latest", 105).await
        });
        let mut made: Vec<PathBuf> = Vec::new();
        for (place, name, kind) in tree {
            let path = wharf.repository("fuzzed").join(place).join(name);
            // Where something is already, nothing is put.
            let parent = path.parent().unwrap();
            if fs::create_dir_all(parent).is_ok() && path.symlink_metadata().is_err() {
                damage(&path, kind);
                made.push(path);
            }
        }
        runtime.block_on(async {
            for answer in read_all(&fuzzed, &image).await {
                assert!(answer.status < 500, "{}: {}", answer.asked, answer.status);
            }
            // The same with what was pushed before, which nothing has damaged.
            assert_eq!(fuzzed.manifest("latest").await.is(200).body, image.bytes);
            assert_eq!(healthy.manifest("latest").await.is(200).body, image.bytes);
            assert_eq!(healthy.tags().await, ["latest"]);
            let repositories = wharf.client().get("/v2/_catalog").await.list("repositories");
            assert!(repositories.contains(&"healthy".to_owned()) && repositories.contains(&"fuzzed".to_owned()));
            healthy.delete(&format!("manifests/{}", image.digest())).await.is(202);
        });
        for path in made {
            assert!(path.symlink_metadata().is_ok(), "{} is gone", path.display());
        }
    });
}
