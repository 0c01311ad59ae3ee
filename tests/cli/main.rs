//! The other door: the commands, run as a person or an init system runs them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure in the harness is a failure of the test")]

#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod access;
mod check;
mod serve;
mod stop;
mod token;
mod user;
