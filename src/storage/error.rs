//! How keeping bytes fails.

use std::io;

use super::Key;

/// The result of a storage call.
pub type Result<T> = std::result::Result<T, StorageError>;

/// Why a storage call failed.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// There is no object under the key.
    #[error("{0} is not there")]
    NotFound(Key),
    /// There is a link under the key that leads nowhere.
    #[error("{0} is a link that leads nowhere; if what it leads to is on another disk, is that mounted?")]
    LeadsNowhere(Key),
    /// The disk or the quota is full.
    #[error("no space left for {key}")]
    Full {
        /// What was to be kept.
        key: Key,
        /// What the system said.
        source: io::Error,
    },
    /// The object is too large for the call.
    #[error("{key} has {size} bytes, more than can be read at once")]
    TooLarge {
        /// The object.
        key: Key,
        /// Its length in bytes.
        size: u64,
    },
    /// The object ends before the offset at which writing was to go on.
    #[error("{key} has {size} bytes and cannot be continued at {offset}")]
    Short {
        /// The object.
        key: Key,
        /// Its length in bytes.
        size: u64,
        /// Where writing was to go on.
        offset: u64,
    },
    /// The bytes could not be made to survive a power cut. They count for nothing any more and have to be written anew.
    #[error("cannot sync {key}")]
    Unsynced {
        /// What was to be kept.
        key: Key,
        /// What the system said.
        source: io::Error,
    },
    /// Something else failed below.
    #[error("cannot {action} {key}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The object.
        key: Key,
        /// What the system said.
        source: io::Error,
    },
}

impl StorageError {
    /// Sorts what the system said into what callers treat differently.
    pub(super) fn from_io(action: &'static str, key: &Key, source: io::Error) -> StorageError {
        match source.kind() {
            // A symbolic link that leads to itself leads nowhere.
            _ if source.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                StorageError::NotFound(key.clone())
            }
            // A name below something that is a plain file is not there either.
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StorageError::NotFound(key.clone()),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                StorageError::Full { key: key.clone(), source }
            }
            _ => StorageError::Io { action, key: key.clone(), source },
        }
    }

    /// Whether the disk or the quota is full.
    pub fn is_full(&self) -> bool {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        match self {
            StorageError::Full { .. } => true,
            StorageError::Unsynced { source, .. } => full.contains(&source.kind()),
            _ => false,
        }
    }

    /// Whether it may work in a moment: the system was short of something other than room, or the bytes only have to be
    /// sent again.
    pub fn is_passing(&self) -> bool {
        use rustix::io::Errno;
        let passing =
            [Errno::MFILE, Errno::NFILE, Errno::NOMEM, Errno::AGAIN, Errno::BUSY, Errno::TIMEDOUT, Errno::NOBUFS];
        match self {
            StorageError::Unsynced { .. } => true,
            StorageError::Io { source, .. } => {
                passing.iter().any(|errno| source.raw_os_error() == Some(errno.raw_os_error()))
            }
            _ => false,
        }
    }

    /// Whether the system does not let us.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether the object is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, StorageError::NotFound(_))
    }
}
