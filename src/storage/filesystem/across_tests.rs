//! What is moved to another file system, on a disk that says so of everything below `there`.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rustix::io::Errno;
use tempfile::TempDir;

use crate::storage::filesystem::{Call, Watch};
use crate::storage::{Change, Durability, Filesystem, Key, Result, Settings, Storage};

/// Refuses to rename between two file systems, and takes down what becomes visible, goes and is synced.
#[derive(Debug, Default)]
struct Apart(Mutex<Vec<(&'static str, PathBuf)>>);

impl Watch for Apart {
    fn before(&self, call: Call<'_>) -> std::io::Result<()> {
        let there = |path: &std::path::Path| path.components().any(|part| part.as_os_str() == "there");
        let (what, path) = match call {
            Call::Rename(from, to) if there(from) != there(to) => return Err(Errno::XDEV.into()),
            Call::Rename(_, to) => ("rename", to),
            Call::Remove(path) | Call::RemoveDirectory(path) => ("remove", path),
            Call::SyncFile(path) | Call::SyncDirectory(path) => ("sync", path),
            _ => return Ok(()),
        };
        self.0.lock().unwrap().push((what, path.to_owned()));
        Ok(())
    }

    /// So that each is synced by itself.
    fn waits_to_be_written(&self) -> Option<u64> {
        Some(u64::MAX)
    }
}

fn volume() -> (TempDir, Arc<Apart>, Filesystem) {
    let (directory, apart) = (tempfile::tempdir().unwrap(), Arc::new(Apart::default()));
    let settings = Settings { durability: Durability::Full, ..Settings::of(directory.path()) };
    let storage = Filesystem::open_watched(&settings, apart.clone()).unwrap();
    (directory, apart, storage)
}

fn key(text: &str) -> Key {
    let mut components = text.split('/');
    Key::new(components.next().unwrap()).descend(components)
}

async fn rename(storage: &Filesystem, from: &str, to: &str) -> Result<()> {
    storage.apply(vec![vec![Change::Rename(key(from), key(to))]]).await
}

/// All that is below a directory, but for directories.
fn files(directory: &TempDir, below: &str) -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![directory.path().join(below)]);
    while let Some(path) = open.pop() {
        for entry in fs::read_dir(path).into_iter().flatten().map(std::result::Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => open.push(entry.path()),
                false => found.push(entry.path().strip_prefix(directory.path()).unwrap().display().to_string()),
            }
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn a_directory_and_a_file_move_to_another_file_system_whole() {
    let (directory, apart, storage) = volume();
    for name in ["a/tree/one", "a/tree/below/two", "a/alone"] {
        storage.put(&key(name), Bytes::from(name)).await.unwrap();
    }
    let written = SystemTime::now() - Duration::from_secs(3600);
    let one = fs::File::options().write(true).open(directory.path().join("a/tree/one")).unwrap();
    one.set_modified(written).unwrap();
    apart.0.lock().unwrap().clear();
    rename(&storage, "a/tree", "there/b/tree").await.unwrap();
    rename(&storage, "a/alone", "there/c").await.unwrap();
    assert_eq!(files(&directory, "there"), ["there/b/tree/below/two", "there/b/tree/one", "there/c"]);
    assert_eq!(files(&directory, "a"), [""; 0]);
    assert_eq!(storage.get(&key("there/b/tree/below/two")).await.unwrap(), "a/tree/below/two");
    assert_eq!(storage.stat(&key("there/b/tree/one")).await.unwrap().modified, Some(written));
    assert!(storage.list(&key("a"), None, 9).await.unwrap().is_empty(), "nothing is left beside it");

    // The copy survives before what was copied goes, which gets out of sight at once.
    let calls = apart.0.lock().unwrap().clone();
    let at = |what, name: &str| {
        let path = directory.path().join(name);
        calls
            .iter()
            .position(|call| *call == (what, path.clone()))
            .unwrap_or_else(|| panic!("{what} {name}: {calls:?}"))
    };
    let gone = calls.iter().position(|(what, path)| *what == "remove" && path.starts_with(directory.path().join("a")));
    let placed = at("rename", "there/b/tree");
    assert!(at("sync", "there/b") > placed && at("sync", "there") > placed);
    let hidden = calls.iter().position(|(what, path)| {
        *what == "rename" && path.parent() == Some(&directory.path().join("a")) && path.extension().is_some()
    });
    assert!(hidden.unwrap() > at("sync", "there/b"));
    assert!(at("sync", "a") > hidden.unwrap() && gone.unwrap() > at("sync", "a"));
    assert!(at("remove", "a/alone") > at("rename", "there/c"));
    let synced = calls.iter().rposition(|call| *call == ("sync", directory.path().join("there"))).unwrap();
    assert!(at("rename", "there/c") < synced && synced < at("remove", "a/alone"));
}

#[tokio::test]
async fn what_cannot_be_copied_stays_where_it_is_and_leaves_nothing_behind() {
    let (directory, _, storage) = volume();
    storage.put(&key("a/tree/one"), Bytes::from("one")).await.unwrap();
    std::os::unix::fs::symlink("one", directory.path().join("a/tree/two")).unwrap();
    let refused = rename(&storage, "a/tree", "there/tree").await.unwrap_err();
    let said = std::error::Error::source(&refused).unwrap().to_string();
    assert!(said.contains("a/tree/two is neither a file nor a directory"), "{said}");
    assert_eq!(files(&directory, "a"), ["a/tree/one", "a/tree/two"]);
    assert!(storage.list(&key("there"), None, 9).await.unwrap().is_empty());
}
