//! Plain http, as well-behaved clients speak it.

use reqwest::{Client, Version};
use tokio::io::AsyncWriteExt as _;

use wharf::http::Address;
use wharf::http::listen::Timing;

use crate::harness::{Server, plain, settings};
use crate::raw::Raw;

#[tokio::test]
async fn a_request_is_answered_and_carries_its_peer() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    let own = client.0.local_addr().unwrap();
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = client.read_to_close().await;
    assert!(answer.ends_with(&format!("{own} false http://{}", server.address())), "{answer}");
}

#[tokio::test]
async fn a_connection_is_kept_for_the_next_request() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    for _ in 0..3 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(client.read_until(&format!("http://{}", server.address())).await.starts_with("HTTP/1.1 200"));
    }
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    let size = 3 * 1024 * 1024;
    client
        .send(format!("PUT /sink HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\nExpect: 100-continue\r\n\r\n"))
        .await;
    assert_eq!(client.read_until("\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    client.send(vec![7; size]).await;
    client.read_until(&format!("\r\n\r\n{size}")).await;
}

#[tokio::test]
async fn a_client_that_closes_its_side_still_gets_its_answer() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    client.send("GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    client.0.shutdown().await.unwrap();
    server.gate.arrival().await;
    server.gate.open();
    assert!(client.read_to_close().await.ends_with("waited"));
}

#[tokio::test]
async fn a_panic_takes_one_connection_and_nothing_else() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    client.send("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(client.read_to_close().await, "");
    let answer = reqwest::get(server.url("http", "/")).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(server.stop().await.cut, 0);
}

#[tokio::test]
async fn a_long_head_is_read() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    client
        .send(format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(63 * 1024)))
        .await;
    assert!(client.read_to_close().await.starts_with("HTTP/1.1 200"));
}

#[tokio::test]
async fn a_head_without_end_is_refused() {
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    client.send(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(65 * 1024))).await;
    assert!(client.read_to_close().await.starts_with("HTTP/1.1 431"));
}

#[tokio::test]
async fn http2_without_tls_is_spoken_only_when_allowed() {
    let client = || Client::builder().http2_prior_knowledge().build().unwrap();
    let refusing = Server::start(plain());
    assert!(client().get(refusing.url("http", "/")).send().await.is_err());

    let mut allowed = settings(plain());
    allowed.h2c = true;
    let allowing = Server::with(allowed, Timing::default());
    let answer = client().get(allowing.url("http", "/")).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    let answer = reqwest::get(allowing.url("http", "/")).await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_11);
}

#[tokio::test]
async fn an_empty_host_is_every_address_of_both_families() {
    let mut everywhere = plain();
    everywhere.address = Address::Tcp(":0".to_owned());
    let server = Server::start(everywhere);
    let port = server.address().port();
    let mut client = Raw::connect(([127, 0, 0, 1], port).into()).await;
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = client.read_to_close().await;
    assert!(answer.contains("\r\n\r\n127.0.0.1:"), "an IPv4 peer is written as one: {answer}");
    if server.address().is_ipv6() {
        let answer = reqwest::get(format!("http://[::1]:{port}/")).await.unwrap();
        assert!(answer.text().await.unwrap().starts_with("[::1]:"));
    }
}
