//! The atomics and locks of [`super::pin_table`], which a model checker replaces by its own.

pub(super) use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
pub(super) use std::sync::{Mutex, MutexGuard};
