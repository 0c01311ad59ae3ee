//! Takes the addresses and reads the certificates: everything that can be wrong before the first request.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket as RawSocket, Type};
use time::OffsetDateTime;

use super::super::tls::{AuthorityCertificate, Terms};
use super::super::{Address, Debug, Listener, Settings, Tls};
use super::address;
use super::error::{ListenError, Setting};
use super::socket::Socket;
use super::unix;

/// How many connections may wait to be accepted; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// A socket that is bound, with what is spoken on it.
pub struct BoundListener {
    pub(super) socket: Socket,
    pub(super) tls: Option<Arc<Terms>>,
    pub(super) name: Arc<str>,
}

impl BoundListener {
    /// The address, with the port that the system chose if the settings left it to it; `None` for a Unix socket.
    pub fn local_addr(&self) -> Option<SocketAddr> {
        match &self.socket {
            Socket::Tcp(listener) => listener.local_addr().ok(),
            Socket::Unix(..) => None,
        }
    }

    /// Whether it speaks https.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// The certificate of our own authority, when this listener's certificate is made here: what `GET /ca.crt` gives.
    pub fn authority(&self) -> Option<Arc<AuthorityCertificate>> {
        self.tls.as_ref()?.authority().cloned()
    }

    /// As it is printed in logs: `https://0.0.0.0:5000`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Binds every listener of the settings. One address of theirs may take several sockets.
///
/// Resolves names and reads files, so it blocks; it needs no runtime.
///
/// # Errors
///
/// When an address cannot be had or a certificate cannot be used; nothing stays bound then.
pub fn bind(settings: &Settings) -> Result<Vec<BoundListener>, ListenError> {
    let now = OffsetDateTime::now_utc();
    let mut bound: Vec<BoundListener> = Vec::new();
    for (index, Listener { address, tls }) in settings.listeners.iter().enumerate() {
        // The first is that of registry:2's own section.
        let setting = if index == 0 { Setting::Http } else { Setting::Https };
        let terms = match tls {
            Some(tls) => Some(terms(tls, &bound, settings.http2, address, now)?),
            None => None,
        };
        bound.extend(bind_address(address, terms.as_ref(), setting)?);
    }
    Ok(bound)
}

/// Binds the listener for operators.
///
/// # Errors
///
/// When the address cannot be had.
pub fn bind_debug(debug: &Debug) -> Result<Vec<BoundListener>, ListenError> {
    bind_address(&debug.address, None, Setting::Debug)
}

/// Listeners with the same settings share their terms: one authority, one certificate, one look at the files.
fn terms(
    tls: &Tls,
    bound: &[BoundListener],
    http2: bool,
    address: &Address,
    now: OffsetDateTime,
) -> Result<Arc<Terms>, ListenError> {
    let known = bound.iter().filter_map(|listener| listener.tls.as_ref()).find(|terms| terms.settings() == tls);
    match known {
        Some(terms) => Ok(Arc::clone(terms)),
        None => match Terms::load(tls, http2, now) {
            Ok(terms) => Ok(Arc::new(terms)),
            Err(source) => Err(ListenError::Tls { address: written(address), source }),
        },
    }
}

fn bind_address(
    address: &Address,
    tls: Option<&Arc<Terms>>,
    setting: Setting,
) -> Result<Vec<BoundListener>, ListenError> {
    let sockets = match address {
        Address::Unix(path) => vec![unix::bind(path, setting)?],
        Address::Tcp(text) => bind_tcp(text, setting)?,
    };
    let listener = |socket: Socket| {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let place = match &socket {
            Socket::Tcp(listener) => listener.local_addr().map(|address| address.to_string()),
            Socket::Unix(..) => Ok(written(address)),
        };
        let place = place.unwrap_or_else(|_| written(address));
        BoundListener { socket, tls: tls.cloned(), name: format!("{scheme}://{place}").into() }
    };
    Ok(sockets.into_iter().map(listener).collect())
}

fn written(address: &Address) -> String {
    match address {
        Address::Tcp(text) => text.clone(),
        Address::Unix(path) => path.display().to_string(),
    }
}

/// A host name may have addresses of a family that this host lacks (`localhost` and no IPv6): those are left out as
/// long as there is another.
fn bind_tcp(text: &str, setting: Setting) -> Result<Vec<Socket>, ListenError> {
    let mut failure = None;
    for addresses in address::parse(text, setting)?.attempts() {
        let mut sockets = Vec::new();
        for address in addresses {
            match open(address) {
                Ok(listener) => sockets.push(Socket::Tcp(listener)),
                Err(error) if is_missing(&error) => failure = Some((error, address)),
                Err(error) => return Err(ListenError::of(error, text, Some(address.port()), setting)),
            }
        }
        if !sockets.is_empty() {
            return Ok(sockets);
        }
    }
    let (error, port) = match failure {
        Some((error, address)) => (error, Some(address.port())),
        None => (io::ErrorKind::AddrNotAvailable.into(), None),
    };
    Err(ListenError::of(error, text, port, setting))
}

/// Whether the host has no such address, or not the whole family.
fn is_missing(error: &io::Error) -> bool {
    let family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(family)
}

fn open(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = RawSocket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        // `[::]` serves IPv4 as well, whatever the system's default is.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // A server that starts again does not wait for the connections of the one before.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
