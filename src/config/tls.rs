//! `http.tls` and `https` into [`Tls`]: whose certificate, which versions and suites, and what clients must show.

use std::path::{Path, PathBuf};

use rustls::CipherSuite;

use super::document::Document;
use super::error::ConfigError;
use crate::http::{Certificate, ClientCertificates, Tls, TlsVersion};

/// The suites of TLS 1.2 that Wharf has, by the names that registry:2 knows them by.
const SUITES: [(&str, CipherSuite); 8] = [
    ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
    ("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
];

/// The suites of TLS 1.3, which registry:2 lists and never restricts.
const SUITES_13: [&str; 3] = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/// How the listener of `http.addr` speaks TLS, if it does: with a certificate, as in registry:2.
pub(super) fn of_http(document: &mut Document) -> Result<Option<Tls>, ConfigError> {
    let section = "http.tls";
    let Some(certificate) = files(document, section)? else {
        if !document.texts("http.tls.clientcas")?.is_empty() {
            let reason = "clients show certificates only over TLS; name http.tls.certificate and http.tls.key";
            return Err(document.conflict("http.tls.clientcas", reason));
        }
        return Ok(None);
    };
    tls(document, section, certificate).map(Some)
}

/// How the listener of `https.addr` speaks TLS: with the certificate that is named, or else with one made here.
pub(super) fn of_https(document: &mut Document, root: &Path) -> Result<Tls, ConfigError> {
    let section = "https";
    let names: Vec<String> = document.texts("https.names")?.into_iter().map(str::to_owned).collect();
    if !names.iter().all(|name| is_name(name)) {
        return Err(document.expected("https.names", "names and addresses such as registry.lan or 10.0.0.5"));
    }
    let certificate = match files(document, section)? {
        Some(files) => {
            if !names.is_empty() {
                document.surprise("https.names", "has no effect, the certificate that is named has its own names");
            }
            files
        }
        None => Certificate::Generated { names, directory: root.join("wharf").join("tls") },
    };
    tls(document, section, certificate)
}

fn files(document: &Document, section: &str) -> Result<Option<Certificate>, ConfigError> {
    let certificate = format!("{section}.certificate");
    let key = format!("{section}.key");
    match (document.text(&certificate), document.text(&key)) {
        (Some(certificate), Some(key)) => {
            let (certificate, key) = (PathBuf::from(certificate), PathBuf::from(key));
            Ok(Some(Certificate::Files { certificate, key }))
        }
        (None, None) => Ok(None),
        (Some(_), None) => Err(document.conflict(&certificate, format!("{key} is missing"))),
        (None, Some(_)) => Err(document.conflict(&key, format!("{certificate} is missing"))),
    }
}

fn tls(document: &mut Document, section: &str, certificate: Certificate) -> Result<Tls, ConfigError> {
    Ok(Tls {
        certificate,
        minimum: minimum(document, &format!("{section}.minimumtls"))?,
        clients: clients(document, section)?,
        cipher_suites: cipher_suites(document, &format!("{section}.ciphersuites"))?,
    })
}

/// Versions before 1.2, which registry:2 still had, are read as 1.2.
fn minimum(document: &mut Document, key: &str) -> Result<TlsVersion, ConfigError> {
    match document.text(key).unwrap_or("tls1.2") {
        "tls1.2" => Ok(TlsVersion::Tls12),
        "tls1.3" => Ok(TlsVersion::Tls13),
        "tls1.0" | "tls1.1" => {
            document.surprise(key, "this version is no longer safe; tls1.2 is the oldest that is spoken");
            Ok(TlsVersion::Tls12)
        }
        _ => Err(document.expected(key, "tls1.2 or tls1.3")),
    }
}

/// What clients must show. Nothing here depends on a certificate that nobody signed, so those modes of registry:2 that
/// do not check are not there: the one that only asks is the same as not asking, the one that demands is refused.
fn clients(document: &mut Document, section: &str) -> Result<ClientCertificates, ConfigError> {
    let mode_key = format!("{section}.clientauth");
    let authorities_key = format!("{section}.clientcas");
    let authorities: Vec<PathBuf> = document.texts(&authorities_key)?.into_iter().map(PathBuf::from).collect();
    if authorities.iter().any(|path| path.as_os_str().is_empty()) {
        return Err(document.expected(&authorities_key, "paths of files"));
    }
    match (document.text(&mode_key), authorities.is_empty()) {
        (Some("request-client-cert"), _) => {
            document.surprise(&mode_key, "a certificate that nobody checks is not asked for");
            Ok(ClientCertificates::NotAsked)
        }
        (Some("require-any-client-cert"), _) => Err(document.conflict(
            &mode_key,
            "a certificate that nobody checks protects nothing; use require-and-verify-client-cert",
        )),
        (Some("verify-client-cert-if-given" | "require-and-verify-client-cert"), true) => {
            Err(document.conflict(&mode_key, format!("{authorities_key} is missing")))
        }
        (None, true) => Ok(ClientCertificates::NotAsked),
        (None | Some("require-and-verify-client-cert"), false) => Ok(ClientCertificates::Required(authorities)),
        (Some("verify-client-cert-if-given"), false) => Ok(ClientCertificates::Optional(authorities)),
        (Some(_), _) => Err(document
            .expected(&mode_key, "require-and-verify-client-cert, verify-client-cert-if-given or request-client-cert")),
    }
}

/// The suites that are named. Those that Wharf has not, for they are not safe, are left out; if that leaves none, no
/// client would be served as was wanted, which is an error.
fn cipher_suites(document: &mut Document, key: &str) -> Result<Option<Vec<CipherSuite>>, ConfigError> {
    let names: Vec<String> = document.texts(key)?.into_iter().map(str::to_owned).collect();
    if names.is_empty() {
        return Ok(None);
    }
    let known = |name: &str| SUITES.iter().find(|(known, _)| *known == name).map(|(_, suite)| *suite);
    let (has, has_not): (Vec<&String>, Vec<&String>) =
        names.iter().partition(|name| known(name).is_some() || SUITES_13.contains(&name.as_str()));
    if has.is_empty() {
        let suites: Vec<&str> = SUITES.iter().map(|(name, _)| *name).collect();
        return Err(document.conflict(key, format!("none of these is safe; choose from {}", suites.join(", "))));
    }
    for name in has_not {
        document.surprise(key, format!("{name} is not safe and left out"));
    }
    Ok(Some(has.into_iter().filter_map(|name| known(name)).collect()))
}

/// Whether a certificate can be for this name or address.
fn is_name(text: &str) -> bool {
    text.parse::<std::net::IpAddr>().is_ok()
        || (!text.is_empty()
            && text.strip_prefix("*.").unwrap_or(text).split('.').all(|label| {
                !label.is_empty()
                    && label.len() <= 63
                    && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            }))
}
