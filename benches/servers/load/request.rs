//! A request whose head is bytes already, so that sending it costs one system call.

/// The types that a client of today accepts for a manifest.
pub(crate) const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json\r\n";

/// What the body is, unless it is a manifest.
pub(crate) const OCTETS: &str = "Content-Type: application/octet-stream\r\n";

/// The head of a request.
pub(crate) struct Request {
    head: Vec<u8>,
    /// Whether the answer has no body whatever its length says.
    is_head: bool,
}

impl Request {
    /// One without a body.
    pub(crate) fn bare(method: &str, target: &str, host: &str, headers: &str) -> Request {
        let length = if matches!(method, "GET" | "HEAD") { "" } else { "Content-Length: 0\r\n" };
        Request::new(method, target, host, &format!("{length}{headers}"))
    }

    /// One with a body of so many bytes.
    pub(crate) fn with_body(method: &str, target: &str, host: &str, headers: &str, length: usize) -> Request {
        Request::new(method, target, host, &format!("Content-Length: {length}\r\n{headers}"))
    }

    fn new(method: &str, target: &str, host: &str, headers: &str) -> Request {
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n");
        Request { head: head.into_bytes(), is_head: method == "HEAD" }
    }

    /// The bytes to be sent before the body.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Whether it is a `HEAD`.
    pub(crate) fn is_head(&self) -> bool {
        self.is_head
    }

    /// The request line without the version, for messages.
    pub(crate) fn line(&self) -> String {
        let text = String::from_utf8_lossy(&self.head);
        text.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned()
    }
}
