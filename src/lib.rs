//! Wharf, a private container registry: the library behind the `wharf` binary.
//!
//! The modules are rings, and imports point inwards only: words ([`oci`]), bytes ([`storage`]), operations
//! ([`registry`]), doors ([`http`], [`cli`]). `docs/architecture.md` draws them; `tests/architecture.rs` holds them.

pub mod auth;
pub mod cli;
pub mod config;
pub mod http;
pub mod oci;
pub mod registry;
pub mod storage;
pub mod telemetry;
