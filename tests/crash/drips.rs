//! Clients that drip. The program's patience cannot be set, so the real application is served here with less of it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::join_all;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{interval, timeout};
use wharf::http::listen::{BoundListener, Timing, bind, serve};
use wharf::http::{Address, App, Listener, Settings};
use wharf::registry::Registry;
use wharf::storage::Filesystem;

use crate::support::client::PATIENCE;
use crate::support::content::sha256;

/// Long beside the pauses of a slow machine, short for a test.
const LIMIT: Duration = Duration::from_secs(2);
/// Between two bytes of a client that drips.
const DRIP: Duration = Duration::from_millis(100);
const DRIPPING: usize = 300;

/// A server in this process. It ends with the test.
struct Served {
    address: SocketAddr,
    _volume: TempDir,
}

fn start(timing: Timing) -> Served {
    let volume = tempfile::tempdir().unwrap();
    let settings = Settings {
        listeners: vec![Listener { address: Address::Tcp("127.0.0.1:0".to_owned()), tls: None }],
        prefix: "/".to_owned(),
        public_path: String::new(),
        public_url: None,
        trusted_proxies: Vec::new(),
        headers: Vec::new(),
        drain_timeout: None,
        http2: true,
        h2c: false,
        debug: None,
        health: None,
    };
    let registry = Registry::new(
        Arc::new(Filesystem::open(&wharf::storage::Settings::of(volume.path())).unwrap()),
        Default::default(),
    );
    let (auth, _) = wharf::auth::Auth::start(&wharf::auth::Settings::default(), SystemTime::now().into()).unwrap();
    let app = App::new(registry, auth, &settings).into_service();
    let listeners = bind(&settings).unwrap();
    let address = listeners.iter().find_map(BoundListener::local_addr).unwrap();
    tokio::spawn(async move { serve(listeners, app, &settings, timing, std::future::pending()).await.map(drop) });
    Served { address, _volume: volume }
}

async fn send_and_read(stream: &mut TcpStream, request: &str, end: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(stream, end).await
}

async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut read = String::new();
    while !read.contains(end) {
        let mut buffer = [0; 1000];
        let count = timeout(PATIENCE, stream.read(&mut buffer)).await.expect("an answer").unwrap();
        assert!(count > 0, "the connection ends after {read:?}");
        read.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
    }
    read
}

/// Sends a head that never ends, byte by byte, until the server has had enough. Returns how long that took.
async fn drip(address: SocketAddr) -> Duration {
    let begun = Instant::now();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = b"GET /v2/ HTTP/1.1\r\nhost: a\r\nx-drip: ".iter().chain(std::iter::repeat(&b'x'));
    let mut bytes = head.copied();
    let mut drips = interval(DRIP);
    let mut buffer = [0; 1000];
    loop {
        tokio::select! {
            _ = drips.tick() => {
                if stream.write_all(&[bytes.next().unwrap()]).await.is_err() {
                    return begun.elapsed();
                }
            }
            read = stream.read(&mut buffer) => {
                if read.unwrap_or(0) == 0 {
                    return begun.elapsed();
                }
            }
        }
    }
}

#[tokio::test]
async fn three_hundred_heads_that_drip_are_cut_while_others_are_served() {
    let served = start(Timing { head: LIMIT, ..Timing::default() });
    let dripping = join_all((0..DRIPPING).map(|_| drip(served.address)));
    let dripping = tokio::spawn(timeout(PATIENCE, dripping));
    let mut asked = 0;
    while !dripping.is_finished() {
        let mut honest = TcpStream::connect(served.address).await.unwrap();
        let answer = send_and_read(&mut honest, "GET /v2/ HTTP/1.1\r\nhost: a\r\n\r\n", "{}").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        asked += 1;
    }
    let took = dripping.await.unwrap().expect("every one of them is cut");
    assert!(asked > 20, "others are served meanwhile, and not only {asked} times");
    assert!(took.iter().all(|took| *took >= LIMIT), "nobody is cut before the limit: {:?}", took.iter().min());
}

async fn begin_upload(address: SocketAddr) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let begin = "POST /v2/drips/blobs/uploads/ HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    let begun = send_and_read(&mut stream, begin, "\r\n\r\n").await;
    let location = begun.lines().find_map(|line| line.strip_prefix("location: ")).unwrap();
    (stream, location.to_owned())
}

#[tokio::test]
async fn an_honest_upload_that_drips_for_longer_than_any_limit_is_not_cut() {
    let served = start(Timing { head: LIMIT / 4, body: LIMIT, ..Timing::default() });
    let (mut stream, location) = begin_upload(served.address).await;
    let content: Vec<u8> = (0..30).collect();
    let head = format!("PATCH {location} HTTP/1.1\r\nhost: a\r\ncontent-length: {}\r\n\r\n", content.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    let begun = Instant::now();
    let mut drips = interval(DRIP);
    for byte in &content {
        drips.tick().await;
        stream.write_all(&[*byte]).await.unwrap();
    }
    assert!(begun.elapsed() > LIMIT, "it takes longer than the limit");
    let answer = read_until(&mut stream, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 202") && answer.contains("range: 0-29"), "{answer}");
    let finish = format!("PUT {location}?digest={} HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n", sha256(&content));
    let answer = send_and_read(&mut stream, &finish, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}

#[tokio::test]
async fn an_upload_that_stalls_is_cut_and_goes_on_where_it_stalled() {
    let served = start(Timing { body: LIMIT / 4, ..Timing::default() });
    let (mut stream, location) = begin_upload(served.address).await;
    let stalled = format!("PATCH {location} HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n01234");
    let answer = send_and_read(&mut stream, &stalled, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let mut stream = TcpStream::connect(served.address).await.unwrap();
    let status = format!("GET {location} HTTP/1.1\r\nhost: a\r\n\r\n");
    let answer = send_and_read(&mut stream, &status, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 204") && answer.contains("range: 0-4"), "{answer}");
    let digest = sha256(b"0123456789");
    let finish = format!("PUT {location}?digest={digest} HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\n56789");
    let answer = send_and_read(&mut stream, &finish, "\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
}
