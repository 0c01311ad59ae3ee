//! Removing files and directories, so that they stay removed when they have to.

use std::fs;
use std::io;
use std::path::Path;

use super::durable::{Durable, Failed, is_absent, parent};

impl Durable {
    /// Removes a file for good. If it is gone already, so it is for good, too.
    pub(super) fn remove(&self, path: &Path) -> Result<(), Failed> {
        self.remove_noted(path)?;
        self.unsynced.sync([parent(path).to_owned()]).map_err(Failed::Unsynced)
    }

    /// Removes a file. Its directory has to be synced even if it is gone already: whoever removed it may still wait for that.
    pub(super) fn remove_noted(&self, path: &Path) -> io::Result<()> {
        // Looked at first, so that nothing is noted, and then synced, for what never was.
        let removed = match self.disk.stat(path) {
            Err(error) if is_absent(&error) => Err(error),
            _ => {
                self.unsynced.replace(path, || self.unsynced.change_directory(parent(path), || self.disk.remove(path)))
            }
        };
        match removed {
            Err(error) if is_absent(&error) => Ok(()),
            removed => removed,
        }
    }

    /// Removes a directory if nothing is in it, and those above it in the same way, down to one that stays.
    pub(super) fn prune(&self, path: &Path, top: &Path) -> io::Result<()> {
        for directory in path.ancestors().take_while(|above| *above != top && above.starts_with(top)) {
            // Whoever makes it anew may be done before this is: then it waits for its sync as any other.
            match self.unsynced.replace(directory, || self.disk.remove_directory(directory)) {
                Ok(()) => {}
                Err(error) if is_absent(&error) => {}
                Err(error) if is_occupied(&error) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes a directory and everything below it, without waiting for the disk.
    pub(super) fn remove_all(&self, path: &Path) -> io::Result<()> {
        // A link to a directory is removed, not what it leads to.
        let is_directory = fs::symlink_metadata(path)?.is_dir();
        // What is gone waits for no sync.
        self.unsynced.replace_all(path, || match is_directory {
            true => self.remove_below(path),
            false => self.disk.remove(path),
        })
    }

    fn remove_below(&self, path: &Path) -> io::Result<()> {
        for entry in self.disk.list(path)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => self.remove_below(&entry.path())?,
                false => self.disk.remove(&entry.path())?,
            }
        }
        self.disk.remove_directory(path)
    }
}

/// Something is in the directory, or somebody has linked it there.
fn is_occupied(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory | io::ErrorKind::ResourceBusy
    )
}

#[cfg(test)]
#[path = "remove_tests.rs"]
mod tests;
