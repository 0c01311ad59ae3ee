//! Who has the volume: any number of servers together, or one that is alone with it.
//!
//! The lock is the system's own (`flock`) on a file that holds nothing, so it ends with the process, however that ends. Beside
//! it, those who share hold a lock on the file's bytes (`fcntl`), which the system tells others of when they ask.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, fcntl_lock, flock};
use rustix::process::{Flock, FlockType, fcntl_getlk};
use tracing::warn;

/// How the volume is had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hold {
    /// With others who share it.
    Shared,
    /// By nobody else.
    Alone,
}

/// The volume, had until this is dropped.
#[derive(Debug)]
pub(super) struct VolumeLock {
    locked: Option<File>,
}

impl VolumeLock {
    /// Where the lock is, in a volume.
    pub(super) fn path(root: &Path) -> PathBuf {
        root.join("wharf/lock")
    }

    /// Of a volume that is only read, and so in nobody's way.
    pub(super) fn none() -> VolumeLock {
        VolumeLock { locked: None }
    }

    /// Whether another process has the volume, too. Of one on a file system that knows no locks nobody can tell.
    pub(super) fn is_shared(&self) -> io::Result<bool> {
        let Some(file) = &self.locked else { return Ok(false) };
        Ok(fcntl_getlk(file, &Flock::from(FlockType::WriteLock))?.is_some())
    }

    /// Takes the volume, or fails with [`io::ErrorKind::WouldBlock`] if somebody has it in another way. Where the file
    /// system knows no locks, it can be shared and nobody can be sure to be alone.
    pub(super) fn take(root: &Path, hold: Hold) -> io::Result<VolumeLock> {
        let path = VolumeLock::path(root);
        let file = match File::options().create(true).truncate(false).read(true).write(true).open(&path) {
            // Another user's, from a start as that user; to lock it, it need not be written.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => File::open(&path)?,
            opened => opened?,
        };
        let operation = match hold {
            Hold::Shared => FlockOperation::NonBlockingLockShared,
            Hold::Alone => FlockOperation::NonBlockingLockExclusive,
        };
        match flock(&file, operation).map_err(io::Error::from) {
            Ok(()) => {
                // Where the system knows the one lock and not the other, those who share do not see each other.
                let _ = fcntl_lock(&file, FlockOperation::NonBlockingLockShared);
                Ok(VolumeLock { locked: Some(file) })
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock || hold == Hold::Alone => Err(error),
            Err(error) => {
                warn!(
                    path = %path.display(), %error,
                    "the volume cannot be locked; do not work on it with other commands while this server runs"
                );
                Ok(VolumeLock { locked: None })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::storage::{Filesystem, Settings};

    #[test]
    fn servers_share_a_volume_and_who_is_alone_shares_it_with_nobody() {
        let directory = tempfile::tempdir().unwrap();
        let settings = Settings::of(directory.path());
        let servers = [Filesystem::open(&settings).unwrap(), Filesystem::open(&settings).unwrap()];
        let refused = Filesystem::open_alone(&settings).unwrap_err();
        assert!(refused.is_held(), "{refused}");
        assert!(refused.to_string().contains("a server runs on it"), "{refused}");
        let [first, second] = servers;
        drop(first);
        assert!(Filesystem::open_alone(&settings).unwrap_err().is_held());
        drop(second);
        let alone = Filesystem::open_alone(&settings).unwrap();
        assert!(Filesystem::open(&settings).unwrap_err().is_held());
        assert!(Filesystem::open_alone(&settings).unwrap_err().is_held());
        drop(alone);
        assert!(Filesystem::open(&settings).is_ok());
    }

    #[test]
    fn a_volume_that_is_not_there_is_not_made_by_who_wants_it_alone() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("typo");
        let refused = Filesystem::open_alone(&Settings::of(&root)).unwrap_err();
        assert!(!refused.is_held(), "{refused}");
        assert!(!root.exists());
    }
}
