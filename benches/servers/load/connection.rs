//! A connection that asks one thing after the other and reads of an answer only what a workload needs: the status, the
//! length, `Location`. Bodies are thrown away.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ClientConfig;

use super::error::LoadError;
use super::request::Request;
use super::stream::Stream;

/// Larger than any head that a registry sends.
const BUFFER: usize = 64 << 10;

/// A connection that is kept alive.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Box<[u8]>,
    /// How much of the buffer was read and not used yet.
    filled: usize,
}

/// What a workload looks at of an answer.
pub(crate) struct Answer {
    /// How long the body was.
    pub(crate) length: u64,
    /// The path and query where an upload goes on.
    pub(crate) location: Option<String>,
}

/// How the end of a body is found.
enum Framing {
    None,
    Length(u64),
    Chunked,
}

struct Head {
    status: u16,
    framing: Framing,
    location: Option<String>,
    /// Where the body begins in the buffer.
    end: usize,
}

impl Connection {
    /// Connects, over TLS if a configuration for it is given.
    pub(crate) fn open(address: SocketAddr, tls: Option<&Arc<ClientConfig>>) -> Result<Connection, LoadError> {
        let stream = Stream::connect(address, tls).map_err(LoadError::Connect)?;
        Ok(Connection { stream, buffer: vec![0; BUFFER].into_boxed_slice(), filled: 0 })
    }

    /// Sends a request with its body in parts, reads the answer to its end, and checks its status.
    pub(crate) fn ask(&mut self, request: &Request, body: &[&[u8]], expected: u16) -> Result<Answer, LoadError> {
        let failed = |source| LoadError::Io { asked: request.line(), source };
        match body {
            [] => self.stream.send(&[request.head()]),
            [only] => self.stream.send(&[request.head(), only]),
            parts => self.stream.send(&[&[request.head()], parts].concat()),
        }
        .map_err(failed)?;
        self.answer(request, expected)
    }

    fn answer(&mut self, request: &Request, expected: u16) -> Result<Answer, LoadError> {
        let asked = || request.line();
        let head = loop {
            if let Some(end) = find(&self.buffer[..self.filled], b"\r\n\r\n") {
                let malformed = || LoadError::Malformed { asked: asked(), what: "a head that cannot be read" };
                break read_head(&self.buffer[..end], end + 4).ok_or_else(malformed)?;
            }
            self.fill(request)?;
        };
        if head.status != expected {
            let body = String::from_utf8_lossy(&self.buffer[head.end..self.filled.min(head.end + 300)]).into_owned();
            return Err(LoadError::Unexpected { asked: asked(), status: head.status, expected, body });
        }
        let has_body = !request.is_head() && head.status != 204;
        self.use_up(head.end);
        let length = match head.framing {
            Framing::Length(length) if has_body => self.skip(length, request)?,
            Framing::Chunked if has_body => self.skip_chunks(request)?,
            _ => 0,
        };
        Ok(Answer { length, location: head.location })
    }

    /// Throws away a body of this length.
    fn skip(&mut self, length: u64, request: &Request) -> Result<u64, LoadError> {
        let there = usize::try_from(length).map_or(self.filled, |length| length.min(self.filled));
        self.use_up(there);
        let mut left = length - there as u64;
        while left > 0 {
            match self.stream.discard(left, &mut self.buffer) {
                Ok(0) => return Err(LoadError::Closed(request.line())),
                Ok(count) => left -= count as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(LoadError::Io { asked: request.line(), source }),
            }
        }
        Ok(length)
    }

    /// Throws away a body in chunks (RFC 9112 §7.1), as Go sends one whose length it did not know in time.
    fn skip_chunks(&mut self, request: &Request) -> Result<u64, LoadError> {
        let mut whole = 0;
        loop {
            let line = loop {
                match find(&self.buffer[..self.filled], b"\r\n") {
                    Some(end) => break end,
                    None => self.fill(request)?,
                }
            };
            let size = std::str::from_utf8(&self.buffer[..line]).ok().and_then(|hex| u64::from_str_radix(hex, 16).ok());
            let malformed = || LoadError::Malformed { asked: request.line(), what: "a chunk without a size" };
            let size = size.ok_or_else(malformed)?;
            self.use_up(line + 2);
            self.skip(size + 2, request)?;
            if size == 0 {
                return Ok(whole);
            }
            whole += size;
        }
    }

    fn fill(&mut self, request: &Request) -> Result<(), LoadError> {
        if self.filled == self.buffer.len() {
            return Err(LoadError::Malformed { asked: request.line(), what: "a head that does not end" });
        }
        match self.stream.read(&mut self.buffer[self.filled..]) {
            Ok(0) => Err(LoadError::Closed(request.line())),
            Ok(count) => {
                self.filled += count;
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            Err(source) => Err(LoadError::Io { asked: request.line(), source }),
        }
    }

    /// Forgets the first bytes of the buffer. As there is one answer at a time, seldom anything is left to be moved.
    fn use_up(&mut self, count: usize) {
        self.buffer.copy_within(count..self.filled, 0);
        self.filled -= count;
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The end of the head is passed through for the caller's convenience.
fn read_head(bytes: &[u8], end: usize) -> Option<Head> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.split("\r\n");
    let status = lines.next()?.get(9..12)?.parse().ok()?;
    let mut head = Head { status, framing: Framing::None, location: None, end };
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            head.framing = Framing::Length(value.parse().ok()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            head.framing = Framing::Chunked;
        } else if name.eq_ignore_ascii_case("location") {
            head.location = Some(path_of(value).to_owned());
        }
    }
    Some(head)
}

/// The path and query of a URL that may be relative or absolute.
fn path_of(location: &str) -> &str {
    let Some((_, rest)) = location.split_once("://") else {
        return location;
    };
    rest.find('/').map_or("/", |slash| &rest[slash..])
}
