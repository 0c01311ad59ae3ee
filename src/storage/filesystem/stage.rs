//! A file that grows while an upload arrives.

use std::fs::File;
use std::io::{self, IoSlice};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::Shelf;
use super::durable::sync_stage;
use super::early::begin_to_write;
use super::lane::blocking;
use crate::storage::{Durability, Key, Result, Stage, StorageError};

/// So many bytes are hashed and written without a change of thread: a fraction of a millisecond, in which they stay in the
/// processor's cache.
const QUICK: usize = 512 * 1024;
/// After so many bytes the system begins to write them, so that the sync at the end finds little left to do. Small uploads
/// do without: whoever settles several of them does it for all at once.
const EARLY: u64 = 32 * 1024 * 1024;

/// A file that is open at its end.
pub(super) struct GrowingFile {
    pub(super) key: Key,
    pub(super) path: PathBuf,
    pub(super) file: Arc<File>,
    pub(super) shelf: Arc<Shelf>,
    /// How many bytes were written since the system was made to begin.
    pub(super) lately: u64,
}

#[async_trait]
impl Stage for GrowingFile {
    async fn append(&mut self, pieces: Vec<Bytes>, before: Box<dyn FnOnce() + Send>) -> Result<()> {
        let (file, path, shelf) = (Arc::clone(&self.file), self.path.clone(), Arc::clone(&self.shelf));
        let length: usize = pieces.iter().map(Bytes::len).sum();
        self.lately += length as u64;
        let early = self.lately >= EARLY && shelf.durability != Durability::None;
        if early {
            self.lately = 0;
        }
        let write = move || {
            before();
            let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
            shelf.disk.append(&file, &path, &mut slices)?;
            if early {
                begin_to_write(&file);
            }
            Ok::<_, io::Error>(())
        };
        match length <= QUICK {
            true => self.shelf.lane.quick("write", &self.key, write).await,
            false => blocking("write", &self.key, write).await,
        }
    }

    async fn sync(&mut self) -> Result<()> {
        let (file, path, shelf) = (Arc::clone(&self.file), self.path.clone(), Arc::clone(&self.shelf));
        let synced = tokio::task::spawn_blocking(move || sync_stage(&shelf.disk, shelf.durability, &file, &path)).await;
        let synced = synced.map_err(io::Error::other).and_then(|synced| synced);
        synced.map_err(|source| StorageError::Unsynced { key: self.key.clone(), source })
    }
}
