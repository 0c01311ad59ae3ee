//! A connection from its first request to its end.

use std::pin::{Pin, pin};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use super::protocol::Protocols;
use super::requests::Requests;
use super::service::{Application, Common};
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
    let stream = TokioIo::new(stream);
    let requests = Requests::new();
    match (version, &protocols.either) {
        (Version::Http1, _) | (Version::Plain, None) => {
            // One that waits for its next request is ended by the bound on the head.
            let connection = pin!(protocols.http1.serve_connection(stream, common.in_turn()));
            until_the_end(connection, None, timing, stopping).await;
        }
        (Version::Http2, _) => {
            let service = common.counted(requests.clone());
            // These are large, and few connections are one of them; so they are not in the task of every connection.
            let mut connection = Box::pin(protocols.http2.serve_connection(stream, service));
            until_the_end(connection.as_mut(), Some(&requests), timing, stopping).await;
        }
        (Version::Plain, Some(either)) => {
            let service = common.counted(requests.clone());
            let mut connection = Box::pin(either.serve_connection(stream, service).into_owned());
            until_the_end(connection.as_mut(), Some(&requests), timing, stopping).await;
        }
    }
}

async fn until_the_end<C>(
    mut connection: Pin<&mut C>,
    requests: Option<&Requests>,
    timing: Timing,
    stopping: &CancellationToken,
) where
    C: GracefulConnection<Error: std::fmt::Display>,
{
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use bytes::Bytes;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::peer::{Peer, PeerAddress};
    use super::*;

    const PIECE: usize = 64 * 1024;

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stops_reading_holds_little_of_an_answer() {
        let taken = Arc::new(AtomicUsize::new(0));
        let pieces = Arc::clone(&taken);
        let endless = move || {
            let pieces = Arc::clone(&pieces);
            async move {
                Body::from_stream(futures_util::stream::repeat_with(move || {
                    pieces.fetch_add(1, Ordering::Relaxed);
                    Ok::<_, Infallible>(Bytes::from_static(&[0; PIECE]))
                }))
            }
        };
        let (mut client, server) = tokio::io::duplex(1024);
        let peer = Arc::new(Peer { address: PeerAddress::Unix, tls: false, listener: "here".into() });
        let common = Common { app: Router::new().route("/", get(endless)), peer, patience: Duration::MAX };
        tokio::spawn(async move {
            let protocols = Protocols::new(Timing::default(), false);
            drive(server, Version::Http1, &protocols, common, Timing::default(), &CancellationToken::new()).await;
        });
        client.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut read = vec![0; 8 * PIECE];
        client.read_exact(&mut read).await.unwrap();
        // Time is paused: it goes on when nothing else can.
        tokio::time::sleep(Duration::from_secs(1)).await;
        let held = taken.load(Ordering::Relaxed) - read.len() / PIECE;
        assert!((1..=2).contains(&held), "{held} pieces of {PIECE} bytes");
    }
}
