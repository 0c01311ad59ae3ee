//! https to a port for http, and the other way round.

use serde_json::Value;

use crate::certificates::TestAuthority;
use crate::harness::{Server, files, plain};
use crate::log;
use crate::raw::Raw;

#[tokio::test]
async fn a_tls_hello_on_a_plain_port_is_answered_in_http() {
    log::listen();
    let server = Server::start(plain());
    let mut client = Raw::connect(server.address()).await;
    // Longer than what is looked at, as real ones are.
    let mut hello = vec![0x16, 0x03, 0x01, 0x02, 0x00];
    hello.resize(2000, 0);
    client.send(hello).await;
    let answer = client.read_to_close().await;
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{answer}");
    assert!(answer.ends_with("This port speaks http, not https.\n"), "{answer}");
    let listener = format!("http://{}", server.address());
    log::line(&[&listener, "insecure-registries", "http.tls"]).await;
}

#[tokio::test]
async fn a_tls_client_on_a_plain_port_sees_an_http_answer_and_the_server_goes_on() {
    let server = Server::start(plain());
    let client = TestAuthority::new().client();
    assert!(client.get(server.url("https", "/v2/")).send().await.is_err());
    assert_eq!(reqwest::get(server.url("http", "/")).await.unwrap().status(), 200);
}

#[tokio::test]
async fn http_on_a_tls_port_is_told_where_to_go_once_in_the_log_and_every_time_in_the_answer() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    TestAuthority::new().write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    for _ in 0..3 {
        let answer = reqwest::get(server.url("http", "/v2/")).await.unwrap();
        assert_eq!(answer.status(), 400);
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["errors"][0]["code"], "UNSUPPORTED");
        let message = format!("this port speaks https: use https://{}", server.address());
        assert_eq!(body["errors"][0]["message"], message.as_str());
    }
    let listener = format!("https://{}", server.address());
    log::line(&[&listener, "a client tried http"]).await;
    assert_eq!(log::count(&[&listener, "a client tried http"]), 1);
}

#[tokio::test]
async fn what_is_neither_is_closed_and_the_server_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    let mut client = Raw::connect(server.address()).await;
    client.send([0x80, 0x2e, 0x01, 0x03, 0x01, 0xff, 0xff]).await;
    client.read_to_close().await;
    assert_eq!(authority.client().get(server.url("https", "/")).send().await.unwrap().status(), 200);

    let plain = Server::start(plain());
    let mut client = Raw::connect(plain.address()).await;
    client.send([0x00, 0x01, 0x02, b'\r', b'\n', b'\r', b'\n']).await;
    assert!(client.read_to_close().await.starts_with("HTTP/1.1 400"));
}
