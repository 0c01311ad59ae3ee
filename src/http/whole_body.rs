//! Bodies that are read whole: those of manifests, and small ones of the administration API.
//!
//! A body has a largest length, and of the larger ones only a few are held at once, so that many clients together cannot take
//! more memory than a few can. Who holds a place for one has to get on with it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header;
use axum::http::request::Parts;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::HttpError;

/// The largest body, in bytes. The specification asks for 4 MB at least.
const LARGEST: usize = 4 * 1024 * 1024;
/// Up to this many bytes a body is simply read; nearly every manifest is smaller.
const SMALL: usize = 64 * 1024;
/// As many larger bodies are held at once: 64 MiB together.
const PLACES: usize = 16;
/// How long a client waits for a place.
const QUEUE: Duration = Duration::from_secs(30);
/// How long a body may take that has one: 35 KiB a second are enough.
const TIME: Duration = Duration::from_secs(120);

/// Reads a body of at most `limit` bytes, of which none takes long.
pub(super) async fn read_small(request: &Parts, body: Body, limit: usize) -> Result<Bytes, HttpError> {
    let too_large = || HttpError::BodyTooLarge { limit };
    if announced(request).is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut reading = Reading { pieces: body.into_data_stream(), bytes: BytesMut::new() };
    match timeout(TIME, reading.up_to(limit)).await {
        Ok(Ok(true)) if reading.bytes.len() <= limit => Ok(reading.bytes.freeze()),
        Ok(Ok(_)) => Err(too_large()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(HttpError::BodyTooSlow { limit: TIME }),
    }
}

/// How long a body says that it is.
fn announced(request: &Parts) -> Option<u64> {
    request.headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The places for large bodies. Cheap to clone; the clones share them.
#[derive(Clone, Debug)]
pub(super) struct Places(Arc<Semaphore>);

impl Default for Places {
    fn default() -> Self {
        Places(Arc::new(Semaphore::new(PLACES)))
    }
}

/// A body that was read, with its place if it has one.
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    /// Held until the bytes are done with.
    pub(super) _place: Option<OwnedSemaphorePermit>,
}

impl Places {
    /// Reads the whole body. One that says that it is too large is not read at all.
    pub(super) async fn read(&self, request: &Parts, body: Body) -> Result<Whole, HttpError> {
        let length = announced(request);
        if length.is_some_and(|length| length > LARGEST as u64) {
            return Err(HttpError::ManifestTooLarge { limit: LARGEST });
        }
        let mut reading = Reading { pieces: body.into_data_stream(), bytes: BytesMut::new() };
        if reading.up_to(SMALL).await? {
            return Ok(Whole { bytes: reading.bytes.freeze(), _place: None });
        }
        let place = timeout(QUEUE, Arc::clone(&self.0).acquire_owned()).await;
        let place = place.ok().and_then(Result::ok).ok_or(HttpError::Busy)?;
        // Growing by doubling would take up to twice the memory.
        let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(LARGEST);
        reading.bytes.reserve(length.saturating_sub(reading.bytes.len()));
        match timeout(TIME, reading.up_to(LARGEST)).await {
            Ok(Ok(true)) => Ok(Whole { bytes: reading.bytes.freeze(), _place: Some(place) }),
            Ok(Ok(false)) => Err(HttpError::ManifestTooLarge { limit: LARGEST }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(HttpError::ManifestTooSlow { limit: TIME }),
        }
    }
}

/// A body that is being read.
struct Reading {
    pieces: axum::body::BodyDataStream,
    bytes: BytesMut,
}

impl Reading {
    /// Reads to the end, or until there are more than `limit` bytes; says whether the end was reached.
    async fn up_to(&mut self, limit: usize) -> Result<bool, HttpError> {
        while self.bytes.len() <= limit {
            match self.pieces.next().await {
                Some(piece) => self.bytes.extend_from_slice(&piece.map_err(HttpError::BodyBroken)?),
                None => return Ok(true),
            }
        }
        Ok(false)
    }
}
