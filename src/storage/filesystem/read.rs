//! Reading a file in pieces: large ones for who takes them quickly, small ones for the many who do not.
//!
//! What the system has in memory is read at once, where it is asked for; only what has to come from the disk is read by a
//! thread that may wait. Buffers are used again, so a piece costs one copy and no fresh memory, and there are only so many
//! large ones: however many clients stall, the memory that they hold is bounded.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::num::NonZeroU64;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rustix::io::ReadWriteFlags;

use super::disk::Disk;
use crate::storage::{Key, Object, Result, StorageError};

/// The size of a large piece, in bytes: what it takes that a system call for each does not count.
const LARGE: usize = 256 * 1024;
/// The size of a small piece, in bytes.
const SMALL: usize = 32 * 1024;
/// How many large pieces there may be at once.
const LARGE_PIECES: usize = 16;
/// Who comes for the next piece within this time takes them quickly.
const QUICKLY: Duration = Duration::from_millis(20);
/// How far ahead the system is asked to read from the disk, in bytes.
const AHEAD: u64 = 4 * 1024 * 1024;

/// The large buffers of a storage.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: Vec<Vec<u8>>,
    lent: usize,
}

/// A buffer, which goes back when nobody needs its bytes any more.
struct Lent {
    bytes: Vec<u8>,
    /// Whose it is; a small one is nobody's.
    owner: Option<Arc<Buffers>>,
}

impl Buffers {
    fn large(self: &Arc<Self>) -> Option<Lent> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.lent == LARGE_PIECES {
            return None;
        }
        state.lent += 1;
        let bytes = state.free.pop().unwrap_or_else(|| vec![0; LARGE]);
        Some(Lent { bytes, owner: Some(Arc::clone(self)) })
    }

    /// A buffer for this many bytes, or for fewer if there is none so large.
    fn lend(self: &Arc<Self>, wanted: usize) -> Lent {
        let large = if wanted > SMALL { self.large() } else { None };
        large.unwrap_or_else(|| Lent { bytes: vec![0; wanted.min(SMALL)], owner: None })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(owner) = &self.owner {
            let mut state = owner.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.lent -= 1;
            // Two are enough for who comes next; what a rush needed more is given back.
            if state.free.len() < 2 {
                state.free.push(std::mem::take(&mut self.bytes));
            }
        }
    }
}

/// An open file. Its length is what it was when it was opened.
pub(super) struct OpenFile {
    pub(super) key: Key,
    pub(super) path: PathBuf,
    pub(super) disk: Disk,
    pub(super) file: Arc<File>,
    pub(super) size: u64,
    pub(super) buffers: Arc<Buffers>,
}

impl Object for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        self.reading(range, None)
    }

    fn read_once(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let start = range.start;
        self.reading(range, Some(start..start))
    }
}

impl OpenFile {
    fn reading(&self, range: Range<u64>, brought: Option<Range<u64>>) -> BoxStream<'static, Result<Bytes>> {
        let reading = Reading {
            key: self.key.clone(),
            path: self.path.clone(),
            disk: self.disk.clone(),
            file: Arc::clone(&self.file),
            buffers: Arc::clone(&self.buffers),
            rest: range,
            given: None,
            brought,
        };
        let next = |mut reading: Reading| async move {
            let piece = reading.next().await?;
            Some((piece, reading))
        };
        stream::unfold(reading, next).boxed()
    }
}

/// A range that is being read.
struct Reading {
    key: Key,
    path: PathBuf,
    disk: Disk,
    file: Arc<File>,
    buffers: Arc<Buffers>,
    rest: Range<u64>,
    /// When the last piece was given out.
    given: Option<Instant>,
    /// What was brought into memory for this reader alone, if that is to be let go again.
    brought: Option<Range<u64>>,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Bytes>> {
        if self.rest.is_empty() {
            return None;
        }
        let most = match self.given {
            Some(given) if given.elapsed() <= QUICKLY => LARGE,
            _ => SMALL,
        };
        let left = usize::try_from(self.rest.end - self.rest.start).unwrap_or(usize::MAX);
        let read = self.read(left.min(most)).await;
        self.given = Some(Instant::now());
        match read {
            Ok(piece) => {
                self.rest.start += piece.len() as u64;
                Some(Ok(piece))
            }
            Err(error) => {
                self.rest.start = self.rest.end;
                Some(Err(StorageError::from_io("read", &self.key, error)))
            }
        }
    }

    async fn read(&mut self, wanted: usize) -> io::Result<Bytes> {
        let mut buffer = self.buffers.lend(wanted);
        let length = buffer.bytes.len().min(wanted);
        self.disk.may_read(&self.path)?;
        let read = match read_from_memory(&self.file, &mut buffer.bytes[..length], self.rest.start) {
            Some(read) => read,
            None => {
                let (file, start, end) = (Arc::clone(&self.file), self.rest.start, self.rest.end);
                self.brought = self.brought.take().map(|_| start..start.saturating_add(AHEAD).min(end));
                let reading = tokio::task::spawn_blocking(move || {
                    read_ahead(&file, start..end);
                    file.read_exact_at(&mut buffer.bytes[..length], start)?;
                    Ok::<_, io::Error>(buffer)
                });
                buffer = reading.await.map_err(io::Error::other)??;
                length
            }
        };
        self.let_go(read as u64);
        Ok(Bytes::from_owner(buffer).slice(..read))
    }

    /// Lets go of what was just read, if it was brought into memory for this reader. What was there before stays: others
    /// read it. Should the system not hear it, it forgets what nobody reads by itself.
    fn let_go(&self, read: u64) {
        let start = self.rest.start;
        if let Some(brought) = &self.brought
            && brought.contains(&start)
        {
            let _ = rustix::fs::fadvise(&self.file, start, NonZeroU64::new(read), rustix::fs::Advice::DontNeed);
        }
    }
}

/// Makes the system read from the disk ahead of who reads, once that had to be waited for. Should it not be heard, the next
/// piece is waited for as well.
fn read_ahead(file: &File, rest: Range<u64>) {
    let length = NonZeroU64::new(AHEAD.min(rest.end - rest.start));
    let _ = rustix::fs::fadvise(file, rest.start, length, rustix::fs::Advice::WillNeed);
}

/// Reads what the system has in memory; none if it has nothing of it, or cannot say.
fn read_from_memory(file: &File, buffer: &mut [u8], start: u64) -> Option<usize> {
    #[cfg(target_os = "linux")]
    return match rustix::io::preadv2(file, &mut [IoSliceMut::new(buffer)], start, ReadWriteFlags::NOWAIT) {
        // Nothing at all is the end of a file that has become shorter; the read that waits says so.
        Ok(0) | Err(_) => None,
        Ok(read) => Some(read),
    };
    #[cfg(not(target_os = "linux"))]
    {
        let _ = (file, buffer, start);
        None
    }
}

/// Reads a small file whole.
pub(super) fn read_whole(disk: &Disk, file: &File, path: &Path, size: usize) -> io::Result<Vec<u8>> {
    use std::io::Read;

    disk.may_read(path)?;
    let mut bytes = Vec::with_capacity(size);
    file.take(size as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use futures_util::TryStreamExt;

    use super::*;
    use crate::storage::{Filesystem, Settings, Storage};

    /// The system may forget at any time, and need not forget what it is told to: of most of the pages, in one of a few
    /// attempts, it does what is expected.
    #[tokio::test]
    async fn what_is_read_once_is_not_kept_in_memory_unless_it_was_there_before() {
        let directory = tempfile::tempdir().unwrap();
        let storage = Filesystem::open(&Settings::of(directory.path())).unwrap();
        let key = Key::new("blob");
        storage.put(&key, Bytes::from(vec![7; 8 * LARGE])).await.unwrap();
        let file = File::open(directory.path().join("blob")).unwrap();
        file.sync_all().unwrap();
        let most_is_in_memory = || {
            let starts = (0..8 * LARGE as u64).step_by(LARGE / 4);
            starts.filter(|start| read_from_memory(&file, &mut [0; 1], *start).is_some()).count() > 16
        };
        let forget = || {
            rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed).unwrap();
            !most_is_in_memory()
        };
        // A file system that lives in memory has nothing to forget.
        if !forget() {
            return;
        }
        let object = storage.open(&key).await.unwrap();
        let whole = 0..object.size();
        let mut attempts = 0..20;
        let went_as_expected = loop {
            forget();
            let read: Vec<Bytes> = object.read_once(whole.clone()).try_collect().await.unwrap();
            assert_eq!(read.concat(), vec![7; 8 * LARGE]);
            let once = most_is_in_memory();
            let _: Vec<Bytes> = object.read(whole.clone()).try_collect().await.unwrap();
            let ordinary = most_is_in_memory();
            let _: Vec<Bytes> = object.read_once(whole.clone()).try_collect().await.unwrap();
            let once_more = most_is_in_memory();
            if (once, ordinary, once_more) == (false, true, true) {
                break true;
            }
            if attempts.next().is_none() {
                break false;
            }
        };
        assert!(went_as_expected);
    }
}
