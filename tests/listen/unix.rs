//! The same over a Unix socket.

use tokio::net::UnixStream;
use wharf::http::{Address, Listener};

use crate::harness::Server;
use crate::raw::Raw;

#[tokio::test]
async fn requests_are_answered_over_a_unix_socket_whose_file_goes_with_the_server() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("wharf.sock");
    let server = Server::start(Listener { address: Address::Unix(path.clone()), tls: None });
    let mut client = Raw(UnixStream::connect(&path).await.unwrap());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = client.read_to_close().await;
    assert!(answer.ends_with(&format!("unix false http://{}", path.display())), "{answer}");
    server.stop().await;
    assert!(!path.exists());
}
