//! HTTP/1.1 and HTTP/2 as we speak them: their limits and buffers, in one place.

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;

use super::timing::Timing;
use std::time::Duration;

/// The largest head of a request. Tokens that name many repositories are long, addresses with a state in them too.
const HEAD: u32 = 64 * 1024;
/// The most that is read at once on an HTTP/1.1 connection. It is no smaller than a head, which has to fit.
const READ: usize = 2 * HEAD as usize;
/// What may wait to be written, where nobody says that the client does not read, before an answer's body is asked for its
/// next piece.
const BUFFER: usize = HEAD as usize;
/// What an HTTP/2 client may send ahead of us, for each request and for all of a connection: enough to fill a fast
/// line over some distance, and the most that a client can make us hold.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;
const CONNECTION_WINDOW: u32 = 16 * 1024 * 1024;
/// Larger frames than the usual 16 KiB, for fewer of them.
const FRAME: u32 = 64 * 1024;
/// Requests at once on one HTTP/2 connection.
const STREAMS: u32 = 256;
/// When an HTTP/2 client is asked whether it is still there, and how long it has to answer.
const PING: Duration = Duration::from_secs(60);
const PONG: Duration = Duration::from_secs(20);

/// How connections are served, once it is known what they speak.
#[derive(Clone)]
pub(super) struct Protocols {
    pub(super) http1: http1::Builder,
    pub(super) http2: http2::Builder<TokioExecutor>,
    /// Finds out by itself; for HTTP/2 without TLS, when that is allowed.
    pub(super) either: Option<auto::Builder<TokioExecutor>>,
}

impl Protocols {
    pub(super) fn new(timing: Timing, h2c: bool) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(timing.head)
            .max_header_size(HEAD as usize)
            .max_buf_size(READ)
            // A client that closes its sending side still wants its answer, and a push that is being acknowledged
            // is carried through rather than dropped half-way.
            .half_close(true);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD)
            .max_send_buf_size(BUFFER)
            .keep_alive_interval(PING)
            .keep_alive_timeout(PONG);
        Self { http1, http2, either: h2c.then(|| either(timing)) }
    }
}

/// Takes the same settings once more, spelled its own way; it has no limit for the head but the buffer's.
fn either(timing: Timing) -> auto::Builder<TokioExecutor> {
    let mut either = auto::Builder::new(TokioExecutor::new());
    either.http1().timer(TokioTimer::new()).header_read_timeout(timing.head).max_buf_size(BUFFER).half_close(true);
    either
        .http2()
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD)
        .max_send_buf_size(BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    either
}
