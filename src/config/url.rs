//! Addresses of the web, as far as the configuration looks into them.

use std::net::{IpAddr, Ipv6Addr};

/// The scheme, the host with its port, and the rest of a URL of http or https.
pub(super) fn split(text: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = text.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    matches!(scheme, "http" | "https").then_some((scheme, host, path))
}

/// Whether a text is a whole URL of http or https.
pub(super) fn is_url(text: &str) -> bool {
    let plain = |path: &str| path.bytes().all(|b| b.is_ascii_graphic() && b != b'#');
    split(text).is_some_and(|(_, host, path)| is_host(host) && plain(path))
}

/// Whether a text is a name or an address, perhaps with a port.
pub(super) fn is_host(text: &str) -> bool {
    let is_port = |port: &str| port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let (name, rest) = name_and_port(text);
    let well_formed = match name.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').is_some_and(|address| address.parse::<Ipv6Addr>().is_ok()),
        None => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            !name.is_empty() && name.bytes().all(plain)
        }
    };
    well_formed && (rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port))
}

/// Whether a host, perhaps with a port, is this machine, so that nobody is on the way to it.
pub(super) fn is_loopback(host: &str) -> bool {
    let name = name_and_port(host).0;
    let address = name.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    name == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The name or the address with its brackets, and what is behind it.
fn name_and_port(host: &str) -> (&str, &str) {
    let end = match host.starts_with('[') {
        true => host.find(']').map_or(host.len(), |bracket| bracket + 1),
        false => host.find(':').unwrap_or(host.len()),
    };
    host.split_at(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for host in ["a", "registry.lan:5000", "10.0.0.1", "[::1]", "[::1]:636"] {
            assert!(is_host(host), "{host}");
        }
        for host in ["", ":1", "a b", "a:", "a:x", "a:65536", "::1", "[::1", "[a]", "[::1]x", "me@a", "a:1:2"] {
            assert!(!is_host(host), "{host}");
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        for host in ["localhost", "localhost:389", "127.0.0.2:1", "[::1]:389", "::1"] {
            assert_eq!(is_loopback(host), host != "::1", "{host}");
        }
        for host in ["ldap.lan", "localhost.lan", "10.0.0.1", "[fe80::1]:1"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn only_what_the_web_knows_is_a_url() {
        for (text, expected) in [
            ("https://a.lan:5000/b?c=d", true),
            ("http://a", true),
            ("https://", false),
            ("ldap://a", false),
            ("a.lan", false),
            ("https://a/b c", false),
            ("https://a/#b", false),
        ] {
            assert_eq!(is_url(text), expected, "{text}");
        }
    }
}
