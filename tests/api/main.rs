//! The wire: every endpoint and every error, from outside, over sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod blobs;
mod catalog;
mod chunks;
mod conditions;
mod connections;
mod damaged_links;
mod deletes;
mod durability;
mod errors;
mod hash_states;
mod hostile_paths;
mod hostile_volume;
mod immutable;
mod limits;
mod manifest_refusals;
mod manifests;
mod mounts;
mod quotas;
mod races;
mod ranges;
mod referrers;
mod referrers_elsewhere;
mod resume;
mod switches;
mod tags;
mod uploads;
mod version;
mod volume;
