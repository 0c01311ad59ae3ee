//! A socket that listens, of either family, and the connections that it accepts.

use std::io;
use std::os::unix::net::UnixListener as StdUnixListener;
use std::path::PathBuf;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::peer::PeerAddress;

/// A socket that is bound but not served yet; one of Unix with the file, and with what those are who come to it.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(std::net::TcpListener),
    Unix(StdUnixListener, SocketFile, PeerAddress),
}

/// The file of a Unix socket; removed when nobody listens any more.
#[derive(Debug)]
pub(super) struct SocketFile(pub(super) PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone, or the directory may be; there is nobody to tell.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A socket that accepts. The file is declared first, and so removed first: a server that starts at this moment finds
/// no file, and makes its own, which is then not ours to remove.
pub(super) enum Listening {
    Tcp(TcpListener),
    Unix { _file: SocketFile, listener: UnixListener, peers: PeerAddress },
}

/// A connection.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Hands the socket to the runtime.
    pub(super) fn listen(self) -> io::Result<Listening> {
        Ok(match self {
            Self::Tcp(listener) => Listening::Tcp(TcpListener::from_std(listener)?),
            Self::Unix(listener, file, peers) => {
                Listening::Unix { _file: file, listener: UnixListener::from_std(listener)?, peers }
            }
        })
    }
}

impl Listening {
    /// The next connection. May be dropped while it waits without losing one.
    pub(super) async fn accept(&self) -> io::Result<(Stream, PeerAddress)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                Ok((Stream::Tcp(stream), address.into()))
            }
            Self::Unix { listener, peers, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok((Stream::Unix(stream), *peers))
            }
        }
    }
}

/// Answers go out at once; peers that vanish, and peers that take nothing for too long, are noticed by the system.
pub(super) fn tune(stream: &TcpStream, answer: Duration) {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(60)).with_interval(Duration::from_secs(15));
    let tuned = socket
        .set_tcp_nodelay(true)
        .and_then(|()| socket.set_tcp_keepalive(&keepalive))
        .and_then(|()| give_up_after(&socket, answer));
    if let Err(error) = tuned {
        tracing::debug!(%error, "a connection keeps the system's own timeouts");
    }
}

/// TCP_USER_TIMEOUT covers a peer whose window stays shut, too.
#[cfg(target_os = "linux")]
fn give_up_after(socket: &SockRef<'_>, patience: Duration) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(patience))
}

#[cfg(not(target_os = "linux"))]
fn give_up_after(_: &SockRef<'_>, _: Duration) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_connection_is_given_up_when_its_peer_takes_nothing() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        tune(&stream, Duration::from_secs(300));
        assert!(stream.nodelay().unwrap());
        assert!(SockRef::from(&stream).keepalive().unwrap());
        #[cfg(target_os = "linux")]
        assert_eq!(SockRef::from(&stream).tcp_user_timeout().unwrap(), Some(Duration::from_secs(300)));
    }
}
