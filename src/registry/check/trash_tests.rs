//! What a check does about content in the trash.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::tests::{check, found, reopened};
use super::*;
use crate::registry::samples::{image, index, name, new, open, push, put, serves_blob, serves_manifest, tag, volume};
use crate::registry::{Actor, BatchId, CollectionTerms, Settings, Unfollowed, Untagged, layout};

fn path(volume: &TempDir, key: &Key) -> std::path::PathBuf {
    volume.path().join(key.as_str())
}

async fn collect(registry: &Registry) -> Option<BatchId> {
    registry.settle().await;
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let (stop, by) = (CancellationToken::new(), Actor::unknown());
    registry.collect(terms, Effort::FULL, &by, &Unfollowed, &stop).await.unwrap().batch
}

#[tokio::test]
async fn content_in_the_trash_whose_batch_is_gone_is_found_and_collected_anew() {
    let (directory, registry) = volume();
    let team = name("team");
    let again = push(&registry, &team, b"again").await;
    let gone = push(&registry, &team, b"gone").await;
    let batch = collect(&registry).await.unwrap();
    push(&registry, &team, b"again").await;
    registry.settle().await;
    let later = reopened(directory.path(), Path::new(""));
    assert_eq!(found(&check(&later, true).await), [], "its batch is there");
    // As who removes it while nothing runs.
    fs::remove_dir_all(directory.path().join("wharf")).unwrap();
    assert_eq!(found(&check(&open(directory.path(), Settings::default()), true).await), [], "it is of today");
    let later = reopened(directory.path(), Path::new(""));
    let orphan = |digest, size| Defect::TrashOrphan { digest, batch: batch.clone(), size };
    let mut expected = vec![orphan(again, 5), orphan(gone, 4)];
    expected.sort_by_key(Defect::path);
    assert_eq!(found(&check(&later, false).await), expected);
    assert!(check(&later, true).await.is_clean());
    assert!(!path(&directory, &layout::trashed_blob(&again, &batch)).exists());
    assert!(path(&directory, &layout::blob(&again)).exists());
    assert!(path(&directory, &layout::blob(&gone)).exists());
    assert_eq!(found(&check(&later, false).await), []);
    let anew = collect(&later).await.unwrap();
    assert!(path(&directory, &layout::trashed_blob(&gone, &anew)).exists());
}

#[tokio::test]
async fn an_image_whose_content_is_in_the_trash_is_brought_back_and_not_taken_apart() {
    let (directory, registry) = volume();
    let team = name("team");
    let layer = push(&registry, &team, b"layer").await;
    let manifest = put(&registry, &team, new(&image(layer, &[layer]), &["v1"])).await;
    registry.settle().await;
    let batch: BatchId = "20010909T014640.000Z-1f2e3d4c".parse().unwrap();
    fs::create_dir_all(path(&directory, &layout::batch(&batch))).unwrap();
    fs::write(path(&directory, &layout::batch_log(&batch)), "").unwrap();
    for digest in [layer, manifest] {
        let trashed = path(&directory, &layout::trashed_blob(&digest, &batch));
        fs::rename(path(&directory, &layout::blob(&digest)), trashed).unwrap();
    }
    let registry = reopened(directory.path(), Path::new(""));
    let mut expected: Vec<Defect> =
        [layer, manifest].map(|digest| Defect::InTrash { repository: team.clone(), digest }).into();
    expected.sort_by_key(Defect::path);
    assert_eq!(found(&check(&registry, false).await), expected);
    assert!(!path(&directory, &layout::blob(&layer)).exists(), "nothing is changed without --repair");
    assert!(check(&registry, true).await.is_clean());
    for digest in [layer, manifest] {
        assert!(path(&directory, &layout::blob(&digest)).exists());
    }
    assert!(serves_manifest(&registry, &team, tag("v1")).await);
    assert!(serves_blob(&registry, &team, &layer).await);
}

/// docker's first index has no type in its bytes, so what was noted is all that is known.
#[tokio::test]
async fn what_is_noted_of_manifests_in_the_trash_stays_when_their_repository_is_used_again() {
    let (directory, registry) = volume();
    let team = name("team");
    let manifest = put(&registry, &team, new(&index(&[]), &["v1"])).await;
    let noted = path(&directory, &layout::manifest_type(&team, &manifest));
    fs::create_dir_all(noted.parent().unwrap()).unwrap();
    fs::write(&noted, "application/vnd.oci.image.index.v1+json").unwrap();
    let batch = registry.delete_repository(&team, &Actor::unknown()).await.unwrap();
    let layer = push(&registry, &team, b"layer").await;
    put(&registry, &team, new(&image(layer, &[layer]), &["v1"])).await;
    registry.settle().await;
    let registry = reopened(directory.path(), Path::new(""));
    assert_eq!(found(&check(&registry, true).await), []);
    assert!(noted.exists());
    fs::remove_dir_all(path(&directory, &layout::batch(&batch))).unwrap();
    assert_eq!(found(&check(&registry, false).await), [Defect::TypeOrphan { repository: team, digest: manifest }]);
}

#[tokio::test]
async fn what_has_rotted_on_another_file_system_is_moved_aside() {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
    let blobs = layout::blobs(crate::oci::Algorithm::Sha256);
    fs::create_dir_all(path(&directory, &blobs).parent().unwrap()).unwrap();
    symlink(elsewhere.path(), path(&directory, &blobs)).unwrap();
    let registry = reopened(directory.path(), Path::new(""));
    let layer = push(&registry, &name("team"), b"layer").await;
    fs::write(path(&directory, &layout::blob(&layer)), "loser").unwrap();
    let report = check(&registry, true).await;
    assert_eq!(report.findings[0].defect, Defect::Rotten { digest: layer, size: 5 });
    assert_eq!(report.findings[0].outcome, Outcome::Repaired);
    assert_eq!(fs::read(path(&directory, &layout::quarantine(&layer))).unwrap(), b"loser");
    assert_eq!(fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}
