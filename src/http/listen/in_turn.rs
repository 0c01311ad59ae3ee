//! An HTTP/1 connection: one request after the other, and a rest in between.
//!
//! Most of what an idle connection would hold are the buffers of its next request. A client keeps its connections for
//! long, so after a while without a request what serves them is taken apart, and made anew with the next one's first bytes.

use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;

use super::drive::GOODBYE;
use super::resumed::Resumed;
use super::service::{Application, Common};
use super::timing::Timing;
use super::turns::{Idle, Turns};

/// Without a request for so long, or up to twice as long, a connection rests.
const REST: Duration = Duration::from_secs(1);

/// Serves a connection's requests until either side ends it, as [`super::drive::drive`].
pub(super) async fn drive<S, A>(
    mut stream: S,
    builder: &http1::Builder,
    common: Common<A>,
    timing: Timing,
    stopping: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Application,
{
    let (mut read, mut first_by) = (Bytes::new(), None);
    while let Some((read_ahead, rested)) =
        until_it_rests(stream, read, first_by, builder, common.clone(), stopping).await
    {
        (read, stream) = (read_ahead, rested);
        // The bound on the next head runs from the end of the last request.
        let by = Instant::now() + timing.head.saturating_sub(2 * REST);
        first_by = Some(by);
        if !read.is_empty() {
            // The next request was about to begin.
            continue;
        }
        let mut first = [0; 8];
        match stopping.run_until_cancelled(timeout_at(by, stream.read(&mut first))).await {
            Some(Ok(Ok(count @ 1..))) => read = Bytes::copy_from_slice(&first[..count]),
            // It ended, has waited for long enough, or we end.
            _ => {
                let _ = timeout(GOODBYE, stream.shutdown()).await;
                return;
            }
        }
    }
}

/// Serves requests until there are none for a while, the first of which is to begin in time. Returns what was read of the
/// next one, and the stream, unless that is over.
async fn until_it_rests<S, A>(
    stream: S,
    read: Bytes,
    first_by: Option<Instant>,
    builder: &http1::Builder,
    common: Common<A>,
    stopping: &CancellationToken,
) -> Option<(Bytes, S)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Application,
{
    let turns = Turns::default();
    let counter = turns.clone();
    let stream = TokioIo::new(Resumed::new(read, stream, turns.clone()));
    let mut connection = builder.serve_connection(stream, common.counted(move || counter.begin()));
    let (ended, rests) = tokio::select! {
        ended = &mut connection => (Some(ended), false),
        () = stopping.cancelled() => (None, false),
        idle = turns.idle(REST, first_by) => match idle {
            Idle::Rests => (None, true),
            // As one ends whose first head takes too long.
            Idle::Late => return None,
        },
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            Pin::new(&mut connection).graceful_shutdown();
            if rests {
                // It is between two requests: all of the last one has been read, and its answer written. What is left of a
                // body must not be read as another request.
                let parts = connection.without_shutdown().now_or_never()?.ok()?;
                let (unread, stream) = parts.io.into_inner().into_parts();
                return Some((Bytes::from([parts.read_buf, unread].concat()), stream));
            }
            (&mut connection).await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended in an error");
    }
    None
}
