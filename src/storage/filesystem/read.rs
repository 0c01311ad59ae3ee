//! Reading a file in large pieces, the next one while the last is being sent.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::task::JoinHandle;

use crate::storage::{Key, Object, Result, StorageError};

/// The size of a piece, in bytes: large enough that a system call and a change of thread for each do not count.
const PIECE: u64 = 256 * 1024;

/// An open file. Its length is what it was when it was opened.
pub(super) struct OpenFile {
    pub(super) key: Key,
    pub(super) file: Arc<File>,
    pub(super) size: u64,
}

impl Object for OpenFile {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let (key, file) = (self.key.clone(), Arc::clone(&self.file));
        let first = Ahead::start(&file, range.clone());
        stream::unfold((first, key, file, range), |(ahead, key, file, rest)| async move {
            let Ahead { reading, piece } = ahead?;
            let read = reading.await.map_err(io::Error::other).and_then(|read| read);
            match read {
                Ok(bytes) => {
                    let rest = piece.end..rest.end;
                    Some((Ok(bytes), (Ahead::start(&file, rest.clone()), key, file, rest)))
                }
                Err(error) => Some((Err(StorageError::from_io("read", &key, error)), (None, key, file, rest))),
            }
        })
        .boxed()
    }
}

/// A piece that is being read.
struct Ahead {
    reading: JoinHandle<io::Result<Bytes>>,
    piece: Range<u64>,
}

impl Ahead {
    /// Starts to read the first piece of what is left, if anything is.
    fn start(file: &Arc<File>, rest: Range<u64>) -> Option<Ahead> {
        if rest.is_empty() {
            return None;
        }
        let piece = rest.start..rest.end.min(rest.start + PIECE);
        let (file, from) = (Arc::clone(file), piece.start);
        let length = usize::try_from(piece.end - piece.start).ok()?;
        let reading = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![0; length];
            file.read_exact_at(&mut buffer, from)?;
            Ok(Bytes::from(buffer))
        });
        Some(Ahead { reading, piece })
    }
}
