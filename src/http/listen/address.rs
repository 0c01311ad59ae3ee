//! What `host:port` means.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs as _};

use super::error::{ListenError, Setting};

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// On every address of both families.
    Everywhere(u16),
    /// On some addresses, each with its port; not empty.
    At(Vec<SocketAddr>),
}

/// Understands `host:port`; an empty host is every address, and a host name all of its own.
pub(super) fn parse(text: &str, setting: Setting) -> Result<Place, ListenError> {
    let malformed = || ListenError::Malformed { address: text.to_owned(), setting };
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Ok(Place::At(vec![address]));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(malformed)?;
    let port: u16 = port.parse().map_err(|_| malformed())?;
    if host.is_empty() {
        return Ok(Place::Everywhere(port));
    }
    if host.contains([':', '/', '[', ']']) {
        return Err(malformed());
    }
    let unresolved = |source| ListenError::Unresolved { address: text.to_owned(), setting, source };
    let mut addresses: Vec<_> = (host, port).to_socket_addrs().map_err(unresolved)?.collect();
    addresses.sort_unstable();
    addresses.dedup();
    if addresses.is_empty() {
        return Err(unresolved(std::io::ErrorKind::NotFound.into()));
    }
    Ok(Place::At(addresses))
}

impl Place {
    /// The sets of addresses to try: all of a set are wanted, and a later set only if the system has not got the
    /// family of the earlier.
    pub(super) fn attempts(&self) -> Vec<Vec<SocketAddr>> {
        match self {
            Self::Everywhere(port) => vec![
                vec![SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), *port)],
                vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), *port)],
            ],
            Self::At(addresses) => vec![addresses.clone()],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_host_is_every_address() {
        assert_eq!(parse(":5000", Setting::Http).unwrap(), Place::Everywhere(5000));
    }

    #[test]
    fn addresses_are_taken_as_they_are_and_names_are_looked_up() {
        for text in ["0.0.0.0:5000", "[::]:5000", "127.0.0.1:0"] {
            assert_eq!(parse(text, Setting::Http).unwrap(), Place::At(vec![text.parse().unwrap()]));
        }
        let Place::At(local) = parse("localhost:5000", Setting::Http).unwrap() else { panic!("not found") };
        assert!(local.iter().all(|address| address.ip().is_loopback() && address.port() == 5000));
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for text in ["", "5000", "host:", "host:http", "host:70000", "::1:5000", "[::1:5000", "http://host:5000"] {
            let refused = parse(text, Setting::Http).unwrap_err();
            assert!(matches!(refused, ListenError::Malformed { .. }), "{text}: {refused}");
        }
    }
}
