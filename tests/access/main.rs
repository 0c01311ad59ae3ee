//! Who may do what, from outside: the real program, over sockets, with users, rules and tokens.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod access_tokens;
mod apart;
mod attacks;
mod browsers;
mod certificates;
mod create_only;
mod every_route;
mod first_user;
mod forms;
mod guarded;
mod guessing;
mod histories;
mod login;
mod mounts;
mod reloads;
mod secrets;
mod token_server;
mod workload;
