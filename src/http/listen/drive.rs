//! A connection from its first request to its end.

use std::pin::Pin;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::in_turn;
use super::protocol::Protocols;
use super::requests::Requests;
use super::service::{Application, Common};
use super::timing::Timing;

/// How long a peer without a request under way may take to agree that the connection ends.
pub(super) const GOODBYE: Duration = Duration::from_secs(2);

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    /// HTTP/1.1 or 1.0, unless HTTP/2 without TLS is allowed and the connection begins with it.
    Plain,
    /// HTTP/1.1 or 1.0.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Serves a connection's requests until either side ends it. When `stopping`, requests under way are finished and no
/// others are taken.
pub(super) async fn drive<S, A>(
    stream: S,
    version: Version,
    protocols: &Protocols,
    common: Common<A>,
    timing: Timing,
    stopping: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Application,
{
    let requests = Requests::new();
    let counter = requests.clone();
    match (version, &protocols.either) {
        (Version::Http1, _) | (Version::Plain, None) => {
            in_turn::drive(stream, &protocols.http1, common, timing, stopping).await;
        }
        (Version::Http2, _) => {
            let service = common.counted(move || counter.begin());
            // These are large, and few connections are one of them; so they are not in the task of every connection.
            let connection = Box::pin(protocols.http2.serve_connection(TokioIo::new(stream), service));
            until_the_end(connection, &requests, timing, stopping).await;
        }
        (Version::Plain, Some(either)) => {
            let service = common.counted(move || counter.begin());
            let connection = Box::pin(either.serve_connection(TokioIo::new(stream), service));
            until_the_end(connection, &requests, timing, stopping).await;
        }
    }
}

async fn until_the_end<C>(
    mut connection: Pin<Box<C>>,
    requests: &Requests,
    timing: Timing,
    stopping: &CancellationToken,
) where
    C: GracefulConnection<Error: std::fmt::Display>,
{
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopping.cancelled() => None,
        () = requests.idle_for(timing.head) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = requests.idle_for(GOODBYE) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended in an error");
    }
}
