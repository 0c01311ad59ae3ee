//! Storage in a plain directory.
//!
//! What may take long is done on a thread that may block; none holds a lock while it waits for the disk.

mod across;
mod disk;
mod durable;
mod early;
mod known;
mod lane;
mod listing;
mod locks;
mod names;
mod open;
mod read;
mod remove;
mod reserve;
mod shared;
mod stage;
mod unsynced;
mod volume_lock;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Change, Durability, Entry, GET_MAX, Key, Meta, Object, Result, Stage, Storage, StorageError};
use disk::Disk;
use durable::{Durable, Failed};
use lane::{Lane, blocking};
use listing::Listings;
use read::Buffers;

#[cfg(test)]
pub(crate) use disk::{Call, Watch};
pub use open::OpenError;

/// Storage in a plain directory.
#[derive(Debug)]
pub struct Filesystem {
    root: PathBuf,
    shelf: Arc<Shelf>,
    /// Held for as long as the directory is in use.
    lock: Arc<volume_lock::VolumeLock>,
    reserve: Arc<reserve::Reserve>,
}

/// What the work on a directory needs, wherever it is done.
#[derive(Debug)]
struct Shelf {
    disk: Disk,
    lane: Lane,
    durable: Durable,
    durability: Durability,
    listings: Listings,
    buffers: Arc<Buffers>,
}

impl Filesystem {
    fn path(&self, key: &Key) -> PathBuf {
        self.root.join(key.as_str())
    }

    fn change(&self, change: Change) -> durable::Change {
        match change {
            Change::Put(key, bytes) => durable::Change::Put(self.path(&key), bytes),
            Change::Renew(key, bytes) => durable::Change::Renew(self.path(&key), bytes),
            Change::Move(from, to) => durable::Change::Move(self.path(&from), self.path(&to)),
            Change::Settle(key) => durable::Change::Settle(self.path(&key)),
            Change::Keep(key, bytes) => durable::Change::Keep(self.path(&key), bytes),
            Change::Rename(from, to) => durable::Change::Rename(self.path(&from), self.path(&to)),
            Change::Remove(key) => durable::Change::Remove(self.path(&key)),
        }
    }

    /// Does what is quick as long as the disk is.
    async fn quick<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &Key,
        work: impl FnOnce(&Shelf, &Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let (path, shelf) = (self.path(key), Arc::clone(&self.shelf));
        self.shelf.lane.quick(action, key, move || work(&shelf, &path)).await
    }
}

#[async_trait]
impl Storage for Filesystem {
    fn durability(&self) -> Durability {
        self.shelf.durability
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        let read = self.quick("read", key, |shelf, path| {
            let (file, size) = shelf.open_object(path)?;
            match usize::try_from(size) {
                Ok(length) if size <= GET_MAX => {
                    Ok(Ok(Bytes::from(read::read_whole(&shelf.disk, &file, path, length)?)))
                }
                _ => Ok(Err(size)),
            }
        });
        read.await?.map_err(|size| StorageError::TooLarge { key: key.clone(), size })
    }

    async fn stat(&self, key: &Key) -> Result<Meta> {
        self.quick("look at", key, |shelf, path| {
            let metadata = shelf.disk.stat(path)?;
            if !metadata.is_file() {
                return Err(io::ErrorKind::NotFound.into());
            }
            Ok(Meta { size: metadata.len(), modified: metadata.modified().ok() })
        })
        .await
    }

    async fn open(&self, key: &Key) -> Result<Box<dyn Object>> {
        let (file, size) = self.quick("open", key, |shelf, path| shelf.open_object(path)).await?;
        Ok(Box::new(read::OpenFile {
            key: key.clone(),
            path: self.path(key),
            disk: self.shelf.disk.clone(),
            file: Arc::new(file),
            size,
            buffers: Arc::clone(&self.shelf.buffers),
        }))
    }

    async fn apply(&self, steps: Vec<Vec<Change>>) -> Result<()> {
        // Whatever fails, the first change is what all of this is for.
        let Some(key) = steps.iter().flatten().next().map(Change::key).cloned() else { return Ok(()) };
        let change = |step: Vec<Change>| step.into_iter().map(|change| self.change(change)).collect();
        let steps = steps.into_iter().map(change).collect();
        let shelf = Arc::clone(&self.shelf);
        changed("keep", &key, move || shelf.durable.apply(steps)).await
    }

    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.quick("write", key, move |shelf, path| shelf.durable.jot(path, &bytes)).await
    }

    async fn shift(&self, from: &Key, to: &Key) -> Result<()> {
        let from = self.path(from);
        self.quick("keep", to, move |shelf, path| shelf.durable.shift(&from, path)).await
    }

    async fn settle(&self) -> Result<()> {
        let shelf = Arc::clone(&self.shelf);
        changed("settle", &Key::new("docker"), move || shelf.durable.settle().map_err(Failed::Unsynced)).await
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let (path, shelf) = (self.path(key), Arc::clone(&self.shelf));
        absent_is_fine(changed("delete", key, move || shelf.durable.remove(&path)).await)
    }

    async fn delete_all(&self, key: &Key) -> Result<()> {
        absent_is_fine(self.quick("delete", key, |shelf, path| shelf.durable.remove_all(path)).await)
    }

    async fn prune(&self, key: &Key, top: &Key) -> Result<()> {
        let top = self.path(top);
        self.quick("delete", key, move |shelf, path| shelf.durable.prune(path, &top)).await
    }

    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        let (from, again) = (after.map(str::to_owned), after.map(str::to_owned));
        let list = move |shelf: &Shelf, path: &Path| shelf.listings.list_quickly(path, from.as_deref(), limit);
        let listed = match self.quick("list", key, list).await {
            Ok(None) => {
                let (path, shelf) = (self.path(key), Arc::clone(&self.shelf));
                blocking("list", key, move || shelf.listings.list(&path, again.as_deref(), limit)).await
            }
            quick => quick.map(Option::unwrap_or_default),
        };
        match listed {
            Err(error) if error.is_not_found() => Ok(Vec::new()),
            other => other,
        }
    }

    async fn leads_nowhere(&self, key: &Key) -> Result<Option<String>> {
        let (path, shelf) = (self.path(key), Arc::clone(&self.shelf));
        match blocking("list", key, move || shelf.listings.leads_nowhere(&path)).await {
            Err(error) if error.is_not_found() => Ok(None),
            found => found,
        }
    }

    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>> {
        let opened = self.quick("write", key, move |shelf, path| shelf.open_stage(path, offset)).await?;
        let file = opened.map_err(|size| StorageError::Short { key: key.clone(), size, offset })?;
        Ok(Box::new(stage::GrowingFile {
            key: key.clone(),
            path: self.path(key),
            file: Arc::new(file),
            shelf: Arc::clone(&self.shelf),
            lately: 0,
        }))
    }

    async fn make_room(&self) -> Result<bool> {
        let reserve = Arc::clone(&self.reserve);
        self.quick("delete", &Key::new("wharf"), move |_, _| reserve.give_up()).await
    }

    async fn set_room_aside(&self) -> Result<()> {
        let reserve = Arc::clone(&self.reserve);
        let set_aside = move |_: &Shelf, _: &Path| {
            reserve.set_aside();
            Ok(())
        };
        self.quick("write", &Key::new("wharf"), set_aside).await
    }

    async fn is_shared(&self) -> Result<bool> {
        let lock = Arc::clone(&self.lock);
        self.quick("look at", &Key::new("wharf"), move |_, _| lock.is_shared()).await
    }

    async fn check(&self) -> Result<()> {
        let root = self.root.clone();
        // Every other error names a key; this one is about what all keys are below.
        let said = move |error: io::Error| io::Error::other(format!("{}: {error}", root.display()));
        let root = self.root.clone();
        blocking("read", &Key::new("docker"), move || std::fs::read_dir(&root).map(drop).map_err(said)).await
    }
}

impl Change {
    fn key(&self) -> &Key {
        match self {
            Change::Put(key, _)
            | Change::Renew(key, _)
            | Change::Move(_, key)
            | Change::Settle(key)
            | Change::Keep(key, _)
            | Change::Rename(key, _)
            | Change::Remove(key) => key,
        }
    }
}

impl Shelf {
    /// Opens a plain file; a directory, a socket and the like are not objects.
    fn open_object(&self, path: &Path) -> io::Result<(File, u64)> {
        let file = self.disk.open(path)?;
        let metadata = file.metadata()?;
        if metadata.is_file() { Ok((file, metadata.len())) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Opens a file to write at an offset; its length if that ends before.
    fn open_stage(&self, path: &Path, offset: u64) -> io::Result<std::result::Result<File, u64>> {
        let file = match self.disk.open_end(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && offset == 0 => {
                // An upload's directories need not survive a power cut before it is moved away.
                self.durable.make_parents(path)?;
                self.disk.create(path)?
            }
            opened => opened?,
        };
        let metadata = file.metadata()?;
        self.durable.saw(&metadata);
        if metadata.len() < offset {
            return Ok(Err(metadata.len()));
        }
        if metadata.len() > offset {
            self.disk.truncate(&file, path, offset)?;
        }
        Ok(Ok(file))
    }
}

/// Makes a change that waits for the disk.
async fn changed(
    action: &'static str,
    key: &Key,
    change: impl FnOnce() -> std::result::Result<(), Failed> + Send + 'static,
) -> Result<()> {
    let changed = tokio::task::spawn_blocking(change).await;
    changed.unwrap_or_else(|error| Err(Failed::Before(io::Error::other(error)))).map_err(|failed| match failed {
        Failed::Before(source) => StorageError::from_io(action, key, source),
        Failed::Unsynced(source) => StorageError::Unsynced { key: key.clone(), source },
    })
}

fn absent_is_fine(result: Result<()>) -> Result<()> {
    match result {
        Err(error) if error.is_not_found() => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod listing_tests;
#[cfg(test)]
mod tests;
