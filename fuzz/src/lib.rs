//! What must hold of everything that a client or a disk may give: one law for each fuzz target, a function that panics
//! when it is broken.
//!
//! `tests/seeds.rs` takes these files as its own, so that `cargo test` holds the seeds to the same laws without a fuzzer.

pub mod config;
pub mod hasher;
pub mod links;
pub mod manifest;
pub mod names;
pub mod ranges;
pub mod requests;
pub mod route;
mod volume;

/// A target's name, which is also that of the directory of its seeds, and its law.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 8] = [
    ("config", config::hold),
    ("hasher", hasher::hold),
    ("links", links::hold),
    ("manifest", manifest::hold),
    ("names", names::hold),
    ("ranges", ranges::hold),
    ("requests", requests::hold),
    ("route", route::hold),
];
