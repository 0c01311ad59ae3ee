//! The calls to the operating system that keep bytes and read them, in one place: what is known of directories learns of each
//! that changes them, and a test can stand between, record them and replay what a power cut leaves, or make any of them fail.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rustix::fs::{Mode, OFlags};

use super::known::{Known, Reading, Recalled};
use super::names::Seen;

/// A call that is about to be made.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(test), expect(dead_code, reason = "only a watch, which is a test, reads what a call is about"))]
pub(crate) enum Call<'a> {
    /// Opens a file or a directory, to read or to sync it.
    Open(&'a Path),
    Stat(&'a Path),
    List(&'a Path),
    Read(&'a Path),
    MakeDirectory(&'a Path),
    /// Makes a new file.
    Create(&'a Path),
    /// Writes behind the end of a file.
    Append(&'a Path, &'a [IoSlice<'a>]),
    Truncate(&'a Path, u64),
    Rename(&'a Path, &'a Path),
    Remove(&'a Path),
    RemoveDirectory(&'a Path),
    /// Makes what a file holds survive a power cut.
    SyncFile(&'a Path),
    /// Makes what was made, moved or removed directly below a directory survive a power cut.
    SyncDirectory(&'a Path),
    /// Makes everything survive a power cut.
    SyncAll,
}

/// Somebody who is told of each call before it is made, and may make it fail instead.
pub(crate) trait Watch: std::fmt::Debug + Send + Sync {
    /// An error is returned as if the system had said so.
    fn before(&self, call: Call<'_>) -> io::Result<()>;

    /// How many of so many bytes the system writes at once.
    fn writes(&self, length: usize) -> usize {
        length
    }

    /// How much waits to be written, in KiB, if it is not for the system to say.
    fn waits_to_be_written(&self) -> Option<u64> {
        None
    }
}

/// The operating system.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    watch: Option<Arc<dyn Watch>>,
    known: Arc<Known>,
}

impl Default for Disk {
    fn default() -> Disk {
        Disk { watch: None, known: Arc::new(Known::new()) }
    }
}

impl Disk {
    #[cfg(test)]
    pub(crate) fn watched(watch: Arc<dyn Watch>) -> Disk {
        Disk { watch: Some(watch), ..Disk::default() }
    }

    fn tell(&self, call: Call<'_>) -> io::Result<()> {
        let Some(watch) = &self.watch else { return Ok(()) };
        loop {
            match watch.before(call) {
                // The standard library begins interrupted calls anew.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                told => return told,
            }
        }
    }

    /// Opens what is there for reading. A pipe that somebody left in the tree does not block.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        self.tell(Call::Open(path))?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
        Ok(rustix::fs::open(path, flags, Mode::empty()).map(File::from)?)
    }

    pub(super) fn stat(&self, path: &Path) -> io::Result<Metadata> {
        self.tell(Call::Stat(path))?;
        fs::metadata(path)
    }

    pub(super) fn list(&self, path: &Path) -> io::Result<fs::ReadDir> {
        self.tell(Call::List(path))?;
        fs::read_dir(path)
    }

    /// The names directly below a directory, if they are known.
    pub(super) fn recall(&self, path: &Path) -> Option<Recalled> {
        self.known.recall(path, |path| self.time(path))
    }

    /// To be called before a directory is read whose names shall be known.
    pub(super) fn reading(&self, path: &Path) -> Reading<'_> {
        self.known.reading(path)
    }

    /// When a directory has changed last.
    fn time(&self, path: &Path) -> Option<SystemTime> {
        self.stat(path).ok()?.modified().ok()
    }

    /// Changes what is at a path: to something, or to nothing.
    fn change<T>(&self, path: &Path, becomes: Option<Seen>, call: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.known.change(path, becomes, |above| self.time(above), call)
    }

    /// To be asked before each read of an open file.
    pub(super) fn may_read(&self, path: &Path) -> io::Result<()> {
        self.tell(Call::Read(path))
    }

    pub(super) fn make_directory(&self, path: &Path) -> io::Result<()> {
        self.change(path, Some(Seen::Directory), || {
            self.tell(Call::MakeDirectory(path))?;
            fs::create_dir(path)
        })
    }

    pub(super) fn create(&self, path: &Path) -> io::Result<File> {
        self.change(path, Some(Seen::File), || {
            self.tell(Call::Create(path))?;
            File::create_new(path)
        })
    }

    /// Opens a file to write behind its end.
    pub(super) fn open_end(&self, path: &Path) -> io::Result<File> {
        self.tell(Call::Open(path))?;
        OpenOptions::new().append(true).open(path)
    }

    /// Writes all of it behind the end, with as few calls as the system allows.
    pub(super) fn append(&self, mut file: &File, path: &Path, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut left = slices;
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let at_once = self.at_once(left);
            let wrote = match at_once {
                Some(ref few) => self.write(&mut file, path, std::slice::from_ref(few)),
                None => self.write(&mut file, path, left),
            };
            match wrote {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut left, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write(&self, file: &mut &File, path: &Path, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        self.tell(Call::Append(path, slices))?;
        file.write_vectored(slices)
    }

    /// The bytes that a watch lets through in one call, if it does not let all of them.
    fn at_once<'a>(&self, slices: &'a [IoSlice<'_>]) -> Option<IoSlice<'a>> {
        let first = slices.first()?;
        let length = self.watch.as_ref()?.writes(first.len());
        (length < first.len()).then(|| IoSlice::new(&first[..length]))
    }

    pub(super) fn truncate(&self, file: &File, path: &Path, length: u64) -> io::Result<()> {
        self.tell(Call::Truncate(path, length))?;
        file.set_len(length)
    }

    /// Moves a file. For [`super::durable`] alone, which knows what has to be synced before and behind it.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let rename = || {
            self.tell(Call::Rename(from, to))?;
            fs::rename(from, to)
        };
        self.change(from, None, || self.change(to, Some(Seen::File), rename))
    }

    /// Moves a directory with all that is in it. For [`super::durable`] alone.
    pub(super) fn rename_directory(&self, from: &Path, to: &Path) -> io::Result<()> {
        let rename = || {
            self.tell(Call::Rename(from, to))?;
            fs::rename(from, to)
        };
        self.change(from, None, || self.change(to, Some(Seen::Directory), rename))
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        self.change(path, None, || {
            self.tell(Call::Remove(path))?;
            fs::remove_file(path)
        })
    }

    pub(super) fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.change(path, None, || {
            self.tell(Call::RemoveDirectory(path))?;
            fs::remove_dir(path)
        })
    }

    pub(super) fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.tell(Call::SyncFile(path))?;
        file.sync_data()
    }

    pub(super) fn sync_directory(&self, directory: &File, path: &Path) -> io::Result<()> {
        self.tell(Call::SyncDirectory(path))?;
        directory.sync_all()
    }

    /// How much waits to be written, on all file systems, by all programs, in KiB; none if nobody knows.
    pub(super) fn waits_to_be_written(&self) -> Option<u64> {
        if let Some(told) = self.watch.as_ref().and_then(|watch| watch.waits_to_be_written()) {
            return Some(told);
        }
        let text = fs::read_to_string("/proc/meminfo").ok()?;
        let kib = |key: &str| {
            let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
            rest.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()
        };
        Some(kib("Dirty:")? + kib("Writeback:")?)
    }

    /// Syncs the whole file system that the open file is on.
    pub(super) fn sync_all(&self, file: &File) -> io::Result<()> {
        self.tell(Call::SyncAll)?;
        #[cfg(target_os = "linux")]
        return Ok(rustix::fs::syncfs(file)?);
        #[cfg(not(target_os = "linux"))]
        {
            let _ = file;
            rustix::fs::sync();
            Ok(())
        }
    }
}
