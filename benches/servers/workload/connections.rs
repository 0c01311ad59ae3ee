//! What many connections cost in memory.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use super::Scale;
use crate::figure::Figure;
use crate::load::connection::Connection;
use crate::load::content::Blob;
use crate::load::error::LoadError;
use crate::load::provide;
use crate::load::request::Request;
use crate::server::Server;

const NAME: &str = "bench/slow";

/// How much a slow client reads at once; four times a second makes 64 KiB/s.
const SIP: usize = 16 << 10;
const PAUSE: Duration = Duration::from_millis(250);

/// A small window, or the kernel would take megabytes of the blob off the server's hands.
const WINDOW: usize = 32 << 10;

/// Connections that have asked something once, a while ago, and stay.
pub(super) fn idle(server: &Server, scale: &Scale) -> Result<Figure, LoadError> {
    let request = Request::bare("GET", "/v2/", server.host(), "");
    let ask = || {
        let mut connection = server.connect()?;
        connection.ask(&request, &[], 200)?;
        Ok(connection)
    };
    // What the first request brings into memory is not the connections' own.
    ask()?;
    server.settle();
    let before = server.resident();
    let open: Vec<Connection> = (0..scale.idle_connections).map(|_| ask()).collect::<Result<_, _>>()?;
    std::thread::sleep(scale.idle_for);
    server.settle();
    Ok(added(before, server.resident(), open.len()))
}

/// Clients that pull a large blob slowly, all at once.
pub(super) fn slow(server: &Server, scale: &Scale) -> Result<Figure, LoadError> {
    let blob = Blob::new(scale.pulled);
    provide::blob(server, NAME, &blob)?;
    let get = Request::bare("GET", &format!("/v2/{NAME}/blobs/{}", blob.digest()), server.host(), "");
    // A whole pull first: what the way of a blob brings into memory is not the slow clients' own.
    server.connect()?.ask(&get, &[], 200)?;
    server.settle();
    let before = server.resident();
    let failed = |source| LoadError::Io { asked: get.line(), source };
    let mut clients =
        (0..scale.slow_clients).map(|_| begin(server, &get)).collect::<io::Result<Vec<_>>>().map_err(failed)?;
    let mut most = before;
    let end = Instant::now() + scale.time;
    while Instant::now() < end {
        for client in &mut clients {
            sip(client).map_err(failed)?;
        }
        most = most.max(server.resident());
        std::thread::sleep(PAUSE);
    }
    Ok(added(before, most, clients.len()))
}

fn begin(server: &Server, get: &Request) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_recv_buffer_size(WINDOW)?;
    socket.connect(&server.address().into())?;
    let mut client = TcpStream::from(socket);
    client.write_all(get.head())?;
    client.set_nonblocking(true)?;
    Ok(client)
}

/// Reads at most as much as is due. A server that is not so far yet is not waited for.
fn sip(client: &mut TcpStream) -> io::Result<()> {
    let (mut left, mut buffer) = (SIP, [0; SIP]);
    while left > 0 {
        match client.read(&mut buffer[..left]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => left -= count,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What each of so many adds; never less than nothing, although a server may give memory back in the meantime.
fn added(before: u64, after: u64, count: usize) -> Figure {
    Figure::memory(after.saturating_sub(before) as f64 / count as f64)
}
