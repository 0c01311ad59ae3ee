//! Where a request comes from and how its client names this registry, also behind a proxy.
//!
//! What `X-Forwarded-*` say counts only if the connection comes from a proxy that the operator trusts; anybody else could
//! make up where they come from, and be told to send their password elsewhere.

use std::net::IpAddr;

use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use ipnet::IpNet;

use super::listen::{Peer, PeerAddress};

/// Whose `X-Forwarded-*` count, and how the registry is named where the operator says so.
#[derive(Clone, Debug, Default)]
pub(super) struct Origins {
    /// Proxies on the network (`http.trustedproxies`). One on a Unix socket is always trusted.
    pub(super) trusted: Vec<IpNet>,
    /// Scheme and host for every client (`http.host`).
    pub(super) public_url: Option<String>,
}

impl Origins {
    /// The scheme and host that the client of a request calls this registry by, as in `https://registry.example.com`;
    /// nothing if it names none that can be one.
    pub(super) fn url(&self, request: &Parts, peer: &Peer) -> Option<String> {
        self.url_with(request, peer, if peer.tls { "https" } else { "http" })
    }

    /// The same for what is served beside this registry on its host, of which registry:2 assumes that it speaks https:
    /// nothing but the operator or a trusted proxy says otherwise.
    pub(super) fn url_beside(&self, request: &Parts, peer: &Peer) -> Option<String> {
        self.url_with(request, peer, "https")
    }

    fn url_with(&self, request: &Parts, peer: &Peer, own_scheme: &str) -> Option<String> {
        if peer.address == PeerAddress::Control {
            return None;
        }
        if let Some(url) = &self.public_url {
            return Some(url.clone());
        }
        let forwarded = |name| self.trusts(peer.address).then(|| first(&request.headers, name)).flatten();
        let scheme = match forwarded("x-forwarded-proto") {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => "https",
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => "http",
            _ => own_scheme,
        };
        let asked = || request.uri.authority().map(|authority| authority.as_str());
        let named = || request.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = forwarded("x-forwarded-host").or_else(named).or_else(asked)?;
        is_host(host).then(|| format!("{scheme}://{host}"))
    }

    /// The address of the client: of whoever is before the last proxy that is trusted.
    pub(super) fn address(&self, request: &Parts, peer: &Peer) -> Option<IpAddr> {
        let own = peer.address.ip();
        if !self.trusts(peer.address) {
            return own;
        }
        let values = request.headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = values.flat_map(|value| value.split(',')).collect();
        let mut found = own;
        for hop in hops.into_iter().rev() {
            let Some(address) = address(hop.trim()) else { break };
            found = Some(address);
            if !self.is_trusted(address) {
                break;
            }
        }
        found
    }

    /// Whether a request says that it comes through a proxy that is not trusted.
    pub(super) fn is_doubtful(&self, request: &Parts, peer: &Peer) -> bool {
        self.public_url.is_none() && request.headers.contains_key("x-forwarded-proto") && !self.trusts(peer.address)
    }

    fn trusts(&self, peer: PeerAddress) -> bool {
        match peer {
            PeerAddress::Tcp(address) => self.is_trusted(address.ip()),
            PeerAddress::Unix => true,
            // No proxy stands there.
            PeerAddress::Control => false,
        }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address.to_canonical()))
    }
}

/// The first element of a header's list.
fn first<'r>(headers: &'r HeaderMap, name: &str) -> Option<&'r str> {
    let value = headers.get(name)?.to_str().ok()?;
    value.split(',').next().map(str::trim).filter(|element| !element.is_empty())
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok();
    let with_port = || text.parse::<std::net::SocketAddr>().ok().map(|address| address.ip());
    plain.or_else(with_port).or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// Whether this can be a host with a port, and stand between quotes in a header.
fn is_host(text: &str) -> bool {
    let sign = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b':' | b'[' | b']');
    !text.is_empty() && text.len() <= 255 && text.bytes().all(sign)
}

#[cfg(test)]
#[path = "origin_tests.rs"]
mod tests;
