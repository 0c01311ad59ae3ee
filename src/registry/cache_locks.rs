//! The locks of [`super::cache`] and how it spreads its keys, which a model checker replaces by its own.

pub(super) use std::hash::RandomState;
pub(super) use std::sync::{Mutex, MutexGuard};
