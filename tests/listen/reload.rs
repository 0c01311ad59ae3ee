//! Certificates that change while the server serves.

use std::fs;
use std::path::Path;
use std::time::Duration;

use reqwest::Client;
use reqwest::tls::TlsInfo;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use wharf::http::listen::Timing;

use crate::certificates::{Pair, TestAuthority, trusting};
use crate::harness::{Server, files, settings};
use crate::log;

fn watching(directory: &Path) -> Server {
    let timing = Timing { certificates: Duration::from_millis(20), ..Timing::default() };
    Server::with(settings(files(directory)), timing)
}

/// The certificate that a new connection is shown.
async fn shown(authority: &TestAuthority, server: &Server) -> CertificateDer<'static> {
    let answer = authority.client().get(server.url("https", "/")).send().await.unwrap();
    let info = answer.extensions().get::<TlsInfo>().unwrap();
    CertificateDer::from(info.peer_certificate().unwrap().to_vec())
}

fn der(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap()
}

/// One connection with a request under way on it.
fn waiting(client: &Client, server: &Server) -> tokio::task::JoinHandle<reqwest::Result<reqwest::Response>> {
    tokio::spawn(client.get(server.url("https", "/wait")).send())
}

#[tokio::test]
async fn a_changed_pair_is_shown_to_new_connections_and_open_ones_stay() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    let old = authority.write_pair(directory.path());
    let server = watching(directory.path());
    let client = trusting(&authority.pem).http1_only().build().unwrap();
    let open = waiting(&client, &server);
    server.gate.arrival().await;
    assert_eq!(shown(&authority, &server).await, der(&old));

    let new = authority.write_pair(directory.path());
    log::line(&["a new certificate is in use", directory.path().to_str().unwrap()]).await;
    assert_eq!(shown(&authority, &server).await, der(&new));
    server.gate.open();
    assert_eq!(open.await.unwrap().unwrap().text().await.unwrap(), "waited");
}

#[tokio::test]
async fn a_broken_pair_leaves_the_old_one_in_use_and_the_repair_is_noticed() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().to_str().unwrap();
    let authority = TestAuthority::new();
    let old = authority.write_pair(directory.path());
    let server = watching(directory.path());
    let client = trusting(&authority.pem).http1_only().build().unwrap();
    let open = waiting(&client, &server);
    server.gate.arrival().await;

    fs::write(directory.path().join("server.key"), "gibberish").unwrap();
    log::line(&["the old one stays in use", place, "server.key holds no private key"]).await;
    assert_eq!(shown(&authority, &server).await, der(&old));

    let new = authority.write_pair(directory.path());
    log::line(&["a new certificate is in use", place]).await;
    assert_eq!(shown(&authority, &server).await, der(&new));
    assert_eq!(log::count(&["the old one stays in use", place]), 1);
    server.gate.open();
    assert_eq!(open.await.unwrap().unwrap().text().await.unwrap(), "waited");
}
