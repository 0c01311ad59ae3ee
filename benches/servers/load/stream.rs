//! A socket, plain or with TLS on top.

use std::io::{self, IoSlice, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

/// No answer takes longer; registries that walk a large volume come near.
const PATIENCE: Duration = Duration::from_secs(120);

/// The most that is thrown away with one system call.
const LARGEST_DISCARD: usize = 4 << 20;

/// A connected socket.
pub(crate) enum Stream {
    Plain {
        socket: TcpStream,
        /// Address space that the kernel is pointed at and never writes to, so it costs no memory.
        nowhere: Vec<u8>,
    },
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

impl Stream {
    /// Connects, and with `tls` shakes hands.
    pub(crate) fn connect(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> io::Result<Stream> {
        let mut socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let Some(config) = tls else {
            return Ok(Stream::Plain { socket, nowhere: vec![0; LARGEST_DISCARD] });
        };
        let mut session = ClientConnection::new(Arc::clone(config), ServerName::IpAddress(address.ip().into()))
            .map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        Ok(Stream::Tls(Box::new(StreamOwned::new(session, socket))))
    }

    /// Sends all the parts, with as few system calls as the kernel allows.
    pub(crate) fn send(&mut self, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut left = slices.as_mut_slice();
        IoSlice::advance_slices(&mut left, 0);
        while !left.is_empty() {
            let count = match self {
                Stream::Plain { socket, .. } => socket.write_vectored(left)?,
                Stream::Tls(stream) => stream.write_vectored(left)?,
            };
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            IoSlice::advance_slices(&mut left, count);
        }
        match self {
            Stream::Plain { .. } => Ok(()),
            Stream::Tls(stream) => stream.flush(),
        }
    }

    /// Reads what is there, at most as much as fits; 0 at the end.
    pub(crate) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Plain { socket, .. } => socket.read(buffer),
            Stream::Tls(stream) => stream.read(buffer),
        }
    }

    /// Throws away at most `most` bytes and says how many; 0 at the end. Of a plain socket the kernel drops them without
    /// copying (`MSG_TRUNC`, tcp(7)), which is the cheapest client that there can be. `buffer` is for TLS.
    pub(crate) fn discard(&mut self, most: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        match self {
            Stream::Plain { socket, nowhere } => {
                let most = most.min(nowhere.len());
                let (_, count) = rustix::net::recv(&*socket, &mut nowhere[..most], RecvFlags::TRUNC)?;
                Ok(count)
            }
            Stream::Tls(stream) => {
                let most = most.min(buffer.len());
                stream.read(&mut buffer[..most])
            }
        }
    }
}
