//! How long a peer may take for what.

use std::time::Duration;

/// Bounds on everything that a peer can make us wait for. The defaults are for serving; tests shorten them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// From the connection to the end of the TLS handshake.
    pub handshake: Duration,
    /// From the connection, or the end of the request before, to the end of a request's head. It is also how long a
    /// connection is kept open for another request.
    pub head: Duration,
    /// From one piece of a request's body to the next, while somebody waits for it.
    pub body: Duration,
    /// How long a peer may take none of the answer that is waiting for it.
    pub answer: Duration,
    /// Between two looks whether the certificates have changed.
    pub certificates: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            head: Duration::from_secs(30),
            body: Duration::from_secs(60),
            answer: Duration::from_secs(300),
            certificates: Duration::from_secs(2),
        }
    }
}
