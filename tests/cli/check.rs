//! `wharf check`, run as a process: on a volume that a server left, and through one that runs.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::support::Wharf;
use crate::support::content::{Manifest, bytes, sha256};

fn check(volume: &Path, arguments: &str) -> (Option<i32>, String, String) {
    let arguments = arguments.split(' ').filter(|argument| !argument.is_empty());
    let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
    command.arg("check").args(arguments).env_clear().env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume);
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test]
async fn a_blob_that_has_rotted_is_found_moved_aside_and_whole_again_when_it_is_pushed() {
    let wharf = Wharf::prepare().full_durability().go();
    let repo = wharf.repo("team/app");
    let (config, layer) = (b"{}".as_slice(), bytes(5000, 1));
    let (image, digest) = (Manifest::image(config, &[&layer]), sha256(&layer));
    repo.push_blob(config).await;
    repo.push_blob(&layer).await;
    repo.put("v1", &image).await.is(201);
    let path = wharf.blob(&digest);
    let start = wharf.crash();
    let volume = start.volume().to_owned();

    let (code, out, err) = check(&volume, "");
    assert_eq!((code, err.as_str()), (Some(0), ""));
    assert!(out.contains("Nothing is wrong."), "{out}");

    let mut rotten = layer.clone();
    rotten[2500] ^= 1;
    fs::write(&path, &rotten).unwrap();
    let (code, out, _) = check(&volume, "");
    assert_eq!(code, Some(1), "{out}");
    let place = path.strip_prefix(&volume).unwrap().display().to_string();
    for expected in [
        format!("broken: the 5000 bytes of {digest} do not hash to that name\n  where:  {place}\n  means:  Clients"),
        "  to do:  --repair moves it aside into wharf/quarantine, so that the next push of it makes it whole."
            .to_owned(),
        "  means:  The tag v1 cannot be pulled whole.".to_owned(),
        "Found 2 broken, 0 untidy, 0 remarks; repaired 0.".to_owned(),
    ] {
        assert!(out.contains(&expected), "{expected} is not in\n{out}");
    }
    assert_eq!(fs::read(&path).unwrap(), rotten, "nothing is changed unless that is asked for");

    let (code, out, _) = check(&volume, "--repair");
    assert_eq!(code, Some(1), "the image is still to be pushed: {out}");
    assert!(out.contains("  done:   repaired"), "{out}");

    let wharf = start.go();
    let repo = wharf.repo("team/app");
    repo.head(&format!("blobs/{digest}")).await.is(404);
    repo.push_blob(&layer).await;
    repo.put("v1", &image).await.is(201);
    assert_eq!(repo.blob(&digest).await.is(200).body, layer);
    let start = wharf.crash();
    assert_eq!(check(start.volume(), "").0, Some(0));
}

#[tokio::test]
async fn what_is_found_can_be_read_by_programs_and_what_is_repaired_is_no_failure() {
    let wharf = Wharf::prepare().full_durability().go();
    wharf.repo("team/app").push_image("v1", 7).await;
    let tag = "docker/registry/v2/repositories/team/app/_manifests/tags/v1";
    let start = wharf.crash();
    fs::remove_dir_all(start.volume().join(tag).join("index")).unwrap();

    let (code, out, _) = check(start.volume(), "--json --seed 7 --sample 50%");
    assert_eq!(code, Some(1), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["seed"], 7);
    assert_eq!(report["found"], serde_json::json!({"broken": 0, "untidy": 1, "remarks": 0}));
    assert_eq!(report["looked_at"]["stored"]["contents"], 3);
    let finding = &report["findings"][0];
    assert_eq!(finding["defect"], "tag-unlisted");
    assert_eq!((&finding["repository"], &finding["tag"]), (&"team/app".into(), &"v1".into()));
    assert_eq!((&finding["severity"], &finding["outcome"]), (&"untidy".into(), &"left".into()));
    assert!(finding["at"].as_str().unwrap().starts_with(&format!("{tag}/index/sha256/")), "{finding}");
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);

    let (code, out, _) = check(start.volume(), "--json --repair");
    assert_eq!(code, Some(0), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["findings"][0]["outcome"], "repaired");
    assert_eq!(check(start.volume(), "").0, Some(0));
}

/// The server that runs does it, so what it remembers and what others push is not in the way.
#[tokio::test]
async fn beside_a_server_it_is_the_server_that_checks_and_repairs() {
    let wharf = Wharf::prepare().full_durability().go();
    let volume = wharf.volume().to_owned();
    let repo = wharf.repo("team/app");
    let image = repo.push_image("v1", 7).await;
    let layer = image.references()[1].clone();
    let content = repo.blob(&layer).await.is(200).body;
    assert_eq!(check(&volume, "").0, Some(0));
    fs::write(wharf.blob(&layer), "rotten").unwrap();
    let (code, out, err) = check(&volume, "--repair");
    assert_eq!((code, err.as_str()), (Some(1), ""), "the image is still to be pushed: {out}");
    assert!(out.contains("  done:   repaired"), "{out}");
    assert!(volume.join("wharf/quarantine/sha256").join(&layer["sha256:".len()..]).exists());
    let (code, out, _) = check(&volume, &format!("--json --server {}", wharf.url));
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &report["findings"][0]["defect"]), (Some(1), &"incomplete".into()));
    assert_eq!(report["findings"][0]["missing"], serde_json::json!([layer]));
    repo.head(&format!("blobs/{layer}")).await.is(404);
    repo.push_blob(&content).await;
    assert_eq!(repo.blob(&layer).await.is(200).body, content);
    let (code, out, _) = check(&volume, "");
    assert_eq!(code, Some(0), "{out}");
    let jobs = wharf.client().get("/api/v1/jobs").await.is(200).json();
    let by: Vec<Option<&str>> = jobs["jobs"].as_array().unwrap().iter().map(|job| job["startedBy"].as_str()).collect();
    assert_eq!(by, [Some("operator"), None, Some("operator"), Some("operator")], "each was the server's own");
}

#[tokio::test]
async fn a_volume_is_looked_through_without_writing_anything_and_repaired_only_if_that_is_allowed() {
    let wharf = Wharf::prepare().full_durability().go();
    wharf.repo("team/app").push_image("v1", 7).await;
    let start = wharf.crash();
    let volume = start.volume();
    fs::remove_file(volume.join("wharf/lock")).unwrap();
    let before = Wharf::files_below(volume);
    assert_eq!(check(volume, "").0, Some(0));
    assert_eq!(Wharf::files_below(volume), before);
    let config = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}, maintenance: {{readonly: {{enabled: true}}}}}}\n",
        volume.display()
    );
    fs::write(volume.join("config.yml"), config).unwrap();
    let (code, out, err) = check(volume, &format!("--repair {}", volume.join("config.yml").display()));
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("storage.maintenance.readonly.enabled"), "{err}");
    let (code, out, err) = check(volume, "--server http://127.0.0.1:1");
    assert_eq!((code, out.as_str()), (Some(2), ""));
    assert!(err.contains("cannot be asked"), "{err}");
}

#[test]
fn what_cannot_be_looked_through_is_said_and_nothing_is_made() {
    let directory = tempfile::tempdir().unwrap();
    let nowhere = directory.path().join("nowhere");
    for arguments in ["", "--repair"] {
        let (code, out, err) = check(&nowhere, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""));
        assert!(err.contains("cannot read") && err.contains("nowhere"), "{err}");
        assert!(!nowhere.exists());
    }
    for arguments in ["--sample 0%", "--sample 200", "--effort 0", "/nowhere.yml", "--seed x"] {
        assert_eq!(check(directory.path(), arguments).0, Some(2), "{arguments}");
    }
}

#[tokio::test]
async fn a_server_checks_its_volume_by_itself_and_says_what_it_found() {
    let wharf = Wharf::prepare().full_durability().go();
    let layer = bytes(5000, 3);
    let digest = wharf.repo("team/app").push_blob(&layer).await;
    let path = wharf.blob(&digest);
    let start = wharf.crash();
    fs::write(&path, "rotten").unwrap();
    let wharf = start
        .config(
            "version: 0.1\nstorage: {filesystem: {}, maintenance: {scrub: {interval: 100ms, effort: 100}}}\n\
             http: {debug: {addr: '127.0.0.1:0', prometheus: {enabled: true}}}\n",
        )
        .go();
    wharf.logs(&format!("the 6 bytes of {digest} do not hash to that name"));
    wharf.logs("checked the volume");
    let again = wharf.crash();
    assert!(again.volume().join("wharf/scrubbed").exists(), "the next start does not know when it was");
}
