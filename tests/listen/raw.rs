//! Clients that choose their bytes.

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use crate::harness::soon;

/// A connection, byte by byte.
pub(crate) struct Raw<S>(pub(crate) S);

impl Raw<tokio::net::TcpStream> {
    pub(crate) async fn connect(address: std::net::SocketAddr) -> Self {
        Self(tokio::net::TcpStream::connect(address).await.unwrap())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Raw<S> {
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
        self.0.flush().await.unwrap();
    }

    /// Reads until what was read ends in this.
    pub(crate) async fn read_until(&mut self, end: &str) -> String {
        let mut read = Vec::new();
        while !read.ends_with(end.as_bytes()) {
            let byte = soon(self.0.read_u8()).await;
            match byte {
                Ok(byte) => read.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&read)),
            }
        }
        String::from_utf8(read).unwrap()
    }

    /// Reads until the server closes the connection, however it does that.
    pub(crate) async fn read_to_close(&mut self) -> String {
        let mut read = Vec::new();
        let _ = soon(self.0.read_to_end(&mut read)).await;
        String::from_utf8_lossy(&read).into_owned()
    }
}
