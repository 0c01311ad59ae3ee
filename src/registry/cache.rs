//! A bounded memory of what the storage said, that is never stale.
//!
//! Three rules make it exact, and `tests/models` tries them under a model checker. Whoever changes something announces it
//! first: what is remembered of it is forgotten, and nothing is remembered until the change is over, however it ends. Whoever
//! reads takes a ticket before the storage is asked; what was read is remembered only if no change began or ended since:
//! who reads while a change is under way may have read what was before it. So what is remembered was read when no change
//! was under way, and none came after it.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::Arc;

use super::cache_locks::{Mutex, MutexGuard, RandomState};

/// Keys are spread over so many parts, so that readers rarely meet.
const PARTS: usize = 8;

/// What is remembered.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    hash: RandomState,
    parts: Arc<[Mutex<Part<K, V>>]>,
    /// How much the young of a part may weigh.
    most: usize,
}

/// Entries in two generations: what is used is young, and when the young are half of what may be held, the old make room.
#[derive(Debug)]
struct Part<K, V> {
    young: HashMap<K, Entry<V>>,
    old: HashMap<K, Entry<V>>,
    /// What the young weigh together.
    weight: usize,
    /// Counts the beginnings and the ends of changes.
    turns: u64,
    /// How many changes are under way.
    under_way: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
}

/// Proof of when a read began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ticket(u64);

/// A change that is under way until this is dropped.
#[derive(Debug)]
pub(super) struct Changing<K, V> {
    parts: Arc<[Mutex<Part<K, V>>]>,
    part: usize,
    /// How often the part had turned when this was announced.
    turns: u64,
}

impl<K: Hash + Eq + Clone, V: Clone> Cache<K, V> {
    /// A memory for so much weight.
    pub(super) fn new(weight: usize) -> Cache<K, V> {
        let part = || Part { young: HashMap::new(), old: HashMap::new(), weight: 0, turns: 0, under_way: 0 };
        let parts = (0..PARTS).map(|_| Mutex::new(part())).collect();
        Cache { hash: RandomState::new(), parts, most: weight / PARTS / 2 }
    }

    /// What is remembered, or a ticket to remember what the storage says.
    pub(super) fn get(&self, key: &K) -> Result<V, Ticket> {
        let mut part = self.part(key);
        if let Some(entry) = part.young.get(key) {
            return Ok(entry.value.clone());
        }
        let Some(entry) = part.old.remove(key) else { return Err(Ticket(part.turns)) };
        let value = entry.value.clone();
        part.add(key.clone(), entry, self.most);
        Ok(value)
    }

    /// Remembers what was read since the ticket was given.
    pub(super) fn remember(&self, ticket: Ticket, key: K, value: V, weight: usize) {
        let mut part = self.part(&key);
        if part.under_way > 0 || part.turns != ticket.0 || weight > self.most {
            return;
        }
        part.remove(&key);
        part.add(key, Entry { value, weight }, self.most);
    }

    /// Announces a change. To be held until it is over.
    pub(super) fn changing(&self, key: &K) -> Changing<K, V> {
        let index = self.index(key);
        let mut part = lock(&self.parts[index]);
        part.under_way += 1;
        part.turns += 1;
        part.remove(key);
        let turns = part.turns;
        drop(part);
        Changing { parts: Arc::clone(&self.parts), part: index, turns }
    }

    /// Announces a change of all keys of which this holds.
    pub(super) fn changing_where(&self, is_changing: impl Fn(&K) -> bool) -> Vec<Changing<K, V>> {
        let announce = |index: usize| {
            let mut part = lock(&self.parts[index]);
            part.under_way += 1;
            part.turns += 1;
            let keys: Vec<K> =
                part.young.keys().chain(part.old.keys()).filter(|key| is_changing(key)).cloned().collect();
            keys.iter().for_each(|key| part.remove(key));
            Changing { parts: Arc::clone(&self.parts), part: index, turns: part.turns }
        };
        (0..PARTS).map(announce).collect()
    }

    /// Ends a change after which the storage says this, and remembers it, unless another change was announced meanwhile.
    pub(super) fn changed(&self, changing: Changing<K, V>, key: K, value: V, weight: usize) {
        let mut part = self.part(&key);
        if part.under_way == 1 && part.turns == changing.turns && weight <= self.most {
            part.remove(&key);
            part.add(key, Entry { value, weight }, self.most);
        }
        drop(part);
        drop(changing);
    }

    fn part(&self, key: &K) -> MutexGuard<'_, Part<K, V>> {
        lock(&self.parts[self.index(key)])
    }

    fn index(&self, key: &K) -> usize {
        usize::try_from(self.hash.hash_one(key) % PARTS as u64).unwrap_or_default()
    }
}

impl<K: Hash + Eq, V> Part<K, V> {
    fn add(&mut self, key: K, entry: Entry<V>, most: usize) {
        if self.weight + entry.weight > most {
            self.old = std::mem::take(&mut self.young);
            self.weight = 0;
        }
        self.weight += entry.weight;
        self.young.insert(key, entry);
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.young.remove(key) {
            self.weight -= entry.weight;
        }
        self.old.remove(key);
    }
}

impl<K, V> Drop for Changing<K, V> {
    fn drop(&mut self) {
        let mut part = lock(&self.parts[self.part]);
        part.under_way -= 1;
        part.turns += 1;
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
