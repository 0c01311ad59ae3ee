//! Who is at the other end of a connection.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls_pki_types::CertificateDer;

/// The other end of the connection that a request came on; in the extensions of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Where it is.
    pub address: PeerAddress,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The listener that it came to, as printed in logs.
    pub listener: Arc<str>,
    /// The certificate that the client showed, if it did; a handshake has verified it, this one or that of the session
    /// which this one resumed.
    pub certificate: Option<Arc<CertificateDer<'static>>>,
}

/// Where a peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PeerAddress {
    /// On the network. An IPv4 address is written as such even on a socket that serves both families.
    Tcp(SocketAddr),
    /// On this host, over a Unix socket.
    Unix,
    /// On this host, over the operator's socket in the volume: it is the operator.
    Control,
}

impl PeerAddress {
    /// The network address without the port.
    pub fn ip(self) -> Option<IpAddr> {
        match self {
            Self::Tcp(address) => Some(address.ip()),
            Self::Unix | Self::Control => None,
        }
    }
}

impl From<SocketAddr> for PeerAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(SocketAddr::new(address.ip().to_canonical(), address.port()))
    }
}

impl fmt::Display for PeerAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(formatter),
            Self::Unix => formatter.write_str("unix"),
            Self::Control => formatter.write_str("control"),
        }
    }
}
