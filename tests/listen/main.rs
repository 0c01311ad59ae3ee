//! The front door below the router, tried over real sockets: http, https, Unix sockets, certificates that change,
//! clients that misbehave, and the end.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failure in the harness is a failure of the test")]

mod app;
mod bind;
mod certificates;
mod generated;
mod harness;
mod log;
mod plain;
mod raw;
mod reload;
mod slow;
mod stop;
mod tls;
mod unix;
mod wrong_protocol;
