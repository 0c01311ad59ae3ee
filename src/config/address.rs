//! Where to listen, as registry:2 writes it: `host:port`, `:port` for every address, or a path for a Unix socket.

use std::net::Ipv6Addr;
use std::path::PathBuf;

use crate::http::Address;

/// Reads `host:port`. The host may be empty, a name, an IPv4 address or an IPv6 address in brackets; the port is a
/// number, `http` or `https`. Port 0 lets the system choose.
pub(super) fn tcp(text: &str) -> Option<Address> {
    let (host, port) = text.rsplit_once(':')?;
    let port: u16 = match port {
        "http" => 80,
        "https" => 443,
        number if number.bytes().all(|b| b.is_ascii_digit()) => number.parse().ok()?,
        _ => return None,
    };
    let well_formed = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?.split('%').next()?.parse::<Ipv6Addr>().is_ok(),
        None => host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_')),
    };
    well_formed.then(|| Address::Tcp(format!("{host}:{port}")))
}

/// Reads the path of a Unix socket.
pub(super) fn unix(text: &str) -> Option<Address> {
    (!text.is_empty()).then(|| Address::Unix(PathBuf::from(text)))
}

/// Whether both cannot be listened on at once, as far as the texts alone can tell.
pub(super) fn collide(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Tcp(one), Address::Tcp(other)) => {
            let (one, other) = (split(one), split(other));
            one.1 == other.1 && one.1 != "0" && (one.0 == other.0 || is_every(one.0) || is_every(other.0))
        }
        (Address::Unix(one), Address::Unix(other)) => one == other,
        (Address::Tcp(_), Address::Unix(_)) | (Address::Unix(_), Address::Tcp(_)) => false,
    }
}

fn split(address: &str) -> (&str, &str) {
    address.rsplit_once(':').unwrap_or((address, "0"))
}

fn is_every(host: &str) -> bool {
    matches!(host, "" | "0.0.0.0" | "[::]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_host_and_port() {
        for text in [":5000", "localhost:5000", "0.0.0.0:0", "[::]:5000", "[fe80::1%eth0]:5000", "a-b.lan:65535"] {
            assert_eq!(tcp(text), Some(Address::Tcp(text.to_owned())), "{text}");
        }
        assert_eq!(tcp(":https"), Some(Address::Tcp(":443".to_owned())));
        for text in ["", "5000", "localhost", ":", ":65536", ":-1", ":+1", "::1:5000", "[::1]", "a b:1", "http://x:1"] {
            assert_eq!(tcp(text), None, "{text}");
        }
    }

    #[test]
    fn one_port_is_not_given_away_twice() {
        let at = |text: &str| tcp(text).unwrap();
        assert!(collide(&at(":5000"), &at("localhost:5000")));
        assert!(collide(&at("localhost:5000"), &at("localhost:5000")));
        assert!(!collide(&at("127.0.0.1:5000"), &at("127.0.0.2:5000")));
        assert!(!collide(&at(":5000"), &at(":5001")));
        assert!(!collide(&at(":0"), &at(":0")));
    }
}
