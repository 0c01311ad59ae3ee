//! `http`, `https` and `health.storagedriver` into the settings of [`crate::http`].

use std::net::IpAddr;

use axum::http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use super::address;
use super::document::{Document, texts_of};
use super::error::ConfigError;
use super::node::{Node, below};
use super::warning::Warning;
use super::{tls, url};
use crate::http::{Address, Debug, Health, Listener, Settings};

/// Reads the settings; `root` is the volume, where a generated certificate is kept.
pub(super) fn settings(document: &mut Document, root: &std::path::Path) -> Result<Settings, ConfigError> {
    let mut listeners = vec![Listener { address: main_address(document)?, tls: tls::of_http(document)? }];
    if document.find("https").is_some() {
        let address = tcp(document, "https.addr")?;
        listeners.push(Listener { address, tls: Some(tls::of_https(document, root)?) });
    }
    let debug = debug(document)?;
    apart(document, &listeners, debug.as_ref())?;
    Ok(Settings {
        listeners,
        prefix: prefix(document)?,
        public_path: public_path(document)?,
        public_url: public_url(document)?,
        trusted_proxies: trusted_proxies(document)?,
        headers: headers(document)?,
        drain_timeout: document.duration("http.draintimeout")?,
        http2: !document.is_on("http.http2.disabled")?,
        h2c: document.is_on("http.h2c.enabled")?,
        debug,
        health: health(document)?,
    })
}

fn main_address(document: &Document) -> Result<Address, ConfigError> {
    match document.text("http.net").unwrap_or("tcp") {
        "tcp" => tcp(document, "http.addr"),
        "unix" => document
            .text("http.addr")
            .and_then(address::unix)
            .ok_or_else(|| document.expected("http.addr", "the path of a socket")),
        _ => Err(document.expected("http.net", "tcp or unix")),
    }
}

fn tcp(document: &Document, key: &str) -> Result<Address, ConfigError> {
    document
        .text(key)
        .and_then(address::tcp)
        .ok_or_else(|| document.expected(key, "host:port, or :port for every address"))
}

fn debug(document: &mut Document) -> Result<Option<Debug>, ConfigError> {
    let prometheus = document.is_on("http.debug.prometheus.enabled")?;
    if document.text("http.debug.addr").is_none() {
        if prometheus {
            document.surprise(
                "http.debug.prometheus.enabled",
                "has no effect without http.debug.addr, where metrics are served",
            );
        }
        return Ok(None);
    }
    let key = "http.debug.prometheus.path";
    let path = document.text(key).unwrap_or("/metrics").to_owned();
    if !is_path(&path) {
        return Err(document.expected(key, "a path that begins with a slash"));
    }
    Ok(Some(Debug { address: tcp(document, "http.debug.addr")?, metrics_path: prometheus.then_some(path) }))
}

/// Refuses two listeners in one place.
fn apart(document: &Document, listeners: &[Listener], debug: Option<&Debug>) -> Result<(), ConfigError> {
    let keys = ["http.addr", "https.addr"];
    let mut taken: Vec<(&str, &Address)> =
        keys.into_iter().zip(listeners.iter().map(|listener| &listener.address)).collect();
    taken.extend(debug.map(|debug| ("http.debug.addr", &debug.address)));
    for (position, (key, address)) in taken.iter().enumerate() {
        let before = taken.iter().take(position).find(|(_, other)| address::collide(address, other));
        if let Some((other, _)) = before {
            return Err(document.conflict(key, format!("{other} listens there already")));
        }
    }
    Ok(())
}

fn prefix(document: &Document) -> Result<String, ConfigError> {
    let key = "http.prefix";
    let inner = document.text(key).unwrap_or("/").trim_matches('/');
    let prefix = if inner.is_empty() { "/".to_owned() } else { format!("/{inner}/") };
    if is_path(&prefix) { Ok(prefix) } else { Err(document.expected(key, "a path such as /registry/")) }
}

const HOST: &str = "http.host";

/// The path of `http.host`: what a `Location` begins with.
fn public_path(document: &Document) -> Result<String, ConfigError> {
    let Some(host) = document.text(HOST) else {
        return Ok(String::new());
    };
    match url::split(host).map(|(_, _, path)| path.trim_matches('/')) {
        Some("") => Ok(String::new()),
        Some(path) if is_path(&format!("/{path}")) => Ok(format!("/{path}")),
        Some(_) | None => Err(document.expected(HOST, "an address such as https://registry.example.com")),
    }
}

/// The scheme and host of `http.host`: where clients are sent for tokens.
fn public_url(document: &Document) -> Result<Option<String>, ConfigError> {
    match document.text(HOST).and_then(url::split) {
        None | Some((_, "", _)) => Ok(None),
        Some((scheme, host, _)) if url::is_host(host) => Ok(Some(format!("{scheme}://{host}"))),
        // It may hold a password, which has no place in an error.
        Some(_) => {
            Err(document.conflict(HOST, "names a host and perhaps a port, as https://registry.example.com:5000"))
        }
    }
}

/// Notes that `http.host` without a path means nothing as long as nobody needs a token.
pub(super) fn note_host(document: &mut Document, settings: &Settings) {
    if document.text(HOST).is_some() && settings.public_path.is_empty() {
        let why = "every Location is relative, so clients stay with the name that they called";
        document.warnings.push(Warning::NoMeaning { origin: document.origin(HOST), key: HOST, why });
    }
}

/// Networks, and addresses as networks of one.
fn trusted_proxies(document: &Document) -> Result<Vec<IpNet>, ConfigError> {
    let key = "http.trustedproxies";
    let read = |text: &str| {
        let address = || text.parse::<IpAddr>().ok().map(|address| IpNet::from(address.to_canonical()));
        text.parse::<IpNet>().ok().map(|network| network.trunc()).or_else(address)
    };
    let fault = |text: &str| {
        document.conflict(key, format!("{text:?} is no network such as 10.0.0.0/8 and no address such as 10.0.0.1"))
    };
    document.texts(key)?.into_iter().map(|text| read(text).ok_or_else(|| fault(text))).collect()
}

/// Whether a text is a plain path: what needs no escape, with no empty part and no way up.
pub(super) fn is_path(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'.' | b'_' | b'~');
    text.starts_with('/')
        && text.bytes().all(plain)
        && !text.contains("//")
        && !text.split('/').any(|part| matches!(part, "." | ".."))
}

/// Names in the order in which they were written. A header that a variable repeats from the file is sent once.
fn headers(document: &Document) -> Result<Vec<(HeaderName, HeaderValue)>, ConfigError> {
    let Some(map) = document.find("http.headers").and_then(Node::map) else {
        return Ok(Vec::new());
    };
    let mut headers = Vec::new();
    for (name, node) in &map.entries {
        let key = below("http.headers", name);
        let fault = |reason: &str| ConfigError::Conflict {
            origin: node.origin.clone(),
            key: key.clone(),
            reason: reason.to_owned(),
        };
        let name = name.parse::<HeaderName>().map_err(|_| fault("this is no name of a header"))?;
        for value in texts_of(node, &key)? {
            let value = value.parse::<HeaderValue>().map_err(|_| fault("a value holds what no header can hold"))?;
            if !headers.contains(&(name.clone(), value.clone())) {
                headers.push((name.clone(), value));
            }
        }
    }
    Ok(headers)
}

fn health(document: &mut Document) -> Result<Option<Health>, ConfigError> {
    let section = "health.storagedriver";
    if !document.is_on(&format!("{section}.enabled"))? {
        return Ok(None);
    }
    let key = format!("{section}.interval");
    // With zero registry:2 takes its default, and so it does with what is below one failure.
    let interval = document.duration(&key)?.filter(|interval| !interval.is_zero());
    let key = format!("{section}.threshold");
    let threshold = u32::try_from(document.number(&key)?.unwrap_or(1).max(1))
        .map_err(|_| document.expected(&key, "a number of failures"))?;
    Ok(Some(Health { interval: interval.unwrap_or(std::time::Duration::from_secs(10)), threshold }))
}
