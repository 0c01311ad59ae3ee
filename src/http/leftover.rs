//! What a handler leaves unread of a request's body.
//!
//! A refusal often goes out before the body was read. Were the connection then dropped, a client that uses it again would
//! fail, and one that is still sending might be reset before it has read why it was refused. So the rest is read and
//! thrown away while the answer goes out: all of it if it is small, and otherwise the answer says that the connection ends.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, Version, header};
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};

/// A rest of at most this many bytes is read for the sake of the connection.
const SMALL: u64 = 1024 * 1024;
/// Of any rest, at most this many bytes are read, so that the client comes to read the answer.
const MOST: usize = 8 * 1024 * 1024;
/// And for at most this long.
const PATIENCE: Duration = Duration::from_secs(2);

/// Where a body is put when its handler drops it before its end.
type Slot = Arc<Mutex<Option<Body>>>;

/// What is left of one request's body, once its handler is done.
pub(super) struct Leftover {
    slot: Slot,
    /// Who waits to be asked for the body has not sent it, and reading would ask.
    waits: bool,
}

impl Leftover {
    /// Watches a body on its way to the handler. None if what the handler leaves does not matter.
    pub(super) fn watch(request: &Parts, body: Body) -> (Body, Option<Leftover>) {
        // Streams of HTTP/2 end one by one and leave their connection alone.
        if request.version > Version::HTTP_11 || http_body::Body::is_end_stream(&body) {
            return (body, None);
        }
        let slot = Slot::default();
        let watched = Body::new(Watched { body, ended: false, slot: Arc::clone(&slot) });
        (watched, Some(Leftover { slot, waits: request.headers.contains_key(header::EXPECT) }))
    }

    /// Deals with what the handler left; the answer may have to say that the connection ends.
    pub(super) fn read_on<B>(self, response: &mut Response<B>) {
        let Some(rest) = self.slot.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let small = http_body::Body::size_hint(&rest).upper().is_some_and(|left| left <= SMALL);
        if self.waits || !small {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(header::CONNECTION, close);
        }
        if !self.waits {
            tokio::spawn(tokio::time::timeout(PATIENCE, throw_away(rest)));
        }
    }
}

async fn throw_away(rest: Body) {
    let mut pieces = rest.into_data_stream();
    let mut read = 0;
    while read < MOST
        && let Some(Ok(piece)) = pieces.next().await
    {
        read += piece.len();
    }
}

/// A body that does not get lost.
struct Watched {
    body: Body,
    /// Its end was read, which one without a length does not know by itself.
    ended: bool,
    slot: Slot,
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended && !http_body::Body::is_end_stream(&self.body) {
            let rest = std::mem::take(&mut self.body);
            *self.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(rest);
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        self.ended |= matches!(polled, Poll::Ready(None));
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
