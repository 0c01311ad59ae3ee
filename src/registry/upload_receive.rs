//! Receiving: from the client's bytes to disk and hash, without holding more than a little of them.
//!
//! Of an upload that is alone, the next bytes arrive while the last ones are hashed and while they are written. Of several,
//! each hashes and writes its bytes at once, while they are in the cache. The client is read no faster than that.

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::oci::{Hasher, RepositoryName};
use crate::storage::{Durability, Stage};

use super::upload_place;
use super::upload_progress::{self, Progress};
use super::{Registry, RegistryError, Result, UploadId};

/// The bytes of a request as they arrive.
pub type Body = BoxStream<'static, std::result::Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// Once this many bytes are waiting they are written, as soon as those before them are.
const WORTH_WRITING: usize = 256 * 1024;
/// All but the last are written up to a multiple of this. The system keeps a file in runs of pages, and works twice on those
/// in the middle of which a write ends.
const ALIGNED: usize = 64 * 1024;
/// With this many bytes waiting the client is not read.
const ENOUGH: usize = 1024 * 1024;

/// A smaller piece is copied to the end of the one before: it may be a few bytes of a buffer of many, which it would keep.
const WORTH_KEEPING: usize = 16 * 1024;

/// How a body ended.
pub(super) enum End {
    /// The client sent all of it.
    Whole,
    /// It broke off.
    Broken(Box<dyn Error + Send + Sync>),
    /// A later request wants the upload.
    Superseded,
}

/// Where the bytes go.
pub(super) struct Sink {
    registry: Registry,
    repository: RepositoryName,
    id: UploadId,
    /// Open from the first byte on.
    stage: Option<Box<dyn Stage>>,
    /// What went there, with what was there before.
    pub(super) progress: Progress,
    /// Whether the progress is kept every now and then while bytes arrive.
    pub(super) keeps_on_the_way: bool,
}

impl Sink {
    pub(super) fn new(registry: &Registry, repository: &RepositoryName, id: UploadId, progress: Progress) -> Sink {
        let (registry, repository) = (registry.clone(), repository.clone());
        Sink { registry, repository, id, stage: None, progress, keeps_on_the_way: false }
    }

    async fn take(mut self: Box<Self>, pieces: Vec<Bytes>) -> Result<Box<Sink>> {
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let before = self.progress.place;
        self.registry.make_place(&self.repository, self.id, &mut self.progress, length).await?;
        if self.progress.place != before {
            // What was open has moved.
            self.stage = None;
        }
        let mut stage = match self.stage.take() {
            Some(stage) => stage,
            None => self.open().await?,
        };
        let hasher = self.hash_and_append(&mut stage, pieces).await?;
        self.progress.hasher = hasher;
        self.progress.offset += length;
        self.stage = Some(stage);
        if self.keeps_on_the_way && self.progress.is_worth_keeping() {
            self.keep().await?;
        }
        Ok(self)
    }

    /// Hashes the pieces and writes them: at the same time if this upload is the only one, otherwise one after the other,
    /// since the processors have enough to do.
    async fn hash_and_append(&mut self, stage: &mut Box<dyn Stage>, pieces: Vec<Bytes>) -> Result<Hasher> {
        let fresh = Hasher::new(self.progress.hasher.algorithm());
        let mut hasher = std::mem::replace(&mut self.progress.hasher, fresh);
        let busy = Busy::with(&self.registry.receiving);
        if busy.is_alone() {
            let hashing = upload_progress::update(hasher, pieces.clone());
            let (hasher, written) = tokio::join!(hashing, stage.append(pieces, Box::new(|| {})));
            written?;
            return hasher;
        }
        let (hashed, hash) = oneshot::channel();
        let content = pieces.clone();
        let before = move || {
            content.iter().for_each(|piece| hasher.update(piece));
            // Whoever wanted it has gone away.
            let _ = hashed.send(hasher);
        };
        stage.append(pieces, Box::new(before)).await?;
        hash.await.map_err(|error| RegistryError::Damaged(error.to_string()))
    }

    async fn open(&self) -> Result<Box<dyn Stage>> {
        let data = upload_place::data(&self.repository, &self.id, self.progress.place);
        Ok(self.registry.storage.stage(&data, self.progress.offset).await?)
    }

    /// Makes what arrived survive, and keeps its hash.
    async fn keep(&mut self) -> Result<()> {
        let mut stage = match self.stage.take() {
            Some(stage) => stage,
            None => self.open().await?,
        };
        stage.sync().await?;
        self.stage = Some(stage);
        self.registry.keep_progress(&self.repository, &self.id, &mut self.progress).await
    }

    /// Nothing more arrives for now.
    pub(super) async fn rest(mut self) -> Result<Progress> {
        let full = self.registry.storage.durability() == Durability::Full;
        if (full && self.stage.is_some()) || self.progress.is_worth_keeping_at_rest() {
            self.keep().await?;
        }
        Ok(self.progress)
    }

    /// Everything has arrived.
    pub(super) async fn finish(mut self) -> Result<Progress> {
        if self.progress.offset == 0 {
            // Nothing is something, too.
            self.registry.make_place(&self.repository, self.id, &mut self.progress, 0).await?;
            self.open().await?;
        }
        Ok(self.progress)
    }
}

/// One of the uploads whose bytes are being worked on.
struct Busy<'a>(&'a AtomicUsize);

impl Busy<'_> {
    fn with(receiving: &AtomicUsize) -> Busy<'_> {
        receiving.fetch_add(1, Ordering::Relaxed);
        Busy(receiving)
    }

    fn is_alone(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 1
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What the receiver is doing with the bytes before.
enum Writer {
    Idle(Box<Sink>),
    Busy(BoxFuture<'static, Result<Box<Sink>>>),
}

/// Receives the body into the sink. However it ends, all bytes that arrived are in the sink; after an error they are not.
/// Of a body that turns out to be longer than `longest`, no more is read than shows it.
pub(super) async fn receive(
    sink: Sink,
    mut body: Body,
    longest: Option<u64>,
    superseded: &CancellationToken,
) -> Result<(Sink, End)> {
    let mut writer = Writer::Idle(Box::new(sink));
    let mut waiting = Waiting::default();
    let mut arrived = 0_u64;
    let mut end = None;
    loop {
        writer = match writer {
            Writer::Idle(sink) if waiting.length >= WORTH_WRITING || (end.is_some() && waiting.length > 0) => {
                let pieces = waiting.take(sink.progress.offset, end.is_some());
                Writer::Busy(sink.take(pieces).boxed())
            }
            Writer::Idle(sink) => match end {
                Some(end) => return Ok((*sink, end)),
                None => Writer::Idle(sink),
            },
            busy @ Writer::Busy(_) => busy,
        };
        let reading = end.is_none() && waiting.length < ENOUGH;
        tokio::select! {
            biased;
            () = superseded.cancelled(), if end.is_none() => end = Some(End::Superseded),
            sink = done(&mut writer) => writer = Writer::Idle(sink?),
            piece = body.next(), if reading => match piece {
                Some(Ok(piece)) => {
                    arrived += piece.len() as u64;
                    waiting.push(piece);
                    end = longest.filter(|longest| arrived > *longest).map(|_| End::Whole);
                }
                Some(Err(error)) => end = Some(End::Broken(error)),
                None => end = Some(End::Whole),
            },
        }
    }
}

/// What has arrived and is not being written yet.
#[derive(Default)]
struct Waiting {
    pieces: Vec<Bytes>,
    /// Small pieces put together, behind all others.
    small: BytesMut,
    length: usize,
}

impl Waiting {
    fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.len() < WORTH_KEEPING {
            self.small.extend_from_slice(&piece);
            return;
        }
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
        self.pieces.push(piece);
    }

    /// Takes out what waits and goes to this offset, up to where the next run of pages begins unless it is the last.
    fn take(&mut self, offset: u64, last: bool) -> Vec<Bytes> {
        let over = (offset + self.length as u64) % ALIGNED as u64;
        let mut over = if last { 0 } else { usize::try_from(over).unwrap_or_default() };
        let mut pieces = std::mem::take(self).into_pieces();
        let mut left = Vec::new();
        while over > 0
            && let Some(mut piece) = pieces.pop()
        {
            let rest = piece.split_off(piece.len().saturating_sub(over));
            over -= rest.len();
            left.push(rest);
            if !piece.is_empty() {
                pieces.push(piece);
            }
        }
        left.into_iter().rev().for_each(|rest| self.push(rest));
        pieces
    }

    fn into_pieces(mut self) -> Vec<Bytes> {
        if !self.small.is_empty() {
            self.pieces.push(self.small.freeze());
        }
        self.pieces
    }
}

/// Waits until a busy writer is idle; for ever if it is.
async fn done(writer: &mut Writer) -> Result<Box<Sink>> {
    match writer {
        Writer::Busy(working) => working.await,
        Writer::Idle(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A piece is a part of the buffer that it was read into, and keeps all of it.
    #[test]
    fn what_drips_in_keeps_no_buffers_of_many_bytes() {
        let mut waiting = Waiting::default();
        let large = Bytes::from(vec![1; WORTH_KEEPING]);
        for byte in 0..20_000_u32 {
            waiting.push(Bytes::from(vec![0; 8192]).slice(..1));
            if byte == 9_999 {
                waiting.push(large.clone());
            }
        }
        assert_eq!(waiting.length, 20_000 + WORTH_KEEPING);
        let pieces = waiting.into_pieces();
        assert_eq!(pieces.iter().map(Bytes::len).collect::<Vec<_>>(), [10_000, WORTH_KEEPING, 10_000]);
        assert_eq!(pieces[1].as_ptr(), large.as_ptr(), "a large piece is not copied");
    }

    #[test]
    fn what_is_written_ends_where_a_run_of_pages_does_and_nothing_is_lost() {
        let content: Vec<u8> = (0..1_000_000_u32).map(|byte| byte.to_le_bytes()[1]).collect();
        let (mut waiting, mut written) = (Waiting::default(), Vec::new());
        for (number, piece) in content.chunks(WORTH_KEEPING + 1).enumerate() {
            // Some are put together with others.
            let (first, second) = piece.split_at(piece.len() / (number % 3 + 1));
            waiting.push(Bytes::copy_from_slice(first));
            waiting.push(Bytes::copy_from_slice(second));
            if waiting.length >= WORTH_WRITING {
                let before = waiting.length;
                let pieces = waiting.take(written.len() as u64, false);
                written.extend(pieces.concat());
                assert_eq!(written.len() % ALIGNED, 0);
                assert!(waiting.length < ALIGNED && waiting.length < before);
            }
        }
        written.extend(waiting.take(written.len() as u64, true).concat());
        assert!(written == content && waiting.length == 0);
    }
}
