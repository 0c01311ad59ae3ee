//! A file that grows while an upload arrives.

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::blocking;
use crate::storage::{Key, Result, Stage};

/// A file that is open at its end.
pub(super) struct GrowingFile {
    pub(super) key: Key,
    pub(super) file: Arc<File>,
}

#[async_trait]
impl Stage for GrowingFile {
    async fn append(&mut self, pieces: Vec<Bytes>) -> Result<()> {
        let file = Arc::clone(&self.file);
        blocking("write", &self.key, move || write_all(&file, &pieces)).await
    }

    async fn sync(&mut self) -> Result<()> {
        let file = Arc::clone(&self.file);
        blocking("sync", &self.key, move || file.sync_data()).await
    }
}

/// Writes all pieces with as few calls as the system allows.
fn write_all(mut file: &File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<IoSlice<'_>> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
