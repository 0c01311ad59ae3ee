//! The wire: every endpoint and every error, from outside, over sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(
    dead_code,
    unreachable_pub,
    reason = "other binaries use other parts of the harness"
)]
#[path = "../support/mod.rs"]
mod support;

mod blobs;
mod chunks;
mod connections;
mod deletes;
mod errors;
mod hash_states;
mod limits;
mod manifest_refusals;
mod manifests;
mod mounts;
mod resume;
mod uploads;
mod version;
