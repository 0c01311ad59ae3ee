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

    /// Whether the system does not let us.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, StorageError::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }

    /// Whether the object is simply not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, StorageError::NotFound(_))
    }
}
