//! Receiving: from the client's bytes to disk and hash, without holding more than a little of them.
//!
//! Three things go on at once: the next bytes arrive, the last ones are hashed, and the last ones are written. The client
//! is read no faster than both can follow.

use std::error::Error;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::BoxStream;
use tokio_util::sync::CancellationToken;

use crate::oci::Hasher;
use crate::storage::Stage;

use super::{Result, upload_progress};

/// The bytes of a request as they arrive.
pub type Body = BoxStream<'static, std::result::Result<Bytes, Box<dyn Error + Send + Sync>>>;

/// Once this many bytes are waiting they are written, as soon as those before them are.
const WORTH_WRITING: usize = 256 * 1024;
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
    pub(super) stage: Box<dyn Stage>,
    pub(super) hasher: Hasher,
    /// How many bytes went there.
    pub(super) received: u64,
}

impl Sink {
    async fn take(self: Box<Self>, pieces: Vec<Bytes>) -> Result<Box<Sink>> {
        let Sink { mut stage, hasher, received } = *self;
        let length: u64 = pieces.iter().map(|piece| piece.len() as u64).sum();
        let (hasher, written) = tokio::join!(upload_progress::update(hasher, pieces.clone()), stage.append(pieces));
        written?;
        Ok(Box::new(Sink { stage, hasher: hasher?, received: received + length }))
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
                Writer::Busy(sink.take(std::mem::take(&mut waiting).into_pieces()).boxed())
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
}
