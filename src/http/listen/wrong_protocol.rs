//! Answers to clients that speak https to a port for http, and the other way round.
//!
//! Docker and containerd try https first, and go on with http, where they may, if what comes back begins with `HTTP/`.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// How long, and for how many bytes, we listen on after an answer: a close with bytes unread would take the answer
/// back before the client has read it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 256 * 1024;

/// Answers a TLS hello on a port that speaks http.
pub(super) async fn refuse_https<S>(stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    answer(stream, "text/plain; charset=utf-8", "This port speaks http, not https.\n").await
}

/// Answers an http request on a port that speaks https.
pub(super) async fn refuse_http<S>(mut stream: S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // What has come so far; it is enough to say the address if the head is in it, and not worth waiting for more.
    let mut head = [0; 4096];
    let count = stream.read(&mut head).await?;
    let message = match head.get(..count).and_then(host) {
        Some(host) => format!("this port speaks https: use https://{host}"),
        None => "this port speaks https: use https://".to_owned(),
    };
    let body = serde_json::json!({ "errors": [{ "code": "UNSUPPORTED", "message": message }] });
    answer(stream, "application/json", &body.to_string()).await
}

async fn answer<S>(mut stream: S, content_type: &str, body: &str) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\
         Docker-Distribution-Api-Version: registry/2.0\r\nConnection: close\r\n\r\n{body}"
    );
    let said_and_read = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // A client that is still sending has had its time.
    timeout(LINGER, said_and_read).await.map_or(Ok(()), |ended| ended.map(drop))
}

/// The host that a request's head names.
fn host(head: &[u8]) -> Option<&str> {
    let head = std::str::from_utf8(head).ok()?;
    let fields = head.split("\r\n").skip(1).filter_map(|line| line.split_once(':'));
    let host = fields.filter(|(name, _)| name.eq_ignore_ascii_case("host")).map(|(_, value)| value.trim()).next()?;
    let harmless = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte);
    (!host.is_empty() && host.bytes().all(harmless)).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_found_and_not_believed_blindly() {
        assert_eq!(host(b"GET /v2/ HTTP/1.1\r\nhost: build:5000\r\n\r\n"), Some("build:5000"));
        assert_eq!(host(b"GET /v2/ HTTP/1.1\r\nHost: <script>\r\n\r\n"), None);
        assert_eq!(host(b"GET /v2/ HTTP/1.0\r\n\r\n"), None);
        assert_eq!(host(b"GET Host: x"), None);
        assert_eq!(host(&[0xff]), None);
    }
}
