//! When something was last relied on, and what is being removed at this moment: the core of [`super::pins`].
//!
//! Who relies on something stores the time first and looks at the list of what is being removed then. Who removes something
//! puts it on the list first and looks at the time then. Between the two steps of each stands a fence, so of two that meet at
//! least one sees the other: the one waits until the removal is over, or the other gives it up.
//!
//! Knows nothing of digests or of how one waits. `tests/models` runs this very file under a model checker, which is why it
//! takes its locks from `super::pin_locks`.

use std::collections::HashMap;
use std::hash::Hash;

use super::pin_locks::{AtomicU32, AtomicUsize, Mutex, MutexGuard, Ordering, fence};

/// Times in slots, and a list of keys with what fires when they are removed.
#[derive(Debug)]
pub(super) struct PinTable<K, G> {
    slots: Box<[AtomicU32]>,
    /// How many removals are under way. Mostly none, and then nobody needs the list.
    under_way: AtomicUsize,
    leaving: Mutex<HashMap<K, G>>,
}

impl<K: Hash + Eq + Clone, G: Clone> PinTable<K, G> {
    pub(super) fn new(slots: usize) -> PinTable<K, G> {
        let slots = (0..slots).map(|_| AtomicU32::new(0)).collect();
        PinTable { slots, under_way: AtomicUsize::new(0), leaving: Mutex::new(HashMap::new()) }
    }

    fn leaving(&self) -> MutexGuard<'_, HashMap<K, G>> {
        self.leaving.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn slot(&self, bits: u64) -> &AtomicU32 {
        let index = usize::try_from(bits % self.slots.len() as u64).unwrap_or_default();
        &self.slots[index]
    }

    /// Notes that a key, whose bits choose its slot, is relied on at this time. Returns what to wait for before looking
    /// whether it is there, if it is being removed.
    pub(super) fn pin(&self, key: &K, bits: u64, time: u32) -> Option<G> {
        self.slot(bits).fetch_max(time, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        if self.under_way.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.leaving().get(key).cloned()
    }

    /// Whether what has these bits was relied on at this time or later.
    pub(super) fn is_pinned_since(&self, bits: u64, time: u32) -> bool {
        self.slot(bits).load(Ordering::Acquire) >= time
    }

    /// Begins to remove those of the keys, each with its bits, on which nobody has relied since this time; the others are left
    /// out. To be ended with those that remain.
    pub(super) fn begin(&self, keys: &mut Vec<(K, u64)>, time: u32, gone: &G) {
        self.leaving().extend(keys.iter().map(|(key, _)| (key.clone(), gone.clone())));
        self.under_way.fetch_add(1, Ordering::AcqRel);
        fence(Ordering::SeqCst);
        let mut pinned = Vec::new();
        keys.retain(|(key, bits)| {
            let is_pinned = self.is_pinned_since(*bits, time);
            if is_pinned {
                pinned.push(key.clone());
            }
            !is_pinned
        });
        if !pinned.is_empty() {
            let mut leaving = self.leaving();
            pinned.iter().for_each(|key| drop(leaving.remove(key)));
        }
    }

    /// The removal is over.
    pub(super) fn end(&self, keys: &[(K, u64)]) {
        {
            let mut leaving = self.leaving();
            keys.iter().for_each(|(key, _)| drop(leaving.remove(key)));
        }
        self.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}
