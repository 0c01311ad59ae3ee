//! The load generator: blocking sockets, a thread for each connection, requests that are ready before the clock starts.
//! It does as little as a client can, so that what is measured is the server.

pub(crate) mod connection;
pub(crate) mod content;
pub(crate) mod drive;
pub(crate) mod error;
pub(crate) mod provide;
pub(crate) mod push;
pub(crate) mod request;
pub(crate) mod stream;
