//! Why a server could not be measured.

use std::io;

/// What a server did that ends a measurement. Each reads as a sentence in the report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The socket failed, or the server took longer than any answer may.
    #[error("{asked}: {source}")]
    Io {
        /// The request line.
        asked: String,
        source: io::Error,
    },
    /// The server closed the connection before the answer was whole.
    #[error("{0}: the connection was closed before the answer was whole")]
    Closed(String),
    /// The answer's head or chunks cannot be read.
    #[error("{asked}: the answer has {what}")]
    Malformed {
        /// The request line.
        asked: String,
        what: &'static str,
    },
    /// The answer is well-formed and not the one that the protocol asks for.
    #[error("{asked}: answered {status} instead of {expected}: {body}")]
    Unexpected {
        /// The request line.
        asked: String,
        status: u16,
        expected: u16,
        /// The beginning of what the server said.
        body: String,
    },
    /// The body is not as long as what was pushed.
    #[error("{asked}: {length} bytes instead of {expected}")]
    Length { asked: String, length: u64, expected: u64 },
    /// The server cannot be reached.
    #[error("cannot connect: {0}")]
    Connect(#[source] io::Error),
    /// A file for a server that serves files cannot be written.
    #[error("cannot write a file to be served: {0}")]
    Provide(#[source] io::Error),
}
