//! Requests byte by byte, for what no well-behaved client sends.

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Wharf;
use super::answer::Answer;
use super::client::PATIENCE;

/// A connection.
pub struct Raw {
    stream: TcpStream,
    /// What was read and not looked at yet.
    rest: Vec<u8>,
    asked: String,
}

impl Wharf {
    /// A connection to it.
    pub async fn connect(&self) -> Raw {
        Raw { stream: TcpStream::connect(self.address()).await.unwrap(), rest: Vec::new(), asked: String::new() }
    }
}

impl Raw {
    /// Sends a request line and headers, each line without its end.
    pub async fn request(&mut self, line: &str, headers: &[&str]) {
        self.asked = line.to_owned();
        let mut head = format!("{line} HTTP/1.1\r\nhost: wharf\r\n");
        for header in headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        self.send(format!("{head}\r\n").as_bytes()).await.unwrap();
    }

    /// Sends bytes.
    pub async fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        timeout(PATIENCE, self.stream.write_all(bytes)).await.unwrap()
    }

    /// Reads an answer that has no body, whatever its length says: one to HEAD.
    pub async fn answer_without_body(&mut self) -> Answer {
        let end = loop {
            match self.rest.windows(4).position(|window| window == b"\r\n\r\n") {
                Some(end) => break end,
                None => assert!(self.read().await, "{}: no answer", self.asked),
            }
        };
        let head = String::from_utf8(self.rest.drain(..end + 4).collect()).unwrap();
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap();
        let mut headers = HeaderMap::new();
        for line in lines {
            let (name, value) = line.split_once(':').unwrap();
            headers.append(name.parse::<HeaderName>().unwrap(), value.trim().parse::<HeaderValue>().unwrap());
        }
        Answer { status: status.parse().unwrap(), headers, body: Vec::new(), asked: self.asked.clone() }
    }

    /// Reads an answer with a body of the length that it announces.
    pub async fn answer(&mut self) -> Answer {
        let mut answer = self.answer_without_body().await;
        let length = if answer.has("content-length") { answer.header("content-length").parse().unwrap() } else { 0 };
        while self.rest.len() < length {
            assert!(self.read().await, "{}: the answer breaks off", self.asked);
        }
        answer.body = self.rest.drain(..length).collect();
        answer
    }

    /// Whether the server closes the connection without another byte.
    pub async fn is_closed(&mut self) -> bool {
        self.rest.is_empty() && !self.read().await
    }

    async fn read(&mut self) -> bool {
        let mut buffer = [0; 16 * 1024];
        let count = timeout(PATIENCE, self.stream.read(&mut buffer)).await;
        let count = count.expect("the server answers in time").unwrap_or(0);
        self.rest.extend_from_slice(&buffer[..count]);
        count > 0
    }
}
