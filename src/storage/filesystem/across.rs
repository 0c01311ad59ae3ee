//! Moving to another file system, which an operator may have linked a part of the tree to: what cannot be renamed is copied.

use std::io;
use std::path::Path;

use crate::storage::Durability;

use super::durable::{Durable, Failed, aside, parent, sync_stage};

impl Durable {
    /// Moves a file that nobody relies on yet.
    pub(super) fn copy_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let aside = aside(to);
        if let Err(error) = self.copy(from, &aside).and_then(|()| self.rename(&aside, to)) {
            self.drop_aside(&aside);
            return Err(error);
        }
        self.disk.remove(from)
    }

    /// Moves a file, or a directory with all that is below it. The copy survives a power cut before anything of what was
    /// copied goes, and nobody sees a part of either.
    pub(super) fn move_across(&self, from: &Path, to: &Path, is_directory: bool) -> Result<(), Failed> {
        self.unsynced.saw(&self.disk.stat(parent(from))?);
        let copy = aside(to);
        let copied = match is_directory {
            true => self.copy_all(from, &copy),
            false => self.copy(from, &copy),
        };
        if let Err(error) = copied.and_then(|()| self.rename_all(&copy, to, is_directory)) {
            let _ = self.remove_all(&copy);
            return Err(error.into());
        }
        self.unsynced.sync(self.above(to)).map_err(Failed::Unsynced)?;
        if !is_directory {
            return Ok(self.remove_noted(from)?);
        }
        // What is below it goes piece by piece, so it gets another name before.
        let leaving = aside(from);
        self.rename_all(from, &leaving, true)?;
        self.unsynced.sync([parent(from).to_owned()]).map_err(Failed::Unsynced)?;
        // What is left is named so that nobody takes it for anything.
        let _ = self.remove_all(&leaving);
        Ok(())
    }

    /// Copies a directory with all that is below it to where nothing is.
    fn copy_all(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.make_directory(to)?;
        for entry in self.disk.list(from)? {
            let entry = entry?;
            let (kind, from, to) = (entry.file_type()?, entry.path(), to.join(entry.file_name()));
            match (kind.is_dir(), kind.is_file()) {
                (true, _) => self.copy_all(&from, &to)?,
                (_, true) => self.copy(&from, &to)?,
                _ => {
                    return Err(io::Error::other(format!(
                        "{} is neither a file nor a directory, so what it is in cannot be moved to another file system; move \
                         it out of the way",
                        from.display()
                    )));
                }
            }
        }
        match self.durability {
            Durability::None => Ok(()),
            Durability::Barrier | Durability::Full => self.disk.sync_directory(&self.disk.open(to)?, to),
        }
    }

    /// Copies a file to where nothing is, with the time at which it was written, and syncs it.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut source = self.disk.open(from)?;
        let file = self.disk.create(to)?;
        self.unsynced.saw(&file.metadata()?);
        io::copy(&mut source, &mut &file)?;
        file.set_modified(source.metadata()?.modified()?)?;
        sync_stage(&self.disk, self.durability, &file, to)
    }
}

#[cfg(test)]
#[path = "across_tests.rs"]
mod tests;
