//! https with certificates from files.

use std::fs;
use std::process::Command;

use reqwest::{Version, tls};
use rustls::HandshakeKind;
use wharf::http::listen::{ListenError, Timing, bind};
use wharf::http::tls::TlsError;
use wharf::http::{Certificate, ClientCertificates, Listener, Tls, TlsVersion};

use crate::certificates::{TestAuthority, trusting};
use crate::harness::{Server, files, settings, soon, with_tls};
use crate::log;
use crate::raw::Raw;

#[tokio::test]
async fn a_client_chooses_http2_or_http1() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    let answer = authority.client().get(server.url("https", "/")).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_2);
    assert!(answer.text().await.unwrap().contains(" true https://"));
    let old = trusting(&authority.pem).http1_only().build().unwrap();
    let answer = old.get(server.url("https", "/")).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_11);
}

#[tokio::test]
async fn a_large_upload_arrives_whole_over_either() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    let old = trusting(&authority.pem).http1_only().build().unwrap();
    for client in [authority.client(), old] {
        let sent = client.put(server.url("https", "/sink")).body(vec![7; 9_000_001]).send();
        assert_eq!(soon(sent).await.unwrap().text().await.unwrap(), "9000001");
    }
}

#[tokio::test]
async fn http2_is_not_offered_when_it_is_disabled() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let mut disabled = settings(files(directory.path()));
    disabled.http2 = false;
    let server = Server::with(disabled, Timing::default());
    let answer = authority.client().get(server.url("https", "/")).send().await.unwrap();
    assert_eq!(answer.version(), Version::HTTP_11);
}

#[tokio::test]
async fn a_panic_in_one_stream_takes_that_stream() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    let client = authority.client();
    assert!(client.get(server.url("https", "/panic")).send().await.is_err());
    assert_eq!(client.get(server.url("https", "/")).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn versions_below_the_minimum_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    authority.write_pair(directory.path());
    let mut listener = files(directory.path());
    listener.tls.as_mut().unwrap().minimum = TlsVersion::Tls13;
    let server = Server::start(listener);
    let old = trusting(&authority.pem).tls_version_max(tls::Version::TLS_1_2).build().unwrap();
    assert!(old.get(server.url("https", "/")).send().await.is_err());
    assert!(authority.client().get(server.url("https", "/")).send().await.is_ok());
}

fn asking(directory: &std::path::Path, clients: ClientCertificates) -> Listener {
    let mut listener = files(directory);
    listener.tls.as_mut().unwrap().clients = clients;
    listener
}

#[tokio::test]
async fn a_required_client_certificate_must_be_shown_and_be_from_the_right_authority() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    let [authority, clients, strangers] = [(), (), ()].map(|()| TestAuthority::new());
    authority.write_pair(directory.path());
    let file = directory.path().join("clients.crt");
    fs::write(&file, &clients.pem).unwrap();
    let server = Server::start(asking(directory.path(), ClientCertificates::Required(vec![file])));
    let url = server.url("https", "/");
    let showing = |identity| trusting(&authority.pem).identity(identity).build().unwrap();
    assert!(authority.client().get(&url).send().await.is_err());
    assert!(showing(strangers.sign("somebody").identity()).get(&url).send().await.is_err());
    assert_eq!(showing(clients.sign("somebody").identity()).get(&url).send().await.unwrap().status(), 200);
    log::line(&[&format!("https://{}", server.address()), "showed no certificate"]).await;
}

#[tokio::test]
async fn an_optional_client_certificate_may_be_left_out_but_not_be_wrong() {
    let directory = tempfile::tempdir().unwrap();
    let [authority, clients, strangers] = [(), (), ()].map(|()| TestAuthority::new());
    authority.write_pair(directory.path());
    let file = directory.path().join("clients.crt");
    fs::write(&file, &clients.pem).unwrap();
    let server = Server::start(asking(directory.path(), ClientCertificates::Optional(vec![file])));
    let url = server.url("https", "/");
    let showing = |identity| trusting(&authority.pem).identity(identity).build().unwrap();
    assert_eq!(authority.client().get(&url).send().await.unwrap().status(), 200);
    assert!(showing(strangers.sign("somebody").identity()).get(&url).send().await.is_err());
    assert_eq!(showing(clients.sign("somebody").identity()).get(&url).send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn the_application_sees_the_certificate_that_a_client_showed_and_no_other() {
    let directory = tempfile::tempdir().unwrap();
    let [authority, clients] = [(), ()].map(|()| TestAuthority::new());
    authority.write_pair(directory.path());
    let file = directory.path().join("clients.crt");
    fs::write(&file, &clients.pem).unwrap();
    let server = Server::start(asking(directory.path(), ClientCertificates::Optional(vec![file])));
    let url = server.url("https", "/certificate");
    let told = async |client: reqwest::ClientBuilder| {
        client.build().unwrap().get(&url).send().await.unwrap().text().await.unwrap()
    };
    assert_eq!(told(trusting(&authority.pem)).await, "none");
    for name in ["alice", "bob"] {
        let identity = || clients.sign(name).identity();
        assert_eq!(told(trusting(&authority.pem).identity(identity())).await, name);
        assert_eq!(told(trusting(&authority.pem).identity(identity()).http1_only()).await, name);
    }
}

#[tokio::test]
async fn a_resumed_session_brings_the_certificate_of_the_first() {
    let directory = tempfile::tempdir().unwrap();
    let [authority, clients] = [(), ()].map(|()| TestAuthority::new());
    authority.write_pair(directory.path());
    let file = directory.path().join("clients.crt");
    fs::write(&file, &clients.pem).unwrap();
    let server = Server::start(asking(directory.path(), ClientCertificates::Required(vec![file])));
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let connector = authority.showing(&clients.sign("alice"), version);
        for resumed in [false, true] {
            let stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
            let mut raw = Raw(connector.connect(server.address().ip().into(), stream).await.unwrap());
            raw.send("GET /certificate HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n").await;
            // To the end, so that the tickets have come too.
            let answer = raw.read_to_close().await;
            assert!(answer.ends_with("alice"), "{answer}");
            let kind = raw.0.get_ref().1.handshake_kind();
            assert_eq!(kind == Some(HandshakeKind::Resumed), resumed, "{version:?}");
        }
    }
}

#[tokio::test]
async fn a_client_that_does_not_trust_us_is_reported_with_a_remedy() {
    log::listen();
    let directory = tempfile::tempdir().unwrap();
    TestAuthority::new().write_pair(directory.path());
    let server = Server::start(files(directory.path()));
    assert!(TestAuthority::new().client().get(server.url("https", "/")).send().await.is_err());
    log::line(&[&format!("https://{}", server.address()), "does not trust this server's certificate"]).await;
}

fn refused(listener: Listener) -> TlsError {
    let refused = bind(&settings(listener)).err().unwrap();
    let ListenError::Tls { source, .. } = refused else { panic!("{refused}") };
    source
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let authority = TestAuthority::new();
    let good = authority.write_pair(directory.path());
    let certificate = directory.path().join("server.crt");
    let key = directory.path().join("server.key");

    fs::write(&key, &authority.sign("127.0.0.1").key).unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::Mismatch { key: named, .. } if named == key));
    fs::write(&key, "gibberish").unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::NoKey { path } if path == key));
    fs::write(&key, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n").unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::LockedKey { path } if path == key));
    fs::remove_file(&key).unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::Read { path, .. } if path == key));
    fs::write(&key, &good.key).unwrap();

    fs::write(&certificate, "gibberish").unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::NoCertificate { path } if path == certificate));
    fs::write(&certificate, good.certificate.replace("-----END CERTIFICATE-----", "")).unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::NotPem { path, .. } if path == certificate));
    fs::write(&certificate, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(matches!(refused(files(directory.path())), TlsError::BadCertificate { path, .. } if path == certificate));
    good.write(directory.path());

    let none = directory.path().join("clients.crt");
    let listener = asking(directory.path(), ClientCertificates::Required(vec![none.clone()]));
    assert!(matches!(refused(listener), TlsError::Read { path, .. } if path == none));
    assert!(bind(&settings(files(directory.path()))).is_ok());
}

/// Runs openssl, if there is one.
pub(crate) fn openssl(arguments: &[&str]) -> Option<String> {
    let ran = Command::new("openssl").args(arguments).output().ok()?;
    let printed = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert!(ran.status.success(), "{printed}{}", String::from_utf8_lossy(&ran.stderr));
    Some(printed)
}

#[tokio::test]
async fn keys_are_read_in_every_usual_form() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).to_str().unwrap().to_owned();
    let rsa = ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out"];
    let curve = ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out"];
    for (name, make) in [("rsa", rsa), ("ec", curve)] {
        let [pkcs8, older, certificate] = ["pkcs8.key", "older.key", "crt"].map(|end| path(&format!("{name}.{end}")));
        let Some(_) = openssl(&[&make[..], &[&*pkcs8]].concat()) else {
            return;
        };
        openssl(&["pkey", "-traditional", "-in", &pkcs8, "-out", &older]).unwrap();
        let subject = ["-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "10"];
        openssl(&[&["req", "-x509", "-key", &*pkcs8, "-out", &*certificate][..], &subject].concat()).unwrap();
        for key in [pkcs8, older] {
            let server = Server::start(with_tls(Tls {
                certificate: Certificate::Files { certificate: (&certificate).into(), key: (&key).into() },
                minimum: TlsVersion::Tls12,
                clients: ClientCertificates::NotAsked,
                cipher_suites: None,
            }));
            let client = reqwest::Client::builder().tls_danger_accept_invalid_certs(true).build().unwrap();
            assert_eq!(client.get(server.url("https", "/")).send().await.unwrap().status(), 200, "{key}");
        }
    }
}
