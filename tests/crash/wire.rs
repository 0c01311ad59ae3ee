//! A client that takes it well when the server dies: it says so, and how much it had sent.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// As long as any answer may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What is sent at once.
const PIECE: usize = 64 * 1024;

/// The connection ended without an answer, so what became of the request is open.
#[derive(Debug)]
pub(crate) struct Lost {
    /// Not a byte of an answer came.
    silent: bool,
}

/// A connection that is opened when it is needed.
pub(crate) struct Wire {
    address: String,
    stream: Option<TcpStream>,
    /// Bytes of the last request's body that the system was given; a bit more may be counted, never less.
    pub(crate) sent: usize,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    asked: String,
}

impl Wire {
    pub(crate) fn new(address: &str) -> Wire {
        Wire { address: address.to_owned(), stream: None, sent: 0 }
    }

    /// Reads something. A connection that was idle for so long that the server closed it is opened again.
    pub(crate) fn get(&mut self, path: &str) -> Result<Reply, Lost> {
        let was_idle = self.stream.is_some();
        match self.ask("GET", path, &[], b"") {
            Err(Lost { silent: true }) if was_idle => self.ask("GET", path, &[], b""),
            other => other,
        }
    }

    /// Sends a request with a body of a known length.
    pub(crate) fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Reply, Lost> {
        self.exchange(method, path, headers, body, false)
    }

    /// Sends a request with a body of a length that is not announced.
    pub(crate) fn stream(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Reply, Lost> {
        self.exchange(method, path, &[], body, true)
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
        streamed: bool,
    ) -> Result<Reply, Lost> {
        self.sent = 0;
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.connect().map_err(|_| Lost { silent: true })?,
        };
        let mut head = format!("{method} {path} HTTP/1.1\r\nhost: wharf\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match streamed {
            true => head.push_str("transfer-encoding: chunked\r\n\r\n"),
            false => head.push_str(&format!("content-length: {}\r\n\r\n", body.len())),
        }
        // A refusal may come, and the connection end, before everything is sent; so the answer is looked for all the same.
        let _ = self.send(&mut stream, head.as_bytes(), body, streamed);
        let asked = format!("{method} {path}");
        let reply = match read_reply(&mut stream, method == "HEAD", &asked) {
            Ok(reply) => reply,
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                panic!("{asked}: no answer within {PATIENCE:?}")
            }
            Err(error) => return Err(Lost { silent: error.kind() == io::ErrorKind::NotConnected }),
        };
        if reply.header("connection") != Some("close") {
            self.stream = Some(stream);
        }
        Ok(reply)
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        Ok(stream)
    }

    fn send(&mut self, stream: &mut TcpStream, head: &[u8], body: &[u8], streamed: bool) -> io::Result<()> {
        stream.write_all(head)?;
        for piece in body.chunks(PIECE) {
            self.sent += piece.len();
            match streamed {
                true => {
                    let size = format!("{:x}\r\n", piece.len());
                    stream.write_all(&[size.as_bytes(), piece, b"\r\n"].concat())?;
                }
                false => stream.write_all(piece)?,
            }
        }
        if streamed {
            stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    }
}

fn read_reply(stream: &mut TcpStream, bodiless: bool, asked: &str) -> io::Result<Reply> {
    let mut read = Vec::new();
    let mut buffer = [0; 16 * 1024];
    let end = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        let count = match stream.read(&mut buffer) {
            Err(error) if read.is_empty() && error.kind() == io::ErrorKind::ConnectionReset => 0,
            count => count?,
        };
        match count {
            0 if read.is_empty() => return Err(io::ErrorKind::NotConnected.into()),
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            _ => read.extend_from_slice(&buffer[..count]),
        }
    };
    let mut body = read.split_off(end + 4);
    let head = String::from_utf8(read).unwrap();
    let mut lines = head.trim_end().split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    let mut reply =
        Reply { status, headers: lines.filter_map(header).collect(), body: Vec::new(), asked: asked.to_owned() };
    assert!(reply.header("transfer-encoding").is_none(), "{asked}: a length is announced");
    let length: usize = reply.header("content-length").map_or(0, |length| length.parse().unwrap());
    if !bodiless && status != 204 {
        let there = body.len();
        body.resize(length, 0);
        stream.read_exact(&mut body[there..])?;
        reply.body = body;
    }
    Ok(reply)
}

impl Reply {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// Fails unless the status is this one.
    #[track_caller]
    pub(crate) fn is(self, status: u16) -> Reply {
        assert_eq!(self.status, status, "{}: {}", self.asked, String::from_utf8_lossy(&self.body));
        self
    }

    /// Fails unless the status is one of these, and returns it.
    #[track_caller]
    pub(crate) fn is_one_of(&self, statuses: &[u16]) -> u16 {
        let said = String::from_utf8_lossy(&self.body);
        assert!(statuses.contains(&self.status), "{}: {}, not one of {statuses:?}: {said}", self.asked, self.status);
        self.status
    }

    /// The body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{}: {error}", self.asked))
    }

    /// The offset at which an upload goes on.
    #[track_caller]
    pub(crate) fn offset(&self) -> usize {
        let range = self.header("range").unwrap_or_else(|| panic!("{}: no Range", self.asked));
        match range {
            // One byte looks the same; nobody here sends a single one.
            "0-0" => 0,
            _ => range.strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1,
        }
    }
}
