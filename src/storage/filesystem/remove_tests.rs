//! What is made anew while a directory is removed or moved away waits for its sync as anything else.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::super::{Call, Shelf, Watch};
use crate::storage::{Change, Filesystem, Key, Settings, Storage};

/// Somebody who writes below a directory, and is done with it, at the moment in which the directory goes.
#[derive(Debug, Default)]
struct Writer {
    shelf: OnceLock<Arc<Shelf>>,
    path: OnceLock<PathBuf>,
}

impl Writer {
    fn write(&self) {
        let (Some(shelf), Some(path)) = (self.shelf.get(), self.path.get()) else { return };
        shelf.durable.unsynced.change_directory(path, || Ok(())).unwrap();
    }
}

impl Watch for Writer {
    fn before(&self, call: Call<'_>) -> std::io::Result<()> {
        match call {
            Call::RemoveDirectory(path) | Call::Rename(path, _) if Some(path) == self.path.get().map(Path::new) => {
                self.write();
            }
            _ => {}
        }
        Ok(())
    }
}

/// What waits for its sync when `gone` is over, which takes away the directory `a/b`.
async fn waiting_after(gone: impl AsyncFnOnce(&Filesystem, Key)) -> Vec<PathBuf> {
    let (directory, writer) = (tempfile::tempdir().unwrap(), Arc::new(Writer::default()));
    let storage = Filesystem::open_watched(&Settings::of(directory.path()), writer.clone()).unwrap();
    let key = Key::new("a").child("b");
    std::fs::create_dir_all(directory.path().join("a/b")).unwrap();
    storage.settle().await.unwrap();
    writer.shelf.set(Arc::clone(&storage.shelf)).unwrap();
    writer.path.set(directory.path().join("a/b")).unwrap();
    gone(&storage, key).await;
    let waiting = storage.shelf.durable.unsynced.all_noted();
    waiting.iter().map(|path| path.strip_prefix(directory.path()).unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_is_made_anew_while_a_directory_is_pruned_still_waits() {
    let waiting = waiting_after(async |storage, key| storage.prune(&key, &Key::new("a")).await.unwrap()).await;
    assert!(waiting.contains(&PathBuf::from("a/b")), "{waiting:?}");
}

#[tokio::test]
async fn what_is_made_anew_while_a_directory_is_removed_still_waits() {
    let waiting = waiting_after(async |storage, key| storage.delete_all(&key).await.unwrap()).await;
    assert!(waiting.contains(&PathBuf::from("a/b")), "{waiting:?}");
}

#[tokio::test]
async fn what_is_made_anew_while_a_directory_is_moved_away_still_waits() {
    let waiting = waiting_after(async |storage, key| {
        let moved = Change::Rename(key, Key::new("a").child("c"));
        storage.apply(vec![vec![moved]]).await.unwrap();
    });
    let waiting = waiting.await;
    assert!(waiting.contains(&PathBuf::from("a/b")), "{waiting:?}");
}
