//! A connection from its first request to its end.

use std::pin::pin;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::protocol::Protocols;
use super::requests::Requests;
use super::service::Common;
use super::timing::Timing;

/// How long a peer without a request under way may take to agree that the connection ends.
const GOODBYE: Duration = Duration::from_secs(2);

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
pub(super) async fn drive<S>(
    stream: S,
    version: Version,
    protocols: &Protocols,
    common: Common,
    timing: Timing,
    stopping: &CancellationToken,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    let requests = Requests::new();
    match (version, &protocols.either) {
        (Version::Http1, _) | (Version::Plain, None) => {
            // One that waits for its next request is ended by the bound on the head.
            let connection = protocols.http1.serve_connection(stream, common.in_turn());
            until_the_end(connection, None, timing, stopping).await;
        }
        (Version::Http2, _) => {
            let service = common.counted(requests.clone());
            let connection = protocols.http2.serve_connection(stream, service);
            until_the_end(connection, Some(&requests), timing, stopping).await;
        }
        (Version::Plain, Some(either)) => {
            let service = common.counted(requests.clone());
            let connection = either.serve_connection(stream, service).into_owned();
            until_the_end(connection, Some(&requests), timing, stopping).await;
        }
    }
}

async fn until_the_end<C>(connection: C, requests: Option<&Requests>, timing: Timing, stopping: &CancellationToken)
where
    C: GracefulConnection<Error: std::fmt::Display>,
{
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Some(ended),
        () = stopping.cancelled() => None,
        () = idle(requests, timing.head) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = idle(requests, GOODBYE) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended in an error");
    }
}

async fn idle(requests: Option<&Requests>, limit: Duration) {
    match requests {
        Some(requests) => requests.idle_for(limit).await,
        None => std::future::pending().await,
    }
}
