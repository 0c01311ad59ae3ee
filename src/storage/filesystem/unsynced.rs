//! What on disk would not survive a power cut yet, and how it comes to.
//!
//! A path that is noted is a file whose bytes, or a directory whose entries, are not synced.

use std::collections::BTreeSet;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::storage::Durability;

use super::disk::Disk;
use super::early::begin_to_write;
use super::shared::{Kind, Outcome, Shared};

/// How many files and directories are open at once to be synced.
const OPEN_AT_ONCE: usize = 64;
/// How often, and how long after one another, it is tried to open one when the system is short of descriptors.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(50);
/// From so many syncs on, one of the whole file system is less work, if little else waits to be written.
const WORTH_EVERYTHING: usize = 4;
/// That much, in KiB.
const LITTLE: u64 = 8 * 1024;

/// The files and directories that are not synced.
#[derive(Debug)]
pub(super) struct Unsynced {
    disk: Disk,
    /// Whether anything is to survive a power cut.
    wanted: bool,
    shared: Shared<PathBuf>,
    root: File,
    device: u64,
    /// Whether one sync can stand for all: the file system makes everything durable and says so if it could not, all that
    /// we wrote is on it, and it has not failed before.
    as_a_whole: AtomicBool,
}

impl Unsynced {
    pub(super) fn of(disk: &Disk, root: &Path, durability: Durability) -> io::Result<Unsynced> {
        let directory = File::open(root)?;
        let device = directory.metadata()?.dev();
        let as_a_whole = AtomicBool::new(syncs_as_a_whole(&directory));
        let wanted = durability != Durability::None;
        Ok(Unsynced { disk: disk.clone(), wanted, shared: Shared::new(), root: directory, device, as_a_whole })
    }

    /// A file's bytes were written, which nobody has noted.
    pub(super) fn note_file(&self, path: &Path) {
        if self.wanted {
            self.shared.note(path.to_owned(), Kind::Data);
        }
    }

    /// Writes a file's bytes, or puts a file with others in its place.
    pub(super) fn change_file<T>(&self, path: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.change(path, Kind::Data, change)
    }

    /// Makes or moves an entry directly below a directory.
    pub(super) fn change_directory<T>(&self, path: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.change(path, Kind::Directory, change)
    }

    /// Puts a file in the place of another, whose bytes are synced or will be wherever it is moved from there, or removes a
    /// file or an empty directory.
    pub(super) fn replace<T>(&self, path: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.shared.replace(&path.to_owned(), |noted| noted == path, change)
    }

    /// Removes something, or moves it away, with all that is below it.
    pub(super) fn replace_all<T>(&self, path: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        // In the order of paths, what is below a directory follows it.
        self.shared.replace(&path.to_owned(), |noted| noted.starts_with(path), change)
    }

    fn change<T>(&self, path: &Path, kind: Kind, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.wanted { self.shared.change(path.to_owned(), kind, change) } else { change() }
    }

    /// Something that we write to or below was seen: is it where the root is?
    pub(super) fn saw(&self, metadata: &Metadata) {
        if metadata.dev() != self.device {
            self.as_a_whole.store(false, Ordering::Relaxed);
        }
    }

    /// Whether a file's bytes could not be synced and were not written anew.
    pub(super) fn is_lost(&self, path: &Path) -> bool {
        self.shared.is_lost(&path.to_owned())
    }

    /// A file is gone whose name nobody else has.
    pub(super) fn forget(&self, path: &Path) {
        self.shared.forget_one(&path.to_owned());
    }

    #[cfg(test)]
    pub(super) fn all_noted(&self) -> Vec<PathBuf> {
        self.shared.noted()
    }

    /// Makes everything survive a power cut that does not yet.
    pub(super) fn sync_everything(&self) -> io::Result<()> {
        self.sync(self.shared.noted())
    }

    /// Makes these survive a power cut, as far as they do not yet. Others who wait for theirs share the work.
    pub(super) fn sync(&self, paths: impl IntoIterator<Item = PathBuf>) -> io::Result<()> {
        self.shared.sync(paths, |round| {
            if round.len() >= WORTH_EVERYTHING && self.as_a_whole.load(Ordering::Relaxed) && self.little_waits() {
                match self.disk.sync_all(&self.root) {
                    Ok(()) => return Outcome::Everything,
                    // It does not say what failed, and says it once. From now on each is asked for itself.
                    Err(_) => self.as_a_whole.store(false, Ordering::Relaxed),
                }
            }
            Outcome::AllBut(self.sync_each(round))
        })
    }

    fn little_waits(&self) -> bool {
        self.disk.waits_to_be_written().is_some_and(|kib| kib <= LITTLE)
    }

    /// Syncs each; returns those that could not be.
    fn sync_each(&self, paths: &BTreeSet<PathBuf>) -> Vec<(PathBuf, io::Error)> {
        let paths: Vec<&PathBuf> = paths.iter().collect();
        let mut failed = Vec::new();
        for some in paths.chunks(OPEN_AT_ONCE) {
            // Writing all of them begins before the first is waited for, so that one commit of the file system has all.
            let opened: Vec<(&PathBuf, io::Result<Option<File>>)> =
                some.iter().map(|path| (*path, self.open_to_sync(path))).collect();
            let sync = |path: &PathBuf, opened: io::Result<Option<File>>| match opened? {
                Some(file) if file.metadata()?.is_dir() => self.disk.sync_directory(&file, path),
                Some(file) => self.disk.sync_file(&file, path),
                None => Ok(()),
            };
            let synced = opened.into_iter().map(|(path, opened)| (path, sync(path, opened)));
            failed.extend(synced.filter_map(|(path, synced)| Some((path.clone(), synced.err()?))));
        }
        failed
    }

    /// Opens what is to be synced and begins to write it; none if it is gone meanwhile.
    fn open_to_sync(&self, path: &Path) -> io::Result<Option<File>> {
        let mut opened = self.disk.open(path);
        // Being short of descriptors is not a reason to give up what was pushed; they come back.
        for _ in 0..TRIES {
            if !opened.as_ref().is_err_and(is_shortage) {
                break;
            }
            std::thread::sleep(PAUSE);
            opened = self.disk.open(path);
        }
        match opened {
            Ok(file) => {
                begin_to_write(&file);
                Ok(Some(file))
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// File systems on which syncfs(2) makes everything durable. Others, such as those of FUSE, may not hear of it.
#[cfg(target_os = "linux")]
fn syncs_as_a_whole(root: &File) -> bool {
    // linux/magic.h: ext2 to ext4, XFS, Btrfs, F2FS, tmpfs.
    const KNOWN: [u32; 5] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x0102_1994];
    // Before Linux 5.8 it does not say when bytes could not be written.
    let uname = rustix::system::uname();
    let mut version = uname.release().to_str().unwrap_or_default().split(['.', '-']).map(str::parse::<u32>);
    let version = (version.next().and_then(Result::ok), version.next().and_then(Result::ok));
    let says_errors = version >= (Some(5), Some(8));
    let known =
        rustix::fs::fstatfs(root).is_ok_and(|is| KNOWN.iter().any(|known| i128::from(*known) == i128::from(is.f_type)));
    says_errors && known
}

#[cfg(not(target_os = "linux"))]
fn syncs_as_a_whole(_: &File) -> bool {
    false
}

fn is_shortage(error: &io::Error) -> bool {
    use rustix::io::Errno;
    [Errno::MFILE, Errno::NFILE].iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}
