//! What a connection begins with, looked at without taking it.
//!
//! One byte is enough: a TLS hello begins with 0x16 (RFC 8446 §5.1, a handshake record), and no http method does.

use std::io;
use std::os::fd::AsFd;

use rustix::net::{RecvFlags, recv};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

/// What the peer seems to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spoken {
    /// A TLS hello.
    Tls,
    /// A method, so http.
    Http,
    /// Neither.
    Other,
    /// Nothing: it closed the connection.
    Nothing,
}

impl From<Option<u8>> for Spoken {
    fn from(first: Option<u8>) -> Self {
        match first {
            None => Self::Nothing,
            Some(0x16) => Self::Tls,
            Some(byte) if byte.is_ascii_alphabetic() => Self::Http,
            Some(_) => Self::Other,
        }
    }
}

/// A stream whose first byte can be looked at.
pub(super) trait Peek {
    /// Waits for the first byte and leaves it there.
    async fn spoken(&self) -> io::Result<Spoken>;
}

impl Peek for TcpStream {
    async fn spoken(&self) -> io::Result<Spoken> {
        self.async_io(Interest::READABLE, || first(self)).await.map(Spoken::from)
    }
}

impl Peek for UnixStream {
    async fn spoken(&self) -> io::Result<Spoken> {
        self.async_io(Interest::READABLE, || first(self)).await.map(Spoken::from)
    }
}

fn first(socket: impl AsFd) -> io::Result<Option<u8>> {
    let mut byte = [0];
    let (count, _) = recv(socket, &mut byte, RecvFlags::PEEK)?;
    Ok(byte.get(..count).and_then(<[u8]>::first).copied())
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn looking_at_the_first_byte_does_not_take_it() {
        let (mut here, mut there) = UnixStream::pair().unwrap();
        there.write_all(b"GET").await.unwrap();
        assert_eq!(here.spoken().await.unwrap(), Spoken::Http);
        let mut read = [0; 3];
        here.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"GET");
        drop(there);
        assert_eq!(here.spoken().await.unwrap(), Spoken::Nothing);
    }

    #[test]
    fn tls_and_http_are_told_apart() {
        assert_eq!(Spoken::from(Some(0x16)), Spoken::Tls);
        assert_eq!(Spoken::from(Some(b'P')), Spoken::Http);
        assert_eq!(Spoken::from(Some(0x80)), Spoken::Other);
        assert_eq!(Spoken::from(None), Spoken::Nothing);
    }
}
