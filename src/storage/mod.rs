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
#[cfg(test)]
pub(crate) use filesystem::{Call, Watch};
pub use filesystem::{Filesystem, OpenError};
pub use key::Key;

/// Where the bytes are; `config` fills it in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory that holds `docker/registry/v2` (`storage.filesystem.rootdirectory`).
    pub root: PathBuf,
    /// What survives a power cut, and from when on (`storage.filesystem.durability`).
    pub durability: Durability,
}

impl Settings {
    /// A directory, with what else is usual.
    pub fn of(root: impl Into<PathBuf>) -> Settings {
        Settings { root: root.into(), durability: Durability::default() }
    }
}

/// What survives a power cut, and from when on. The end of the program alone, however sudden, takes nothing that was
/// acknowledged, whatever is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Each blob alone, too, as soon as it is acknowledged.
    Full,
    /// A manifest and a tag with everything that they refer to, as soon as they are acknowledged. A blob alone may be gone
    /// until a moment later, and is then pushed again.
    #[default]
    Barrier,
    /// Nothing for certain, and what is there may be torn. For a volume that can be made anew.
    None,
}

/// A place that keeps bytes under keys.
///
/// What a method says has happened has happened for good: it survives a power cut, unless its sentence says otherwise.
#[async_trait]
pub trait Storage: Debug + Send + Sync + 'static {
    /// What survives a power cut, and from when on.
    fn durability(&self) -> Durability;

    /// All bytes of a small object (at most [`GET_MAX`]).
    async fn get(&self, key: &Key) -> Result<Bytes>;

    /// What is known of an object without reading it. A directory is not an object.
    async fn stat(&self, key: &Key) -> Result<Meta>;

    /// An object to read from. What was opened can be read to its end even if the key is replaced or deleted meanwhile.
    async fn open(&self, key: &Key) -> Result<Box<dyn Object>>;

    /// Keeps the bytes under the key, in place of what was there. Readers see the old or the new, never a part.
    async fn put(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.apply(vec![vec![Change::Put(key.clone(), bytes)]]).await
    }

    /// Makes changes in steps: every change of a step has happened for good before any of the next step can be seen. After
    /// an error, steps may be missing, the last ones first, and the step that failed may have happened in part; no single
    /// change ever does.
    async fn apply(&self, steps: Vec<Vec<Change>>) -> Result<()>;

    /// Keeps the bytes under the key without waiting until they survive a power cut: after one, the key may be absent or
    /// hold anything. For notes that are checked when they are read, and for what is settled later.
    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()>;

    /// Moves a staged object to another key, in place of what was there, in one step, without waiting until that survives a
    /// power cut: after one it may be at either key or at none, and hold anything. It is still staged.
    async fn shift(&self, from: &Key, to: &Key) -> Result<()>;

    /// Makes everything that was jotted before survive a power cut.
    async fn settle(&self) -> Result<()>;

    /// Removes an object. Removing what is not there is no error.
    async fn delete(&self, key: &Key) -> Result<()>;

    /// Removes the object and everything below the key, in no order, not at once and not for good. Removing what is not
    /// there is no error.
    async fn delete_all(&self, key: &Key) -> Result<()>;

    /// Removes what has nothing below it: the key, and then each one above it down to, and without, `top`. Whoever keeps
    /// something below one of them meanwhile makes it anew. Not for good, and not at once.
    async fn prune(&self, key: &Key, top: &Key) -> Result<()>;

    /// What is directly below the key, in the byte order of the names, from the first name behind `after`, at most
    /// `limit` entries. A key with nothing below it gives an empty list.
    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>>;

    /// A name directly below the key that [`Storage::list`] leaves out because it leads nowhere right now, though it was meant to
    /// lead somewhere: a link to a disk that is not mounted.
    async fn leads_nowhere(&self, _key: &Key) -> Result<Option<String>> {
        Ok(None)
    }

    /// Goes on writing an object that grows, at `offset`, which must not lie behind its end; what lies behind `offset`
    /// is dropped. At offset 0 it is created. What was appended survives the process but not a power cut until it is
    /// synced or moved.
    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>>;

    /// Gives up some room that was set aside, so that on a full disk things can be removed; whether there was any.
    async fn make_room(&self) -> Result<bool> {
        Ok(false)
    }

    /// Sets that room aside again, if there is enough.
    async fn set_room_aside(&self) -> Result<()> {
        Ok(())
    }

    /// Whether another process uses what is kept, as far as that can be known.
    async fn is_shared(&self) -> Result<bool> {
        Ok(false)
    }

    /// Tries whether what is kept can be reached right now.
    async fn check(&self) -> Result<()>;
}

/// The largest object that [`Storage::get`] returns, in bytes.
pub const GET_MAX: u64 = 16 * 1024 * 1024;

/// A change that survives a power cut when it has happened.
#[derive(Clone, Debug)]
pub enum Change {
    /// The key is to hold these bytes.
    Put(Key, Bytes),
    /// The same, and as of now: written anew, though the key holds these bytes.
    Renew(Key, Bytes),
    /// The staged object is to be moved from the first key to the second, in place of what is there.
    Move(Key, Key),
    /// What was jotted under the key, or moved there by somebody who still waits for that, is to stay.
    Settle(Key),
    /// These bytes, which were jotted under the key, are to stay. If a sync of them has failed, they are written anew.
    Keep(Key, Bytes),
    /// What is under the first key, and has survived a power cut if it had to, is to be under the second instead, where
    /// nothing is: an object, or all that is below the key. If nothing is under the first, it was moved before.
    Rename(Key, Key),
    /// Nothing is to be under the key. Not for what others are below.
    Remove(Key),
}

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

    /// The same, for who will not read them again: what the system had not in memory before is not kept there for their
    /// sake, in place of what others need.
    fn read_once(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        self.read(range)
    }
}

/// An object that grows at its end. Only one may be open for a key at a time; the caller sees to that.
#[async_trait]
pub trait Stage: Send + Sync {
    /// Writes the pieces behind what is there. After an error the object's length is unknown.
    ///
    /// `before` is done first, on the thread that writes: bytes that were just looked at are near at hand.
    async fn append(&mut self, pieces: Vec<Bytes>, before: Box<dyn FnOnce() + Send>) -> Result<()>;

    /// Makes what was appended survive a power cut.
    async fn sync(&mut self) -> Result<()>;
}
