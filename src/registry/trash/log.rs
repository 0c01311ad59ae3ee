//! The log of a batch: a line of JSON for the action, and one or more for each thing that it removed.
//!
//! A last line that is cut short names nothing that was moved. Any other line that cannot be read may name something that is
//! known from nowhere else, so a batch with one is never taken for done with.

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt, TryStreamExt};
use serde::Serialize;

use crate::registry::{Registry, RegistryError, Result, layout};
use crate::storage;

use super::{Action, BatchId, Removed};

/// The longest line that is read, in bytes. Those that are written are much shorter; they once had no bound.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// So many tags, and so many blobs, are written in one line; a line then has at most some 40 KiB.
const TAGS_IN_A_LINE: usize = 128;
const LAYERS_IN_A_LINE: usize = 64;

/// What the log of a batch says of the batch.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::registry) enum Log {
    /// There is none, and nothing else: no such batch, or one that is just being written, or that never was.
    Absent,
    /// All of it could be read.
    Whole(Action),
    /// Not all of it can be read: it is damaged, or of a later version.
    Damaged {
        /// The action, if its line can be read.
        action: Option<Action>,
        /// The first line that cannot be read, from 1.
        line: u64,
    },
}

pub(super) fn write_line(lines: &mut Vec<u8>, line: &impl Serialize) -> Result<()> {
    serde_json::to_writer(&mut *lines, line).map_err(|error| RegistryError::Damaged(error.to_string()))?;
    lines.push(b'\n');
    Ok(())
}

/// Writes down something that is removed: of a manifest with many tags or blobs in several lines, each with some of them.
pub(super) fn write_removed(lines: &mut Vec<u8>, removed: &Removed) -> Result<()> {
    let Removed::Manifest { repository, digest, media_type, tags, layers } = removed else {
        return write_line(lines, removed);
    };
    let (mut tags, mut layers) = (tags.chunks(TAGS_IN_A_LINE), layers.chunks(LAYERS_IN_A_LINE));
    let mut next = (tags.next(), layers.next());
    loop {
        let part = Removed::Manifest {
            repository: repository.clone(),
            digest: *digest,
            media_type: media_type.clone(),
            tags: next.0.unwrap_or_default().to_vec(),
            layers: next.1.unwrap_or_default().to_vec(),
        };
        write_line(lines, &part)?;
        next = (tags.next(), layers.next());
        if next == (None, None) {
            return Ok(());
        }
    }
}

/// A log that is being read, piece by piece.
#[derive(Debug, Default)]
struct Reading {
    /// A line that has begun.
    begun: Vec<u8>,
    /// How many lines were read.
    lines: u64,
    action: Option<Action>,
    damaged: Option<u64>,
    /// What was read last, of which the next line may have more.
    last: Option<Removed>,
}

impl Reading {
    /// Reads on. Says whether it is of use to go on.
    fn take(&mut self, piece: &[u8], each: &mut impl FnMut(Removed)) -> bool {
        let mut rest = piece;
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.begun.extend_from_slice(&rest[..end]);
            let line = std::mem::take(&mut self.begun);
            self.line(&line, each);
            rest = &rest[end + 1..];
        }
        self.begun.extend_from_slice(rest);
        let is_too_long = self.begun.len() > LONGEST_LINE;
        if is_too_long {
            self.damaged.get_or_insert(self.lines + 1);
        }
        !is_too_long
    }

    fn line(&mut self, line: &[u8], each: &mut impl FnMut(Removed)) {
        self.lines += 1;
        let read = match self.lines {
            1 => serde_json::from_slice(line).map(|action| self.action = Some(action)),
            _ => serde_json::from_slice(line).map(|removed| self.removed(removed, each)),
        };
        if read.is_err() {
            self.damaged.get_or_insert(self.lines);
        }
    }

    fn removed(&mut self, removed: Removed, each: &mut impl FnMut(Removed)) {
        let next = match &mut self.last {
            Some(last) => last.add(removed),
            None => Some(removed),
        };
        if let Some(next) = next
            && let Some(last) = self.last.replace(next)
        {
            each(last);
        }
    }

    fn end(self) -> Log {
        match (self.action, self.damaged) {
            (Some(action), None) => Log::Whole(action),
            // Without a single line the first is cut short, before which nothing is moved. But who cut it?
            (action, line) => Log::Damaged { action, line: line.unwrap_or(1) },
        }
    }
}

/// A log that is being read, some of it at a time: a batch may have millions of things.
pub(super) struct Reader {
    pieces: BoxStream<'static, storage::Result<Bytes>>,
    reading: Reading,
}

impl Reader {
    /// What was removed next. `None` behind the last thing that can be read.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<Removed>>> {
        let mut removed = Vec::new();
        while removed.is_empty() {
            let Some(piece) = self.pieces.try_next().await? else {
                removed.extend(self.reading.last.take());
                return Ok((!removed.is_empty()).then_some(removed));
            };
            if !self.reading.take(&piece, &mut |one| removed.push(one)) {
                self.pieces = stream::empty().boxed();
            }
        }
        Ok(Some(removed))
    }
}

impl Registry {
    /// The same as [`Registry::read_batch`] with a look at the first line only.
    pub(super) async fn action_of(&self, id: &BatchId) -> Result<Log> {
        self.read_log(id, 1, |_| {}).await
    }

    /// Reads a batch, and with `each` what it removed, one after another, as far as that can be read.
    pub(in crate::registry) async fn read_batch(&self, id: &BatchId, each: impl FnMut(Removed)) -> Result<Log> {
        self.read_log(id, u64::MAX, each).await
    }

    async fn read_log(&self, id: &BatchId, lines: u64, mut each: impl FnMut(Removed)) -> Result<Log> {
        let mut log = match self.open_log(id).await? {
            Ok(log) => log,
            Err(none) => return Ok(none),
        };
        while log.reading.lines < lines
            && let Some(some) = log.next().await?
        {
            some.into_iter().for_each(&mut each);
        }
        Ok(log.reading.end())
    }

    /// Opens the log of a batch; says what there is instead if there is none.
    pub(super) async fn open_log(&self, id: &BatchId) -> Result<std::result::Result<Reader, Log>> {
        match self.storage.open(&layout::batch_log(id)).await {
            Ok(log) => Ok(Ok(Reader { pieces: log.read(0..log.size()).fuse().boxed(), reading: Reading::default() })),
            Err(error) if error.is_not_found() => {
                let names = self.names(&layout::batch(id)).await?;
                // What is written goes under another name until it is whole.
                let is_unwritten = names.iter().all(|name| name.starts_with(layout::BATCH_LOG));
                Ok(Err(if is_unwritten { Log::Absent } else { Log::Damaged { action: None, line: 1 } }))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Why nothing of a batch is removed whose log cannot be read.
    pub(super) fn batch_damaged(id: &BatchId, line: u64) -> RegistryError {
        RegistryError::Damaged(format!(
            "line {line} of {} cannot be read, or a later version has written it, so nobody knows what else is in this batch of \
             the trash, and it stays. To give it up, remove its directory and run wharf check --repair",
            layout::batch_log(id)
        ))
    }
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
