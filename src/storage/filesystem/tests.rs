//! What every storage promises, tried on the plain directory.

use futures_util::TryStreamExt;

use std::fs;

use super::*;
use crate::storage::{EntryKind, Settings};

fn filesystem() -> (tempfile::TempDir, Filesystem) {
    let directory = tempfile::tempdir().unwrap();
    let filesystem = Filesystem::open(&Settings::of(directory.path())).unwrap();
    (directory, filesystem)
}

fn key(text: &str) -> Key {
    let mut components = text.split('/');
    Key::new(components.next().unwrap()).descend(components)
}

#[tokio::test]
async fn what_was_put_is_read_back_and_replaced() {
    let (_directory, storage) = filesystem();
    for content in ["one", "", "three"] {
        storage.put(&key("a/b/c"), Bytes::from(content)).await.unwrap();
        assert_eq!(storage.get(&key("a/b/c")).await.unwrap(), content);
        assert_eq!(storage.stat(&key("a/b/c")).await.unwrap().size, content.len() as u64);
    }
    assert_eq!(storage.list(&key("a/b"), None, 9).await.unwrap().len(), 1, "nothing is left beside it");
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let (_directory, storage) = filesystem();
    storage.put(&key("a/b"), Bytes::from("x")).await.unwrap();
    for absent in ["z", "a", "a/b/c"] {
        assert!(storage.get(&key(absent)).await.unwrap_err().is_not_found(), "{absent}");
        assert!(storage.stat(&key(absent)).await.unwrap_err().is_not_found(), "{absent}");
        assert!(storage.open(&key(absent)).await.err().unwrap().is_not_found(), "{absent}");
    }
    storage.delete(&key("z")).await.unwrap();
    storage.delete_all(&key("z")).await.unwrap();
    assert_eq!(storage.list(&key("z"), None, 9).await.unwrap(), []);
}

#[tokio::test]
async fn lists_are_in_order_and_continue_behind_a_name() {
    let (_directory, storage) = filesystem();
    for name in ["b", "a", "a-b", "ab", "B", "c/d"] {
        storage.put(&key(&format!("list/{name}")), Bytes::new()).await.unwrap();
    }
    let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    assert_eq!(names(storage.list(&key("list"), None, 9).await.unwrap()), ["B", "a", "a-b", "ab", "b", "c"]);
    assert_eq!(names(storage.list(&key("list"), Some("a"), 2).await.unwrap()), ["a-b", "ab"]);
    assert_eq!(names(storage.list(&key("list"), None, 0).await.unwrap()), Vec::<String>::new());
    assert_eq!(storage.list(&key("list"), Some("b"), 9).await.unwrap()[0].kind, EntryKind::Directory);
}

#[tokio::test]
async fn a_staged_object_grows_continues_and_is_promoted() {
    let (_directory, storage) = filesystem();
    let (staged, home) = (key("up/data"), key("blobs/x/data"));
    let mut stage = storage.stage(&staged, 0).await.unwrap();
    stage.append(vec![Bytes::from("abc"), Bytes::new(), Bytes::from("defg")], Box::new(|| {})).await.unwrap();
    stage.append(vec![], Box::new(|| {})).await.unwrap();
    drop(stage);
    let short = storage.stage(&staged, 8).await.err().unwrap();
    assert!(matches!(short, StorageError::Short { size: 7, offset: 8, .. }));
    let mut stage = storage.stage(&staged, 5).await.unwrap();
    stage.append(vec![Bytes::from("!")], Box::new(|| {})).await.unwrap();
    storage.put(&home, Bytes::from("what was there before")).await.unwrap();
    storage.apply(vec![vec![Change::Move(staged.clone(), home.clone())]]).await.unwrap();
    assert_eq!(storage.get(&home).await.unwrap(), "abcde!");
    assert!(storage.stat(&staged).await.unwrap_err().is_not_found());
}

#[tokio::test]
async fn a_large_object_is_read_in_ranges_even_after_it_was_deleted() {
    let (_directory, storage) = filesystem();
    let content: Vec<u8> = (0..700_000_u32).flat_map(u32::to_le_bytes).collect();
    storage.put(&key("big"), Bytes::from(content.clone())).await.unwrap();
    let object = storage.open(&key("big")).await.unwrap();
    storage.delete(&key("big")).await.unwrap();
    assert_eq!(object.size(), 2_800_000);
    for range in [0..2_800_000, 0..1, 262_143..262_145, 2_799_999..2_800_000, 5..5, 262_144..524_288] {
        let read: Vec<Bytes> = object.read(range.clone()).try_collect().await.unwrap();
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        assert_eq!(read.concat(), content[range]);
    }
}

#[tokio::test]
async fn an_object_that_is_too_large_to_be_got_is_not_read() {
    let (directory, storage) = filesystem();
    File::create(directory.path().join("huge")).unwrap().set_len(1 << 40).unwrap();
    assert!(matches!(storage.get(&key("huge")).await, Err(StorageError::TooLarge { .. })));
}

#[tokio::test]
async fn foreign_things_in_the_tree_neither_block_nor_break() {
    let (directory, storage) = filesystem();
    let root = directory.path();
    fs::create_dir(root.join("x")).unwrap();
    std::os::unix::fs::symlink("nowhere", root.join("x/dangling")).unwrap();
    std::os::unix::fs::symlink("loop", root.join("x/loop")).unwrap();
    std::os::unix::net::UnixListener::bind(root.join("x/socket")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(root.join("x/pipe")).status().unwrap().success());
    for name in ["dangling", "socket", "pipe"] {
        assert!(storage.get(&key("x").child(name)).await.is_err(), "{name}");
        assert!(storage.stat(&key("x").child(name)).await.is_err(), "{name}");
    }
    assert_eq!(storage.list(&key("x"), None, 9).await.unwrap(), []);
}

#[test]
fn a_directory_that_cannot_be_made_is_refused_with_the_path_and_a_remedy() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    let message = Filesystem::open(&Settings::of(file.join("sub"))).unwrap_err().to_string();
    assert!(message.contains("file/sub") && message.contains("rootdirectory"), "{message}");
}

#[tokio::test]
async fn what_was_made_for_something_that_is_removed_is_forgotten() {
    let (_directory, storage) = filesystem();
    storage.put(&key("a/b/kept"), Bytes::from("x")).await.unwrap();
    for upload in 0..10 {
        let upload = key("a/b").child(&upload.to_string());
        storage.jot(&upload.descend(["c", "note"]), Bytes::new()).await.unwrap();
        storage.delete_all(&upload).await.unwrap();
    }
    // The directory that they were in, which is synced with what comes next there.
    assert!(storage.shelf.durable.waiting() <= 1);
    storage.settle().await.unwrap();
    assert_eq!(storage.shelf.durable.waiting(), 0);
}

#[tokio::test]
async fn links_to_directories_are_followed_but_not_in_circles() {
    let (directory, storage) = filesystem();
    let root = directory.path();
    storage.put(&key("a/x"), Bytes::new()).await.unwrap();
    storage.put(&key("b/x"), Bytes::new()).await.unwrap();
    for (target, link) in [("b", "a/to-b"), ("a", "b/to-a"), (".", "a/to-all"), ("a", "a/to-itself")] {
        std::os::unix::fs::symlink(root.join(target), root.join(link)).unwrap();
    }
    let names = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.name).collect::<Vec<_>>();
    assert_eq!(names(storage.list(&key("a"), None, 9).await.unwrap()), ["to-b", "x"]);
    assert_eq!(names(storage.list(&key("a/to-b"), None, 9).await.unwrap()), ["x"]);
}

#[tokio::test]
async fn a_link_that_leads_to_itself_leads_nowhere() {
    let (directory, storage) = filesystem();
    std::os::unix::fs::symlink("loop", directory.path().join("loop")).unwrap();
    assert!(storage.get(&key("loop")).await.is_err_and(|error| error.is_not_found()));
    assert!(storage.stat(&key("loop/below")).await.is_err_and(|error| error.is_not_found()));
}
