//! Storage in a plain directory.
//!
//! Every call does its work on a thread that may block; none holds a lock while it waits for the disk.

mod durable;
mod open;
mod read;
mod stage;

use std::collections::BinaryHeap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Entry, EntryKind, GET_MAX, Key, Meta, Object, Result, Stage, Storage, StorageError};
use durable::Durable;
pub use open::OpenError;

/// Storage in a plain directory.
#[derive(Debug)]
pub struct Filesystem {
    root: PathBuf,
    durable: Arc<Durable>,
}

impl Filesystem {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }
}

/// Runs what may block where it may, and sorts its errors.
async fn blocking<T: Send + 'static>(
    action: &'static str,
    key: &Key,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).and_then(|result| result).map_err(|error| StorageError::from_io(action, key, error))
}

#[async_trait]
impl Storage for Filesystem {
    async fn get(&self, key: &Key) -> Result<Bytes> {
        let path = self.path(key);
        let read = blocking("read", key, move || {
            let mut file = open_object(&path)?;
            let size = file.metadata()?.len();
            if size > GET_MAX {
                return Ok(Err(size));
            }
            let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
            Read::by_ref(&mut file).take(GET_MAX).read_to_end(&mut bytes)?;
            Ok(Ok(Bytes::from(bytes)))
        });
        read.await?.map_err(|size| StorageError::TooLarge { key: key.clone(), size })
    }

    async fn stat(&self, key: &Key) -> Result<Meta> {
        let path = self.path(key);
        blocking("look at", key, move || {
            let metadata = fs::metadata(&path)?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok(Meta { size: metadata.len(), modified: metadata.modified().ok() })
        })
        .await
    }

    async fn open(&self, key: &Key) -> Result<Box<dyn Object>> {
        let path = self.path(key);
        let (file, size) = blocking("open", key, move || {
            let file = open_object(&path)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        })
        .await?;
        Ok(Box::new(read::OpenFile { key: key.clone(), file: Arc::new(file), size }))
    }

    async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        let (path, durable) = (self.path(key), Arc::clone(&self.durable));
        blocking("write", key, move || durable.replace(&path, &bytes)).await
    }

    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()> {
        let (path, durable) = (self.path(key), Arc::clone(&self.durable));
        blocking("write", key, move || durable.jot(&path, &bytes)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let (path, durable) = (self.path(key), Arc::clone(&self.durable));
        absent_is_fine(blocking("delete", key, move || durable.remove(&path)).await)
    }

    async fn delete_all(&self, key: &Key) -> Result<()> {
        let (path, durable) = (self.path(key), Arc::clone(&self.durable));
        absent_is_fine(blocking("delete", key, move || durable.remove_all(&path)).await)
    }

    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let (path, after) = (self.path(key), after.map(str::to_owned));
        let listed = blocking("list", key, move || list(&path, after.as_deref(), limit)).await;
        match listed {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }

    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>> {
        let (path, durable) = (self.path(key), Arc::clone(&self.durable));
        let opened = blocking("write", key, move || {
            if offset == 0 {
                // An upload's directories need not survive a power cut before it is promoted.
                let _ = durable.make_parents(&path)?;
            }
            let file = OpenOptions::new().append(true).create(offset == 0).open(&path)?;
            let size = file.metadata()?.len();
            if size < offset {
                return Ok(Err(size));
            }
            if size > offset {
                file.set_len(offset)?;
            }
            Ok(Ok(file))
        });
        let file = opened.await?.map_err(|size| StorageError::Short { key: key.clone(), size, offset })?;
        Ok(Box::new(stage::GrowingFile { key: key.clone(), file: Arc::new(file) }))
    }

    async fn promote(&self, staged: &Key, to: &Key) -> Result<()> {
        let (from, path, durable) = (self.path(staged), self.path(to), Arc::clone(&self.durable));
        blocking("keep", to, move || durable.promote(&from, &path)).await
    }

    async fn check(&self) -> Result<()> {
        let root = self.root.clone();
        // Every other error names a key; this one is about what all keys are below.
        let said = move |error: io::Error| io::Error::other(format!("{}: {error}", root.display()));
        let root = self.root.clone();
        blocking("read", &Key::new("docker"), move || fs::read_dir(&root).map(drop).map_err(said)).await
    }
}

/// Opens a plain file; a directory, a socket and the like are not objects.
fn open_object(path: &Path) -> io::Result<File> {
    // A pipe that somebody left in the tree must not block us.
    let file = rustix::fs::open(
        path,
        rustix::fs::OFlags::RDONLY | rustix::fs::OFlags::CLOEXEC | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::empty(),
    )
    .map(File::from)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// The first `limit` entries behind `after`. Only that many are held at once, however many there are.
fn list(path: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
    let mut first: BinaryHeap<(String, Seen)> = BinaryHeap::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        // A name that is not UTF-8 is not ours.
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if after.is_some_and(|after| name.as_str() <= after) {
            continue;
        }
        if first.len() == limit {
            if first.peek().is_none_or(|(last, _)| name >= *last) {
                continue;
            }
            first.pop();
        }
        first.push((name, Seen::of(&entry)));
    }
    let entry = |(name, seen): (String, Seen)| seen.kind(path, &name).map(|kind| Entry { name, kind });
    Ok(first.into_sorted_vec().into_iter().filter_map(entry).collect())
}

/// What a directory says of an entry without another look at it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    File,
    Directory,
    Other,
}

impl Seen {
    fn of(entry: &fs::DirEntry) -> Seen {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => Seen::File,
            Ok(kind) if kind.is_dir() => Seen::Directory,
            _ => Seen::Other,
        }
    }

    /// The kind of entry; `None` for what nobody can use: a dangling link, a socket, what is gone meanwhile.
    fn kind(self, directory: &Path, name: &str) -> Option<EntryKind> {
        match self {
            Seen::File => Some(EntryKind::Object),
            Seen::Directory => Some(EntryKind::Directory),
            Seen::Other => match fs::metadata(directory.join(name)) {
                Ok(meta) if meta.is_dir() && !leads_back(directory, name) => Some(EntryKind::Directory),
                Ok(meta) if meta.is_file() => Some(EntryKind::Object),
                _ => None,
            },
        }
    }
}

/// Whether a link to a directory leads to one that we came through. Whoever walks the tree would never come to an end.
fn leads_back(directory: &Path, name: &str) -> bool {
    let Ok(target) = fs::canonicalize(directory.join(name)) else { return true };
    directory.ancestors().any(|above| fs::canonicalize(above).is_ok_and(|above| above == target))
}

fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
