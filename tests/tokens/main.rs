//! Tokens that others issue, with the others on real sockets.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[expect(unreachable_pub, reason = "other binaries use it too")]
#[path = "../support/issuer.rs"]
mod issuer;
#[expect(dead_code, unreachable_pub, reason = "other binaries use more of it")]
#[path = "../support/token_server.rs"]
mod token_server;

mod identity_provider;
mod token_servers;
