//! What a purge removes, and that it leaves alone whatever else lies there (distribution 3.1.1 panicked on such trees).

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::oci::Algorithm;
use crate::registry::{Everything, Settings};
use crate::storage::Filesystem;

const DAY: Duration = Duration::from_secs(24 * 3600);

fn registry(root: &Path) -> Registry {
    Registry::new(Arc::new(Filesystem::open(&crate::storage::Settings::of(root)).unwrap()), Settings::default())
}

/// Everything below a directory, without following links.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap().map(|entry| entry.unwrap()) {
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(&entry.path()));
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn old_uploads_go_and_young_ones_stay() {
    let volume = tempfile::tempdir().unwrap();
    let registry = registry(volume.path());
    let name: RepositoryName = "team/app".parse().unwrap();
    let old = registry.start_upload(&name, None, Algorithm::Sha256).await.unwrap();
    let young = registry.start_upload(&name, None, Algorithm::Sha512).await.unwrap();
    registry.write_down_all().await.unwrap();
    let now = SystemTime::now();
    let started = volume.path().join(layout::upload_started(&name, &old.id).as_str());
    // As registry:2 writes it.
    fs::write(&started, "2016-03-01T12:00:00Z").unwrap();

    let dry = registry.purge_uploads(now, 7 * DAY, true).await.unwrap();
    assert_eq!(dry, Purged { removed: 1, unknown: 0 });
    assert!(registry.upload_status(&name, old.id).await.is_ok(), "a dry run removes nothing");
    assert_eq!(registry.purge_uploads(now, 7 * DAY, false).await.unwrap(), dry);
    assert!(registry.upload_status(&name, old.id).await.is_err());
    assert!(registry.upload_status(&name, young.id).await.is_ok());
    assert_eq!(registry.purge_uploads(now + 8 * DAY, 7 * DAY, false).await.unwrap().removed, 1);
}

/// What may lie in a tree that other programs and people wrote to.
fn litter() -> impl Strategy<Value = Vec<(String, u8)>> {
    let component = prop_oneof![
        Just("_uploads".to_owned()),
        Just("_manifests".to_owned()),
        Just("_layers".to_owned()),
        Just("startedat".to_owned()),
        Just("0e4a5c7e-3f2b-4f8e-9d55-0a1b2c3d4e5f".to_owned()),
        Just("0E4A5C7E-3F2B-4F8E-9D55-0A1B2C3D4E5F".to_owned()),
        "[a-b]{1,2}",
        "\\PC{1,6}".prop_filter("one component", |text| !text.contains(['/', '\0']) && text != "." && text != ".."),
    ];
    let anywhere = prop::collection::vec(component.clone(), 1..5).prop_map(|components| components.join("/"));
    let almost = component.prop_map(|entry| format!("a/_uploads/{entry}/startedat"));
    let path = prop_oneof![anywhere, almost];
    prop::collection::vec((path, 0..4_u8), 0..24)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_purge_leaves_alone_what_is_not_an_upload(litter in litter()) {
        let volume = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("startedat"), "2016-03-01T12:00:00Z").unwrap();
        let registry = registry(volume.path());
        let repositories = volume.path().join("docker/registry/v2/repositories");
        for (path, kind) in litter {
            let path = repositories.join(path);
            // What cannot be made, because something else is there already, is left out.
            let _ = fs::create_dir_all(path.parent().unwrap());
            let _ = match kind {
                0 => fs::create_dir(&path),
                1 => fs::write(&path, "2016-03-01T12:00:00Z"),
                2 => fs::write(&path, "\0not a time"),
                _ => std::os::unix::fs::symlink(outside.path(), &path),
            };
        }
        let before = tree(volume.path());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let later = SystemTime::now() + 30 * DAY;
            // A tree that cannot be read to its end stops the purge; it must not make it panic.
            let _ = registry.purge_uploads(later, 7 * DAY, false).await;
            registry.repositories(&Default::default(), &Everything).await.unwrap();
        });
        let upload = "_uploads/0e4a5c7e-3f2b-4f8e-9d55-0a1b2c3d4e5f";
        for path in before {
            let kept = path.symlink_metadata().is_ok();
            prop_assert!(kept || path.to_string_lossy().contains(upload), "{} is gone", path.display());
        }
        prop_assert!(outside.path().join("startedat").exists(), "something outside was removed");
    }
}
