//! Users of a real directory: Debian's slapd, unmodified.
//!
//! It is one of the packages of `.ci/install-clients`, so `cargo test` leaves these out. Run them with
//! `cargo test --test ldap`. Each test starts a server of its own with a few entries, and ends it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "what a test cannot do without fails it, and says so"
)]

#[path = "../clients/daemon.rs"]
mod daemon;
#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod directory;
mod encryption;
mod groups;
mod logins;
mod program;
