//! Repositories are removed as a whole wherever they lie.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::registry::samples::{image, name, new, open, push, put, serves_blob, serves_manifest, tag};
use crate::registry::{Actor, Registry, RegistryError, layout};
use crate::storage::Key;

/// A registry of which one directory is on another file system.
fn apart(part: &Key) -> (TempDir, TempDir, Registry) {
    let (directory, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir_in("/dev/shm").unwrap());
    let link = directory.path().join(part.as_str());
    fs::create_dir_all(link.parent().unwrap()).unwrap();
    symlink(elsewhere.path(), link).unwrap();
    let registry = open(directory.path(), Default::default());
    (directory, elsewhere, registry)
}

fn is_empty(directory: &Path) -> bool {
    fs::read_dir(directory).unwrap().next().is_none()
}

#[tokio::test]
async fn a_repository_on_another_file_system_is_deleted_and_comes_back() {
    let (directory, elsewhere, registry) = apart(&layout::repositories());
    let team = name("team/app");
    let layer = push(&registry, &team, b"layer").await;
    put(&registry, &team, new(&image(layer, &[layer]), &["v1"])).await;
    registry.settle().await;
    let batch = registry.delete_repository(&team, &Actor::unknown()).await.unwrap();
    assert!(is_empty(elsewhere.path()), "nothing is left there");
    assert!(!serves_manifest(&registry, &team, tag("v1")).await);
    let trashed = directory.path().join(layout::trashed_repository(&batch, &team).as_str());
    assert_eq!(fs::read_dir(trashed).unwrap().count(), 2, "manifests and links, and nothing beside them");
    let restored = registry.restore_batch(&batch, &Actor::unknown()).await.unwrap();
    assert_eq!(restored.repositories, std::slice::from_ref(&team));
    assert!(serves_manifest(&registry, &team, tag("v1")).await);
    assert!(serves_blob(&registry, &team, &layer).await);
    assert!(is_empty(&directory.path().join(layout::trash().as_str())));
}

#[tokio::test]
async fn a_repository_that_cannot_be_moved_is_as_it_was_and_leaves_no_batch() {
    let (directory, _elsewhere, registry) = apart(&layout::repositories());
    let team = name("team/app");
    let layer = push(&registry, &team, b"layer").await;
    put(&registry, &team, new(&image(layer, &[layer]), &["v1"])).await;
    let manifests = directory.path().join(layout::repository(&team).child(layout::MANIFESTS).as_str());
    symlink("nowhere", manifests.join("foreign")).unwrap();
    let refused = registry.delete_repository(&team, &Actor::unknown()).await.unwrap_err();
    assert!(matches!(refused, RegistryError::Storage(_)), "{refused}");
    assert!(serves_manifest(&registry, &team, tag("v1")).await);
    assert_eq!(registry.trash().await.unwrap(), []);
}
