//! The end: no new requests, those under way finished or, after a while, cut off.

use std::time::Duration;

use tokio::net::TcpStream;
use wharf::http::listen::Timing;

use crate::certificates::TestAuthority;
use crate::harness::{Server, files, plain, settings, soon};
use crate::raw::Raw;

#[tokio::test]
async fn a_request_under_way_is_finished_and_nothing_else_is_begun() {
    let mut server = Server::start(plain());
    let address = server.address();
    let mut busy = Raw::connect(address).await;
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.gate.arrival().await;
    let mut idle = Raw::connect(address).await;
    idle.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    idle.read_until(&format!("http://{address}")).await;
    let mut fresh = Raw::connect(address).await;

    server.tell_to_stop();
    assert_eq!(idle.read_to_close().await, "");
    assert_eq!(fresh.read_to_close().await, "");
    assert!(TcpStream::connect(address).await.is_err());

    server.gate.open();
    let answer = busy.read_to_close().await;
    assert!(answer.contains("connection: close") && answer.ends_with("waited"), "{answer}");
    assert_eq!(server.stopped().await.cut, 0);
}

#[tokio::test]
async fn requests_that_take_too_long_are_cut_off_and_counted() {
    let mut limited = settings(plain());
    limited.drain_timeout = Some(Duration::from_millis(50));
    let mut server = Server::with(limited, Timing::default());
    let mut busy = [Raw::connect(server.address()).await, Raw::connect(server.address()).await];
    for client in &mut busy {
        client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
        server.gate.arrival().await;
    }
    server.tell_to_stop();
    assert_eq!(server.stopped().await.cut, 2);
    for client in &mut busy {
        assert_eq!(client.read_to_close().await, "");
    }
}

#[tokio::test]
async fn over_http2_too_a_request_under_way_is_finished_and_an_idle_connection_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let mut server = Server::start(files(directory.path()));
    let [busy, idle] = [authority.client(), authority.client()];
    idle.get(server.url("https", "/")).send().await.unwrap();
    let waiting = tokio::spawn(busy.get(server.url("https", "/wait")).send());
    server.gate.arrival().await;
    server.tell_to_stop();
    server.gate.open();
    let answer = soon(waiting).await.unwrap().unwrap();
    assert_eq!(answer.text().await.unwrap(), "waited");
    assert_eq!(server.stopped().await.cut, 0);
    drop((busy, idle));
}

#[tokio::test]
async fn a_handshake_that_has_begun_does_not_hold_up_the_end() {
    let directory = tempfile::tempdir().unwrap();
    TestAuthority::new().write_pair(directory.path());
    let timing = Timing { handshake: Duration::from_secs(3600), ..Timing::default() };
    let server = Server::with(settings(files(directory.path())), timing);
    let mut client = Raw::connect(server.address()).await;
    client.send([0x16, 0x03, 0x01]).await;
    assert_eq!(server.stop().await.cut, 0);
}
