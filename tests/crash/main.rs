//! The real program under load, and what is left of it when it is killed, stopped or left waiting.
//!
//! A model remembers what was acknowledged. After each end of the program it is started again on the same volume, and
//! what it serves is compared with the model.
//!
//! `WHARF_CRASH_SEED=<number>` repeats the choices of a run (not the timing of threads); `WHARF_CRASH_ROUNDS=<number>` makes
//! the runs longer. Run one with `-- --nocapture` to see seeds and counts.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[expect(dead_code, unreachable_pub, reason = "other binaries use other parts of the harness")]
#[path = "../support/mod.rs"]
mod support;

mod chance;
mod check;
mod clients;
mod connections;
mod disk;
mod drips;
mod history;
mod images;
mod model;
mod pushes;
mod races;
mod races_over_an_end;
mod rounds;
mod wire;
