//! The small cores that threads share, under a model checker: the orders in which their threads can meet are tried one by
//! one, and a thread that nobody wakes is found as well.
//!
//! Each core is compiled from its own file, with the locks of `loom` in place of those of the system.

#![expect(clippy::unwrap_used, reason = "a failure in the harness is a failure of the test")]

#[path = "../../src/registry/cache.rs"]
mod cache;
mod cache_model;
mod disk;
mod explore;
#[path = "../../src/storage/filesystem/known.rs"]
mod known;
mod known_model;
#[expect(dead_code, reason = "a directory in a model is read in order")]
#[path = "../../src/storage/filesystem/names.rs"]
mod names;
#[path = "../../src/registry/pin_table.rs"]
mod pin_table;
mod pins_model;
#[expect(dead_code, reason = "what is noted without a change or forgotten is not part of a race")]
#[path = "../../src/storage/filesystem/shared.rs"]
mod shared;
mod shared_fails_model;
mod shared_model;

mod locks {
    pub(super) use loom::sync::{Condvar, Mutex, MutexGuard};
}

mod pin_locks {
    pub(super) use loom::sync::atomic::{AtomicU32, AtomicUsize, Ordering, fence};
    pub(super) use loom::sync::{Mutex, MutexGuard};
}

mod cache_locks {
    use std::hash::{BuildHasher, Hasher};

    pub(super) use loom::sync::{Mutex, MutexGuard};

    /// Puts all keys in one part: the same in each run, as a model has to be, and where keys get in each other's way.
    #[derive(Debug)]
    pub(super) struct RandomState;

    impl RandomState {
        pub(super) fn new() -> RandomState {
            RandomState
        }
    }

    impl BuildHasher for RandomState {
        type Hasher = RandomState;

        fn build_hasher(&self) -> RandomState {
            RandomState
        }
    }

    impl Hasher for RandomState {
        fn write(&mut self, _: &[u8]) {}

        fn finish(&self) -> u64 {
            0
        }
    }
}
