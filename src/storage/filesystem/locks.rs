//! The locks of [`super::shared`], which a model checker replaces by its own.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
