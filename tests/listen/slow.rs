//! Clients that take their time, each kind of which costs a bounded one.

use std::time::Duration;

use reqwest::Client;
use tokio::io::AsyncWriteExt as _;
use wharf::http::listen::Timing;

use crate::certificates::{TestAuthority, encrypted};
use crate::harness::{Server, files, plain, settings, soon};
use crate::raw::Raw;

const SHORT: Duration = Duration::from_millis(100);
const PREFACE: &str = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

fn impatient() -> Timing {
    Timing { handshake: SHORT, head: SHORT, body: SHORT, ..Timing::default() }
}

#[tokio::test]
async fn a_connection_on_which_nothing_is_said_is_closed() {
    let server = Server::with(settings(plain()), impatient());
    assert_eq!(Raw::connect(server.address()).await.read_to_close().await, "");
}

#[tokio::test]
async fn a_head_that_does_not_end_is_not_waited_for() {
    let server = Server::with(settings(plain()), impatient());
    let mut client = Raw::connect(server.address()).await;
    client.send("GET / HTTP/1.1\r\nHost:").await;
    client.read_to_close().await;
}

#[tokio::test]
async fn a_connection_without_another_request_is_closed() {
    let server = Server::with(settings(plain()), impatient());
    let mut client = Raw::connect(server.address()).await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(client.read_to_close().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_handler_learns_that_a_body_has_stalled() {
    let server = Server::with(settings(plain()), impatient());
    let mut client = Raw::connect(server.address()).await;
    client.send("PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12345").await;
    let answer = client.read_to_close().await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.contains("in the middle of a body"), "{answer}");
}

#[tokio::test]
async fn a_handler_that_takes_long_is_not_a_slow_client() {
    let server = Server::with(settings(plain()), impatient());
    let mut client = Raw::connect(server.address()).await;
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    server.gate.arrival().await;
    // As long as everything else may take.
    let mut silent = Raw::connect(server.address()).await;
    silent.read_to_close().await;
    server.gate.open();
    client.read_until("waited").await;
}

#[tokio::test]
async fn a_handshake_that_does_not_begin_or_end_is_not_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    TestAuthority::new().write_pair(directory.path());
    let server = Server::with(settings(files(directory.path())), impatient());
    assert_eq!(Raw::connect(server.address()).await.read_to_close().await, "");
    let mut half = Raw::connect(server.address()).await;
    half.send([0x16, 0x03, 0x01, 0x02, 0x00]).await;
    assert_eq!(half.read_to_close().await, "");
}

#[tokio::test]
async fn an_http2_connection_is_closed_when_it_has_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let timing = Timing { head: SHORT, ..Timing::default() };
    let server = Server::with(settings(files(directory.path())), timing);
    let settings = "\0\0\0\x04\0\0\0\0\0";
    for begun in [String::new(), PREFACE.to_owned(), format!("{PREFACE}{settings}")] {
        let mut client = encrypted(&authority, server.address(), b"h2").await;
        client.send(begun).await;
        client.read_to_close().await;
    }
}

#[tokio::test]
async fn an_http2_connection_is_kept_while_it_has_a_request() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let timing = Timing { head: 3 * SHORT, ..Timing::default() };
    let server = Server::with(settings(files(directory.path())), timing);
    let waiting = tokio::spawn(authority.client().get(server.url("https", "/wait")).send());
    server.gate.arrival().await;
    // As long as a connection without one is kept, and some more.
    for _ in 0..2 {
        encrypted(&authority, server.address(), b"http/1.1").await.read_to_close().await;
    }
    server.gate.open();
    assert_eq!(soon(waiting).await.unwrap().unwrap().text().await.unwrap(), "waited");
}

#[tokio::test]
async fn http2_that_begins_and_says_no_more_is_closed() {
    let mut allowed = settings(plain());
    allowed.h2c = true;
    let server = Server::with(allowed, impatient());
    for begun in ["P", PREFACE] {
        let mut client = Raw::connect(server.address()).await;
        client.send(begun).await;
        client.read_to_close().await;
        let _ = client.0.shutdown().await;
    }
    let client = Client::new();
    assert_eq!(client.get(server.url("http", "/")).send().await.unwrap().status(), 200);
}
