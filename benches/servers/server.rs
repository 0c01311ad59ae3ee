//! A server that runs: started, waited for, asked what it has used, killed.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::ClientConfig;

use crate::load::connection::Connection;
use crate::load::error::LoadError;
use crate::load::request::{ACCEPT, Request};
use crate::{processes, scratch};

/// How long a server may take to its first answer; some walk the whole volume first.
const START: Duration = Duration::from_secs(120);

/// How much of a server's log a failure quotes.
const QUOTED: usize = 300;

/// Where the content of a server comes from.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    /// It is pushed.
    Registry,
    /// It lies as files below this directory.
    Files(PathBuf),
}

/// What is to be started.
pub(crate) struct Launch {
    /// The program with its arguments.
    pub(crate) command: Command,
    /// Where it will listen.
    pub(crate) address: SocketAddr,
    pub(crate) content: Content,
    /// How clients speak to it, if over TLS.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    /// What clients say of who they are, if they have to.
    pub(crate) authorization: Option<String>,
}

/// A running server. It is killed when this is dropped.
pub(crate) struct Server {
    child: Child,
    address: SocketAddr,
    host: String,
    content: Content,
    tls: Option<Arc<ClientConfig>>,
    started_in: Duration,
}

/// Why a server does not run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("cannot be prepared: {0}")]
    Prepare(#[source] io::Error),
    #[error("cannot be run: {0}")]
    Spawn(#[source] io::Error),
    #[error("ended at once ({status}); its log: {log}")]
    Ended { status: ExitStatus, log: String },
    #[error("is not ready: {last}; its log: {log}")]
    Silent { last: LoadError, log: String },
}

/// An address on loopback that nobody listens on. Not every server can say which port it was given, so it is looked for
/// beforehand; that somebody takes it in between fails the start with a sentence.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

impl Server {
    /// Starts it, with its output in `log`, and waits until `first`, a path, is answered with 200.
    pub(crate) fn start(mut launch: Launch, log: &Path, first: &str) -> Result<Server, StartError> {
        let output = File::create(log).map_err(StartError::Prepare)?;
        let errors = output.try_clone().map_err(StartError::Prepare)?;
        launch.command.stdin(Stdio::null()).stdout(output).stderr(errors).process_group(0);
        let begun = Instant::now();
        let child = launch.command.spawn().map_err(StartError::Spawn)?;
        scratch::started(child.id());
        let mut server = Server {
            child,
            address: launch.address,
            host: match &launch.authorization {
                Some(authorization) => format!("{}\r\nAuthorization: {authorization}", launch.address),
                None => launch.address.to_string(),
            },
            content: launch.content,
            tls: launch.tls,
            started_in: Duration::ZERO,
        };
        let request = Request::bare("GET", first, &server.host, ACCEPT);
        loop {
            let asked = server.connect().and_then(|mut connection| connection.ask(&request, &[], 200));
            server.started_in = begun.elapsed();
            let last = match asked {
                Ok(_) => return Ok(server),
                Err(error) => error,
            };
            if let Some(status) = server.child.try_wait().map_err(StartError::Spawn)? {
                return Err(StartError::Ended { status, log: end_of(log) });
            }
            // Only a port that nobody listens on yet is worth another try.
            if !matches!(last, LoadError::Connect(_)) || begun.elapsed() > START {
                return Err(StartError::Silent { last, log: end_of(log) });
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Result<Connection, LoadError> {
        Connection::open(self.address, self.tls.as_ref())
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the `Host` header says, and behind it, as a line of its own, who asks, where that has to be said.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// A bearer token that the registry issues for a scope.
    pub(crate) fn token(&self, scope: &str) -> Result<String, LoadError> {
        let target = format!("/v2/_wharf/auth/token?service=wharf&scope={scope}");
        let malformed = |what| LoadError::Malformed { asked: format!("GET {target}"), what };
        let mut stream = TcpStream::connect(self.address).map_err(LoadError::Connect)?;
        let request = format!("GET {target} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", self.host);
        let mut answer = String::new();
        let exchanged = stream.write_all(request.as_bytes()).and_then(|()| stream.read_to_string(&mut answer));
        exchanged.map_err(LoadError::Connect)?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or_else(|| malformed("no body"))?;
        let body: serde_json::Value = serde_json::from_str(body).map_err(|_| malformed("no JSON"))?;
        body["token"].as_str().map(str::to_owned).ok_or_else(|| malformed("no token"))
    }

    /// Where its content comes from.
    pub(crate) fn content(&self) -> &Content {
        &self.content
    }

    /// From before it was spawned until the first answer.
    pub(crate) fn started_in(&self) -> Duration {
        self.started_in
    }

    /// The CPU seconds that it has used so far.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        processes::cpu_seconds(self.child.id())
    }

    /// The bytes that are resident now.
    pub(crate) fn resident(&self) -> u64 {
        processes::resident(self.child.id())
    }

    /// The most bytes that were resident since the start.
    pub(crate) fn peak(&self) -> u64 {
        processes::peak(self.child.id())
    }

    /// Waits until it does nothing any more, such as work in the background of its start; at most a minute.
    pub(crate) fn settle(&self) {
        let (step, limit) = (Duration::from_millis(500), Instant::now() + Duration::from_secs(60));
        let mut before = self.cpu_seconds();
        while Instant::now() < limit {
            std::thread::sleep(step);
            let now = self.cpu_seconds();
            if now - before < step.as_secs_f64() / 20.0 {
                return;
            }
            before = now;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        scratch::kill(self.child.id());
        let _ = self.child.wait();
    }
}

/// The last words in a log.
fn end_of(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let end = String::from_utf8_lossy(&text[text.len().saturating_sub(QUOTED)..]).trim().to_owned();
    if end.is_empty() { "its log is empty".to_owned() } else { end }
}
