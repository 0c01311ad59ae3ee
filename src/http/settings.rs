//! What an operator decides about the front door. `config` fills these in.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use ipnet::IpNet;
use rustls::CipherSuite;

/// The front door's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where requests are accepted; never empty.
    pub listeners: Vec<Listener>,
    /// What the path starts with before `/v2/`, with a slash at both ends; `/` when there is none (`http.prefix`).
    pub prefix: String,
    /// What clients write before `prefix` and a proxy takes away, as the path of `http.host` says: `/registry`, with no
    /// slash at the end, empty when there is none. A `Location` begins with it.
    pub public_path: String,
    /// Where clients find this registry, as the scheme and host of `http.host` say: `https://registry.example.com:5000`.
    /// `None` is wherever a request says that it went.
    pub public_url: Option<String>,
    /// Whose word on the scheme, the host and the address of a client counts (`http.trustedproxies`): that of no other
    /// peer is heard.
    pub trusted_proxies: Vec<IpNet>,
    /// Headers that every answer carries (`http.headers`).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How long requests under way may take after the signal to stop (`http.draintimeout`): with zero they are cut off
    /// at once, `None` waits for all.
    pub drain_timeout: Option<Duration>,
    /// Whether HTTP/2 is offered over TLS (`http.http2.disabled`).
    pub http2: bool,
    /// Whether HTTP/2 is accepted without TLS (`http.h2c.enabled`).
    pub h2c: bool,
    /// The listener for operators (`http.debug`).
    pub debug: Option<Debug>,
    /// How the storage is watched; `None` does not watch it (`health.storagedriver`).
    pub health: Option<Health>,
}

/// One address and what it speaks.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Where it listens.
    pub address: Address,
    /// With it https, without it plain http.
    pub tls: Option<Tls>,
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `host:port`; an empty host is every address.
    Tcp(String),
    /// A Unix socket (`http.net: unix`).
    Unix(PathBuf),
}

/// How a listener speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Whose certificate is shown.
    pub certificate: Certificate,
    /// The oldest version that is accepted.
    pub minimum: TlsVersion,
    /// Whether clients show certificates.
    pub clients: ClientCertificates,
    /// The suites of TLS 1.2 that are accepted; `None` is every one that is safe. Those of TLS 1.3 are not chosen
    /// (`http.tls.ciphersuites`).
    pub cipher_suites: Option<Vec<CipherSuite>>,
}

/// Where the server's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// PEM files that somebody else keeps; a change is noticed while serving.
    Files {
        /// The certificate and its chain.
        certificate: PathBuf,
        /// Its private key.
        key: PathBuf,
    },
    /// Made here: a private authority and a certificate from it, kept in a directory of the volume.
    Generated {
        /// Names and addresses to certify beside the host's own.
        names: Vec<String>,
        /// Where both are kept.
        directory: PathBuf,
    },
}

/// The oldest TLS version that is accepted (`http.tls.minimumtls`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2 and 1.3.
    Tls12,
    /// TLS 1.3 alone.
    Tls13,
}

/// Whether clients show certificates (`http.tls.clientcas`, `http.tls.clientauth`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked.
    NotAsked,
    /// They must show one that one of these authorities (PEM files) signed.
    Required(Vec<PathBuf>),
    /// They may show one; one that is shown must be signed by one of these authorities.
    Optional(Vec<PathBuf>),
}

/// The listener for operators: health, and nothing that clients need.
#[derive(Clone, Debug)]
pub struct Debug {
    /// Where it listens; plain http.
    pub address: Address,
    /// The path of the metrics, when they are served (`http.debug.prometheus`).
    pub metrics_path: Option<String>,
}

/// How the storage is watched, so that a load balancer can be told when it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// How long from one check to the next.
    pub interval: Duration,
    /// How many checks in a row must fail before Wharf calls itself unhealthy; at least 1.
    pub threshold: u32,
}
