//! The locks of [`super::shared`] and [`super::known`], which a model checker replaces by its own.

pub(super) use std::sync::{Condvar, Mutex, MutexGuard};
