//! `wharf health`: whether the server on this machine answers. An image without a shell has no other way to ask.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use crate::config::Config;
use crate::http::{Address, Listener};

use super::{config, image};

/// How long the server may take for each step.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks, and says on standard error what is wrong.
pub(super) fn run(file: Option<&Path>, err: &mut dyn Write) -> io::Result<ExitCode> {
    let file = image::configuration(file);
    let config = match Config::load(file.as_deref(), config::environment()) {
        Ok((config, _)) => config,
        Err(error) => return config::refuse(&error, err),
    };
    // A plain listener answers the question itself. One that speaks https answers a plain request with a refusal that
    // only a living server of ours writes, whatever its certificate.
    let listeners = &config.http.listeners;
    let Some(listener) = listeners.iter().find(|listener| listener.tls.is_none()).or(listeners.first()) else {
        return Ok(ExitCode::FAILURE);
    };
    match ask(listener, &config.http.prefix) {
        Ok(status) if well(status, listener) => Ok(ExitCode::SUCCESS),
        Ok(status) => {
            writeln!(err, "the server answers with {status}")?;
            Ok(ExitCode::FAILURE)
        }
        Err(error) => {
            writeln!(err, "the server does not answer: {error}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Whether this answer is one of a server that is well.
fn well(status: u16, listener: &Listener) -> bool {
    match &listener.tls {
        Some(_) => status == 400,
        None => matches!(status, 200 | 401),
    }
}

fn ask(listener: &Listener, prefix: &str) -> io::Result<u16> {
    match &listener.address {
        Address::Tcp(address) => {
            let stream = connect(address)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            exchange(stream, prefix)
        }
        Address::Unix(path) => {
            let stream = UnixStream::connect(path)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            exchange(stream, prefix)
        }
    }
}

/// Connects to where a listener is reached from its own machine.
fn connect(address: &str) -> io::Result<TcpStream> {
    let (host, port) = address.rsplit_once(':').unwrap_or((address, "5000"));
    let host = match host {
        "" | "0.0.0.0" => "127.0.0.1",
        "[::]" => "[::1]",
        host => host,
    };
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in format!("{host}:{port}").to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Sends the request that every client begins with and reads the status of the answer.
fn exchange(mut stream: impl Read + Write, prefix: &str) -> io::Result<u16> {
    write!(
        stream,
        "GET {prefix}v2/ HTTP/1.1\r\nHost: localhost\r\nUser-Agent: wharf-health\r\nConnection: close\r\n\r\n"
    )?;
    let mut line = String::new();
    BufReader::new(stream.take(1024)).read_line(&mut line)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    status.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "what answers there does not speak http"))
}
