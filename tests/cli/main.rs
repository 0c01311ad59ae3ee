//! The other door: the commands, run as a person or an init system runs them.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failure in the harness is a failure of the test"
)]

#[expect(
    dead_code,
    reason = "the harness serves several doors; this one needs a part of it"
)]
#[path = "../support/mod.rs"]
mod support;

mod serve;
mod stop;
