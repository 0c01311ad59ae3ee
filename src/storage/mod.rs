//! Bytes under keys: what the registry asks of a place to keep things. Knows nothing of OCI.
//!
//! One implementation so far, [`Filesystem`]; the trait is shaped so that an object store can be another.

mod error;
mod filesystem;
mod key;

use std::fmt::Debug;
use std::ops::Range;
use std::path::PathBuf;
use std::time::SystemTime;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

pub use error::{Result, StorageError};
pub use filesystem::{Filesystem, OpenError};
pub use key::Key;

/// Where the bytes are; `config` fills it in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory that holds `docker/registry/v2` (`storage.filesystem.rootdirectory`).
    pub root: PathBuf,
}

/// A place that keeps bytes under keys.
///
/// What a method says has happened has happened for good: it survives a power cut, unless its sentence says otherwise.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// All bytes of a small object (at most [`GET_MAX`]).
    async fn get(&self, key: &Key) -> Result<Bytes>;

    /// What is known of an object without reading it. A directory is not an object.
    async fn stat(&self, key: &Key) -> Result<Meta>;

    /// An object to read from. What was opened can be read to its end even if the key is replaced or deleted meanwhile.
    async fn open(&self, key: &Key) -> Result<Box<dyn Object>>;

    /// Keeps the bytes under the key, in place of what was there. Readers see the old or the new, never a part.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<()>;

    /// Keeps the bytes under the key without waiting until they survive a power cut: after one, the key may be absent or
    /// hold anything. For notes that are checked when they are read.
    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()>;

    /// Removes an object. Removing what is not there is no error.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Removes everything below the key, in no order and not at once. Removing what is not there is no error.
    async fn delete_all(&self, key: &Key) -> Result<()>;

    /// What is directly below the key, in the byte order of the names, from the first name behind `after`, at most
    /// `limit` entries. A key with nothing below it gives an empty list.
    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>>;

    /// Goes on writing an object that grows, at `offset`, which must not lie behind its end; what lies behind `offset`
    /// is dropped. At offset 0 it is created. What was appended survives the process but not a power cut until it is
    /// promoted.
    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>>;

    /// Makes a staged object durable and moves it to `to`, in place of what was there, in one step.
    async fn promote(&self, staged: &Key, to: &Key) -> Result<()>;

    /// Tries whether what is kept can be reached right now.
    async fn check(&self) -> Result<()>;
}

/// The largest object that [`Storage::get`] returns, in bytes.
pub const GET_MAX: u64 = 16 * 1024 * 1024;

/// What is known of an object without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, if the storage knows.
    pub modified: Option<SystemTime>,
}

/// Something directly below a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The last component of its key.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What stands directly below a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Bytes.
    Object,
    /// A component with more below it.
    Directory,
}

/// An object that is open for reading.
pub trait Object: Send + Sync {
    /// Its length in bytes.
    fn size(&self) -> u64;

    /// The bytes of a range that lies within the object, in pieces.
    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>>;
}

/// An object that grows at its end. Only one may be open for a key at a time; the caller sees to that.
#[async_trait]
pub trait Stage: Send {
    /// Writes the pieces behind what is there. After an error the object's length is unknown.
    async fn append(&mut self, pieces: Vec<Bytes>) -> Result<()>;

    /// Makes what was appended survive a power cut.
    async fn sync(&mut self) -> Result<()>;
}
