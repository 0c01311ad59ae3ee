//! https that needs nobody: an authority and certificates of our own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use reqwest::Client;
use wharf::http::listen::bind;

use crate::certificates::trusting;
use crate::harness::{Server, generated, settings};
use crate::log;
use crate::tls::openssl;

#[tokio::test]
async fn a_client_that_trusts_the_authority_is_served_by_address_and_by_name() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::start(generated(directory.path()));
    let authority = server.authority.clone().unwrap();
    assert_eq!(authority.pem(), fs::read_to_string(directory.path().join("ca.crt")).unwrap());
    let port = server.address().port();
    let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let mut client = trusting(authority.pem());
    for name in ["localhost", "registry.example.org", &hostname] {
        client = client.resolve(name, server.address());
    }
    let client = client.build().unwrap();
    for name in ["127.0.0.1", "localhost", "registry.example.org", &hostname] {
        let answer = client.get(format!("https://{name}:{port}/")).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name}");
    }
}

#[tokio::test]
async fn a_client_that_does_not_is_told_how_to_in_the_log() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    let other = tempfile::tempdir().unwrap();
    let server = Server::start(generated(directory.path()));
    let stranger = Server::start(generated(other.path())).authority.unwrap();
    let client: Client = trusting(stranger.pem()).build().unwrap();
    assert!(client.get(server.url("https", "/")).send().await.is_err());
    log::line(&[&format!("https://{}", server.address()), "GET /ca.crt"]).await;
}

fn read(directory: &Path) -> Vec<Vec<u8>> {
    ["ca.crt", "ca.key", "server.crt", "server.key"].map(|name| fs::read(directory.join(name)).unwrap()).into()
}

#[test]
fn everything_is_kept_from_one_start_to_the_next() {
    let directory = tempfile::tempdir().unwrap();
    drop(bind(&settings(generated(directory.path()))).unwrap());
    let before = read(directory.path());
    drop(bind(&settings(generated(directory.path()))).unwrap());
    assert_eq!(read(directory.path()), before);
    for key in ["ca.key", "server.key"] {
        let mode = fs::metadata(directory.path().join(key)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
}

#[test]
fn a_broken_authority_is_refused_and_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    drop(bind(&settings(generated(directory.path()))).unwrap());
    let key = directory.path().join("ca.key");
    fs::write(&key, "gibberish").unwrap();
    let refused = bind(&settings(generated(directory.path()))).err().unwrap();
    let reason = std::error::Error::source(&refused).unwrap().to_string();
    assert!(reason.contains(key.to_str().unwrap()), "{reason}");
    assert_eq!(fs::read_to_string(&key).unwrap(), "gibberish");
}

#[test]
fn a_broken_server_certificate_is_made_anew() {
    let directory = tempfile::tempdir().unwrap();
    drop(bind(&settings(generated(directory.path()))).unwrap());
    let authority = fs::read(directory.path().join("ca.crt")).unwrap();
    fs::write(directory.path().join("server.crt"), "gibberish").unwrap();
    drop(bind(&settings(generated(directory.path()))).unwrap());
    let made = fs::read_to_string(directory.path().join("server.crt")).unwrap();
    assert!(made.starts_with("-----BEGIN CERTIFICATE-----"));
    assert_eq!(fs::read(directory.path().join("ca.crt")).unwrap(), authority);
}

#[test]
fn openssl_agrees() {
    let directory = tempfile::tempdir().unwrap();
    let listeners = bind(&settings(generated(directory.path()))).unwrap();
    let [authority, leaf] = ["ca.crt", "server.crt"].map(|name| directory.path().join(name));
    let [authority, leaf] = [&authority, &leaf].map(|path| path.to_str().unwrap());
    for name in [["-verify_ip", "127.0.0.1"], ["-verify_ip", "::1"], ["-verify_hostname", "registry.example.org"]] {
        let common = ["verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", authority];
        let Some(_) = openssl(&[&common[..], &name, &[leaf]].concat()) else {
            return;
        };
    }
    let printed = openssl(&["x509", "-in", authority, "-noout", "-fingerprint", "-sha256"]).unwrap();
    let fingerprint = listeners[0].authority().unwrap().fingerprint();
    assert!(printed.contains(&fingerprint), "{fingerprint} in {printed}");
}
