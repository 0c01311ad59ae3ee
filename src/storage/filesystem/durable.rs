//! The one way in which anything becomes visible on disk: written aside, synced, renamed, and the directory synced.
//! Nothing else in the program renames or creates a visible file.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Writes and moves files so that they survive a power cut.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// Directories that were made and whose entry in their parent is not synced yet.
    ///
    /// Two writers may need one new directory. The second finds it there while the first has not synced it yet; were it
    /// to sync only its own file, a power cut could take both. So whoever works below such a directory syncs its parent
    /// too. A directory leaves the set only after a sync that worked.
    fresh: Mutex<BTreeSet<PathBuf>>,
}

/// What is left to do before an entry of a directory is durable: these directories must be synced.
#[must_use]
pub(super) struct Pending(Vec<PathBuf>);

impl Durable {
    /// Replaces the file's content. A file that has this content already is left as it is, and made sure of.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if holds(path, bytes)
            && let Ok(file) = File::open(path)
        {
            // It may have become visible a moment ago, before its writer synced it.
            file.sync_data()?;
            let pending = self.make_parents(path)?;
            return self.settle(path, pending);
        }
        let pending = self.write_aside_and_rename(path, bytes, File::sync_data)?;
        self.settle(path, pending)
    }

    /// Replaces the file's content without waiting for the disk. Whether it survives a power cut is open.
    pub(super) fn jot(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let Pending(_) = self.write_aside_and_rename(path, bytes, |_| Ok(()))?;
        Ok(())
    }

    /// Syncs a finished file and moves it to its place.
    pub(super) fn promote(&self, from: &Path, to: &Path) -> io::Result<()> {
        File::open(from)?.sync_data()?;
        let pending = self.make_parents(to)?;
        match fs::rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy_over(from, to)?,
            renamed => renamed?,
        }
        self.settle(to, pending)
    }

    /// Moves a file to another file system, which an operator may have linked a part of the tree to.
    fn copy_over(&self, from: &Path, to: &Path) -> io::Result<()> {
        let aside = aside(to);
        let copied = fs::copy(from, &aside).and_then(|_| File::open(&aside)?.sync_data());
        let renamed = copied.and_then(|()| fs::rename(&aside, to));
        if renamed.is_err() {
            let _ = fs::remove_file(&aside);
        }
        renamed?;
        fs::remove_file(from)
    }

    /// Removes a file.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)?;
        sync_directory(parent(path))
    }

    /// Removes a directory and everything below it, without waiting for the disk.
    pub(super) fn remove_all(&self, path: &Path) -> io::Result<()> {
        let removed = fs::remove_dir_all(path);
        if removed.is_ok() {
            // What is gone waits for no sync. Nobody writes below a directory while it is removed.
            let mut fresh = self.fresh();
            // Paths are ordered by component, so what lies below one follows it.
            let below = fresh.range(path.to_owned()..).take_while(|made| made.starts_with(path));
            for made in below.cloned().collect::<Vec<_>>() {
                fresh.remove(&made);
            }
        }
        removed
    }

    /// How many directories wait for their sync.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.fresh().len()
    }

    fn write_aside_and_rename(
        &self,
        path: &Path,
        bytes: &[u8],
        sync: impl Fn(&File) -> io::Result<()>,
    ) -> io::Result<Pending> {
        let pending = self.make_parents(path)?;
        let aside = aside(path);
        let written = File::create_new(&aside).and_then(|mut file| {
            file.write_all(bytes)?;
            sync(&file)
        });
        let renamed = written.and_then(|()| fs::rename(&aside, path));
        if renamed.is_err() {
            // What is left behind is named so that nobody takes it for anything; removing it is only tidy.
            let _ = fs::remove_file(&aside);
        }
        renamed.map(|()| pending)
    }

    /// Makes the directories above `path` and says which syncs they wait for.
    ///
    /// A directory is noted before it is made, so whoever finds it there finds the note too.
    pub(super) fn make_parents(&self, path: &Path) -> io::Result<Pending> {
        let directory = parent(path);
        for missing in missing_above(directory) {
            self.fresh().insert(missing.clone());
            match fs::create_dir(&missing) {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists && missing.is_dir() => {}
                Err(error) => {
                    self.fresh().remove(&missing);
                    return Err(error);
                }
            }
        }
        let fresh = self.fresh();
        let noted = directory.ancestors().filter(|above| fresh.contains(*above));
        Ok(Pending(noted.map(Path::to_owned).collect()))
    }

    /// Syncs the entry of `path` in its directory, and those of the directories above that wait for it.
    fn settle(&self, path: &Path, Pending(made): Pending) -> io::Result<()> {
        sync_directory(parent(path))?;
        for directory in made {
            sync_directory(parent(&directory))?;
            self.fresh().remove(&directory);
        }
        Ok(())
    }

    /// Held for a moment, never while the disk is at work.
    fn fresh(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.fresh.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new name beside the target, so that both are on one file system even where a part of the tree is linked away.
fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!("{name}.{}.tmp", Uuid::new_v4()))
}

/// Whether the file is there with exactly these bytes.
fn holds(path: &Path, bytes: &[u8]) -> bool {
    let same_length =
        fs::metadata(path).is_ok_and(|meta| meta.is_file() && usize::try_from(meta.len()) == Ok(bytes.len()));
    same_length && fs::read(path).is_ok_and(|found| found == bytes)
}

/// The directories that have to be made, the outermost first.
fn missing_above(directory: &Path) -> Vec<PathBuf> {
    let mut missing: Vec<PathBuf> =
        directory.ancestors().take_while(|above| !above.is_dir()).map(Path::to_path_buf).collect();
    missing.reverse();
    missing
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
