//! What a client sees of a connection that rests, and what it does not.

use std::convert::Infallible;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::drive::{Version, drive};
use super::peer::{Peer, PeerAddress};
use super::protocol::Protocols;
use super::service::Common;
use super::timing::Timing;

const PIECE: usize = 64 * 1024;
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
/// Longer than it takes a connection to rest.
const LONG: Duration = Duration::from_secs(10);

/// How much room there is for what is read next.
#[derive(Clone, Default)]
struct Room(Arc<AtomicUsize>);

impl Room {
    /// One that rests waits with next to none.
    fn rests(&self) -> bool {
        self.0.load(Ordering::Relaxed) < 100
    }
}

struct Watched(DuplexStream, Room);

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.1.0.store(buffer.remaining(), Ordering::Relaxed);
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// A connection to an application, over a line that holds 1,024 bytes.
fn connect(app: Router) -> (DuplexStream, Room, CancellationToken) {
    let (client, server) = duplex(1024);
    let (room, stopping) = (Room::default(), CancellationToken::new());
    let peer = Arc::new(Peer { address: PeerAddress::Unix, tls: false, listener: "here".into(), certificate: None });
    let common = Common { app, peer, patience: Duration::from_secs(60) };
    let (watched, stop) = (Watched(server, room.clone()), stopping.clone());
    tokio::spawn(async move {
        let protocols = Protocols::new(Timing::default(), false);
        drive(watched, Version::Http1, &protocols, common, Timing::default(), &stop).await;
    });
    (client, room, stopping)
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

async fn answer(client: &mut DuplexStream) -> String {
    let mut read = Vec::new();
    while !read.ends_with(b"hello") {
        assert!(client.read_buf(&mut read).await.unwrap() > 0, "{}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_rests_goes_on_with_the_next_request_however_it_comes() {
    let (mut client, room, _stopping) = connect(hello());
    for cut in [0, 1, 8, 9, REQUEST.len()] {
        client.write_all(&REQUEST[..cut]).await.unwrap();
        sleep(LONG).await;
        client.write_all(&REQUEST[cut..]).await.unwrap();
        assert!(answer(&mut client).await.starts_with("HTTP/1.1 200 "));
        sleep(LONG).await;
        assert!(room.rests());
    }
    // Two at once, and what is left of the second.
    client.write_all(&[REQUEST, &REQUEST[..5]].concat()).await.unwrap();
    answer(&mut client).await;
    sleep(LONG).await;
    client.write_all(&REQUEST[5..]).await.unwrap();
    answer(&mut client).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_ends_after_the_time_for_a_head() {
    let head = Timing::default().head;
    // However late a head begins, the bound is that from the end of the request before. It may be cut short by a rest.
    for drips in [None, Some(Duration::ZERO), Some(LONG), Some(head - 2 * LONG / 5)] {
        let (mut client, room, _stopping) = connect(hello());
        client.write_all(REQUEST).await.unwrap();
        answer(&mut client).await;
        let start = Instant::now();
        if let Some(pause) = drips {
            sleep(pause).await;
            assert_eq!(room.rests(), pause > Duration::ZERO);
            client.write_all(b"G").await.unwrap();
            sleep(Duration::from_secs(1)).await;
            client.write_all(b"E").await.unwrap();
        }
        let mut rest = Vec::new();
        client.read_to_end(&mut rest).await.unwrap();
        let waited = start.elapsed();
        assert!((head - Duration::from_secs(2)..=head).contains(&waited), "{drips:?}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_rests_ends_at_once_when_the_server_stops() {
    let (mut client, room, stopping) = connect(hello());
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    sleep(LONG).await;
    assert!(room.rests());
    let start = Instant::now();
    stopping.cancel();
    assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(start.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_reads_slowly_gets_all_of_its_answer_and_keeps_its_connection() {
    let app = Router::new().route("/", get(async || [vec![b'x'; PIECE], b"hello".to_vec()].concat()));
    let (mut client, room, _stopping) = connect(app);
    for _ in 0..2 {
        client.write_all(REQUEST).await.unwrap();
        sleep(LONG).await;
        assert!(!room.rests());
        assert!(answer(&mut client).await.len() > PIECE);
        sleep(LONG).await;
        assert!(room.rests());
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_body_that_nobody_reads_is_not_taken_for_a_request() {
    let app = Router::new().route("/", axum::routing::post(async || "hello").get(async || "smuggled"));
    let (mut client, _, _stopping) = connect(app);
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\n\r\n", 1_000_000);
    client.write_all(head.as_bytes()).await.unwrap();
    answer(&mut client).await;
    sleep(LONG).await;
    let mut rest = Vec::new();
    // It may be closed by now.
    let _ = client.write_all(REQUEST).await;
    let _ = client.read_to_end(&mut rest).await;
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
}

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
    let (mut client, _, _stopping) = connect(Router::new().route("/", get(endless)));
    client.write_all(REQUEST).await.unwrap();
    let mut read = vec![0; 8 * PIECE];
    client.read_exact(&mut read).await.unwrap();
    // Time is paused: it goes on when nothing else can.
    sleep(Duration::from_secs(1)).await;
    let held = taken.load(Ordering::Relaxed) - read.len() / PIECE;
    assert_eq!(held, 1);
}

/// What is let go of just when the connection would come to rest, as `Leftover` does after two seconds.
#[tokio::test(start_paused = true)]
async fn a_body_that_is_let_go_of_late_is_not_taken_for_a_request() {
    for late in (1990..2010).flat_map(|late| [late; 10]) {
        let hold = async move |body: Body| {
            tokio::spawn(async move {
                sleep(Duration::from_millis(late)).await;
                drop(body);
            });
            "hello"
        };
        let app = Router::new().route("/", axum::routing::post(hold).get(async || "smuggled"));
        let (mut client, _, _stopping) = connect(app);
        client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n").await.unwrap();
        answer(&mut client).await;
        sleep(LONG).await;
        let mut rest = Vec::new();
        // It may be closed by now.
        let _ = client.write_all(REQUEST).await;
        let _ = tokio::time::timeout(LONG, client.read_to_end(&mut rest)).await;
        assert!(rest.is_empty(), "{late}: {}", String::from_utf8_lossy(&rest));
    }
}

/// While what a refusal left of a body still comes in, the connection is as it was.
#[tokio::test(start_paused = true)]
async fn a_body_that_comes_in_slowly_behind_its_answer_costs_no_connection() {
    let hold = async |body: Body| {
        tokio::spawn(axum::body::to_bytes(body, usize::MAX));
        "hello"
    };
    let app = Router::new().route("/", axum::routing::post(hold).get(async || "hello"));
    let (mut client, room, _stopping) = connect(app);
    client.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n").await.unwrap();
    answer(&mut client).await;
    for _ in 0..10 {
        client.write_all(&[b'x'; 10]).await.unwrap();
        sleep(Duration::from_millis(700)).await;
    }
    client.write_all(REQUEST).await.unwrap();
    answer(&mut client).await;
    sleep(LONG).await;
    assert!(room.rests());
}
