//! The one way in which anything becomes visible on disk: written aside, synced, renamed, and the directories synced.
//! Nothing else in the program renames or creates a visible file.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use uuid::Uuid;

use crate::storage::Durability;

use super::disk::Disk;
use super::unsynced::Unsynced;

/// Writes and moves files so that they survive a power cut, when they have to.
#[derive(Debug)]
pub(super) struct Durable {
    pub(super) disk: Disk,
    pub(super) unsynced: Unsynced,
    root: PathBuf,
    pub(super) durability: Durability,
}

/// A file up to this many bytes is synced together with others.
const SHORT: u64 = 1024 * 1024;

/// Something that is to become durable.
#[derive(Debug)]
pub(super) enum Change {
    /// The file is to have these bytes.
    Put(PathBuf, Bytes),
    /// The file is to have these bytes, and the present for its time.
    Renew(PathBuf, Bytes),
    /// The first is to be moved to the second.
    Move(PathBuf, PathBuf),
    /// What is there already.
    Settle(PathBuf),
    /// What is there already, with these bytes, unless a sync of them has failed.
    Keep(PathBuf, Bytes),
    /// What is at the first, and durable, is to be at the second.
    Rename(PathBuf, PathBuf),
    /// Nothing is to be there.
    Remove(PathBuf),
}

/// A change of which only the last step is left.
#[derive(Debug)]
enum Prepared {
    /// The first is to be renamed to the second. If that does not come to pass, the first is removed.
    Aside(PathBuf, PathBuf),
    /// The first is to be renamed to the second.
    Staged(PathBuf, PathBuf),
    /// It is there.
    There(PathBuf),
    /// The first is to be renamed to the second, and both directories to be synced.
    Elsewhere(PathBuf, PathBuf),
    /// It is to be removed.
    Gone(PathBuf),
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Failed {
    /// Something before its sync.
    Before(io::Error),
    /// Its sync.
    Unsynced(io::Error),
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Failed {
        Failed::Before(error)
    }
}

impl Durable {
    pub(super) fn new(disk: &Disk, root: &Path, durability: Durability) -> io::Result<Durable> {
        let unsynced = Unsynced::of(disk, root, durability)?;
        Ok(Durable { disk: disk.clone(), unsynced, root: root.to_owned(), durability })
    }

    /// Makes changes in steps: what a step changes survives a power cut before anything of the next step can be seen.
    ///
    /// The bytes of all steps are synced together before the first, so each step then costs the sync of its directories.
    pub(super) fn apply(&self, steps: Vec<Vec<Change>>) -> Result<(), Failed> {
        let mut prepared: Vec<Vec<Prepared>> = Vec::with_capacity(steps.len());
        let mut bytes = Vec::new();
        let done = self.prepare(steps, &mut prepared, &mut bytes).and_then(|()| {
            self.unsynced.sync(bytes).map_err(Failed::Unsynced)?;
            prepared.iter_mut().try_for_each(|step| self.finish(step))
        });
        if done.is_err() {
            for change in prepared.iter().flatten() {
                if let Prepared::Aside(aside, _) = change {
                    self.drop_aside(aside);
                }
            }
        }
        done
    }

    fn prepare(
        &self,
        steps: Vec<Vec<Change>>,
        prepared: &mut Vec<Vec<Prepared>>,
        bytes: &mut Vec<PathBuf>,
    ) -> Result<(), Failed> {
        for step in steps {
            let mut ready = Vec::with_capacity(step.len());
            let tried: Result<(), Failed> = step.into_iter().try_for_each(|change| {
                let change = self.prepare_one(change)?;
                match &change {
                    Prepared::Aside(path, _) | Prepared::Staged(path, _) | Prepared::There(path) => {
                        bytes.push(path.clone());
                    }
                    Prepared::Elsewhere(..) | Prepared::Gone(_) => {}
                }
                ready.push(change);
                Ok(())
            });
            prepared.push(ready);
            tried?;
        }
        Ok(())
    }

    fn prepare_one(&self, change: Change) -> Result<Prepared, Failed> {
        match change {
            Change::Put(path, bytes) => {
                if !self.unsynced.is_lost(&path) && self.holds(&path, &bytes) {
                    return Ok(Prepared::There(path));
                }
                Ok(Prepared::Aside(self.write_aside(&path, &bytes)?, path))
            }
            Change::Renew(path, bytes) => Ok(Prepared::Aside(self.write_aside(&path, &bytes)?, path)),
            Change::Move(from, to) => {
                match self.sync_staged(&from) {
                    // A change that was made in part and is made again.
                    Err(Failed::Before(error)) if is_absent(&error) && self.disk.stat(&to).is_ok() => {
                        Ok(Prepared::There(to))
                    }
                    synced => synced.map(|()| Prepared::Staged(from, to)),
                }
            }
            Change::Keep(path, bytes) if self.unsynced.is_lost(&path) => {
                Ok(Prepared::Aside(self.write_aside(&path, &bytes)?, path))
            }
            Change::Settle(path) | Change::Keep(path, _) => Ok(Prepared::There(path)),
            Change::Rename(from, to) => Ok(Prepared::Elsewhere(from, to)),
            Change::Remove(path) => Ok(Prepared::Gone(path)),
        }
    }

    /// Sees to it that a staged file's bytes, which nobody has noted, are synced. A long file is synced at once, so that
    /// nobody who shares a round has to wait for it.
    fn sync_staged(&self, path: &Path) -> Result<(), Failed> {
        let file = self.disk.open(path)?;
        let metadata = file.metadata()?;
        self.unsynced.saw(&metadata);
        if metadata.len() <= SHORT {
            self.unsynced.note_file(path);
            return Ok(());
        }
        sync_stage(&self.disk, self.durability, &file, path).map_err(Failed::Unsynced)
    }

    /// Makes the changes of a step visible and waits until they survive.
    fn finish(&self, step: &mut [Prepared]) -> Result<(), Failed> {
        let mut directories = BTreeSet::new();
        for change in &mut *step {
            let path = match change {
                Prepared::There(path) => path.clone(),
                Prepared::Gone(path) => {
                    self.remove_noted(path)?;
                    directories.insert(parent(path).to_owned());
                    continue;
                }
                Prepared::Elsewhere(from, to) => {
                    self.move_away(from, to)?;
                    directories.insert(parent(from).to_owned());
                    to.clone()
                }
                Prepared::Aside(from, to) | Prepared::Staged(from, to) => {
                    self.make_visible(from, to)?;
                    to.clone()
                }
            };
            *change = Prepared::There(path.clone());
            directories.extend(self.above(&path));
        }
        self.unsynced.sync(directories).map_err(Failed::Unsynced)
    }

    /// The directories in which the path has to be found, from the root on.
    pub(super) fn above(&self, path: &Path) -> impl Iterator<Item = PathBuf> {
        let inside = path.ancestors().skip(1).take_while(|above| above.starts_with(&self.root));
        inside.map(Path::to_owned).collect::<Vec<_>>().into_iter()
    }

    /// Renames what is whole and synced.
    fn make_visible(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unsynced.replace(to, || match self.rename(from, to) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.copy_over(from, to),
            moved => moved,
        })
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unsynced.change_directory(parent(to), || match self.disk.rename(from, to) {
            Err(error) if is_absent(&error) => {
                self.make_parents(to)?;
                self.disk.rename(from, to)
            }
            renamed => renamed,
        })
    }

    /// Replaces the file's content without waiting for the disk. Whether it survives a power cut is open until it is
    /// settled.
    pub(super) fn jot(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if !self.unsynced.is_lost(path) && self.holds(path, bytes) {
            // It may have been settled long ago, and must not depend on a copy that may not survive.
            return Ok(());
        }
        let aside = self.write_aside(path, bytes)?;
        if let Err(error) = self.unsynced.change_file(path, || self.rename(&aside, path)) {
            self.drop_aside(&aside);
            return Err(error);
        }
        self.unsynced.forget(&aside);
        Ok(())
    }

    /// Moves a file without waiting for the disk. Its bytes are synced when it is moved on for good: a long one must not
    /// keep others waiting who share a round.
    pub(super) fn shift(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.unsynced.replace(to, || self.rename(from, to))
    }

    /// Moves a file or a directory with all that is below it. What is not there was moved before.
    fn move_away(&self, from: &Path, to: &Path) -> Result<(), Failed> {
        let is_directory = match self.disk.stat(from) {
            Ok(found) => found.is_dir(),
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        self.make_parents(to)?;
        match self.rename_all(from, to, is_directory) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => self.move_across(from, to, is_directory),
            moved => Ok(moved?),
        }
    }

    /// Renames a file or a directory with all that is below it. What waited for a sync below the old name has no name there
    /// any more; it is found below the new one.
    pub(super) fn rename_all(&self, from: &Path, to: &Path, is_directory: bool) -> io::Result<()> {
        let rename = || match is_directory {
            true => self.disk.rename_directory(from, to),
            false => self.disk.rename(from, to),
        };
        let both =
            || self.unsynced.change_directory(parent(to), || self.unsynced.change_directory(parent(from), rename));
        self.unsynced.replace_all(from, both)
    }

    /// Makes everything survive that does not yet.
    pub(super) fn settle(&self) -> io::Result<()> {
        self.unsynced.sync_everything()
    }

    /// Something that is written to was seen.
    pub(super) fn saw(&self, metadata: &Metadata) {
        self.unsynced.saw(metadata);
    }

    /// How many files and directories wait for their sync.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.unsynced.all_noted().len()
    }

    /// Writes a new file beside the target.
    fn write_aside(&self, path: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
        let aside = aside(path);
        let written = self.unsynced.change_file(&aside, || {
            let file = match self.disk.create(&aside) {
                Err(error) if is_absent(&error) => {
                    self.make_parents(path)?;
                    self.disk.create(&aside)?
                }
                created => created?,
            };
            self.unsynced.saw(&file.metadata()?);
            self.disk.append(&file, &aside, &mut [IoSlice::new(bytes)])
        });
        if let Err(error) = written {
            self.drop_aside(&aside);
            return Err(error);
        }
        Ok(aside)
    }

    /// What is left behind is named so that nobody takes it for anything; removing it is only tidy.
    pub(super) fn drop_aside(&self, aside: &Path) {
        let _ = self.disk.remove(aside);
        self.unsynced.forget(aside);
    }

    /// Makes the directories above `path`.
    ///
    /// Two writers may need one new directory. The second finds it there while the first has not synced it yet; were it to
    /// sync only its own file, a power cut could take both. So the directory above is noted before the new one is made.
    pub(super) fn make_parents(&self, path: &Path) -> io::Result<()> {
        let directory = parent(path);
        match self.disk.stat(directory) {
            Ok(found) => {
                self.unsynced.saw(&found);
                return Ok(());
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(error),
        }
        let above = parent(directory);
        let made = self.unsynced.change_directory(above, || match self.disk.make_directory(directory) {
            Err(error) if is_absent(&error) && above != directory => {
                self.make_parents(directory)?;
                self.disk.make_directory(directory)
            }
            made => made,
        });
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            made => made,
        }
    }

    /// Whether the file is there with exactly these bytes.
    fn holds(&self, path: &Path, bytes: &[u8]) -> bool {
        let same_length =
            self.disk.stat(path).is_ok_and(|meta| meta.is_file() && usize::try_from(meta.len()) == Ok(bytes.len()));
        same_length && fs::read(path).is_ok_and(|found| found == bytes)
    }
}

/// A new name beside the target, so that both are on one file system even where a part of the tree is linked away.
pub(super) fn aside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!("{name}.{}.tmp", Uuid::new_v4()))
}

pub(super) fn is_absent(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

pub(super) fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(path)
}

/// The bytes of an open file, which were not noted, are made to survive.
pub(super) fn sync_stage(disk: &Disk, durability: Durability, file: &File, path: &Path) -> io::Result<()> {
    match durability {
        Durability::None => Ok(()),
        Durability::Barrier | Durability::Full => disk.sync_file(file, path),
    }
}
