//! Some room that is set aside, so that on a full disk things can still be removed: before anything goes, it is written down
//! what that is.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// How much, in bytes: what a few hundred deletions are written down with.
const LENGTH: u64 = 1024 * 1024;

/// The room that is set aside.
#[derive(Debug)]
pub(super) struct Reserve(PathBuf);

impl Reserve {
    pub(super) fn of(root: &Path) -> Reserve {
        Reserve(root.join("wharf/reserve"))
    }

    /// Sets it aside, if there is room for it and the file system can. Nothing depends on it while the disk is not full.
    pub(super) fn set_aside(&self) {
        let set_aside = || {
            let file = File::create_new(&self.0)?;
            fallocate(&file, FallocateFlags::empty(), 0, LENGTH).map_err(io::Error::from)
        };
        match set_aside() {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => drop(fs::remove_file(&self.0)),
            _ => {}
        }
    }

    /// Gives it up; whether there was any.
    pub(super) fn give_up(&self) -> io::Result<bool> {
        match fs::remove_file(&self.0) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
