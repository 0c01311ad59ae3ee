//! The administration API and those who use it: over the network, over the operator's socket, and by the command line.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, reason = "other binaries use other parts of the harness")]
#[path = "../access/guarded.rs"]
mod guarded;
#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod abandoned;
mod checks;
mod collecting;
mod command;
mod control;
mod credentials;
mod history;
mod history_command;
mod jobs;
mod refusals;
mod retention;
mod rights;
mod routes;
mod stats;
