//! What is remembered for a while, and of how much.

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

/// Values under keys. Each is forgotten some time after it was last put; when there are too many, the one that was put
/// longest ago goes.
#[derive(Debug)]
pub(super) struct Aging<V> {
    most: usize,
    life: Duration,
    entries: HashMap<u64, (Instant, V)>,
    /// The keys, in the order in which they were put.
    order: BTreeSet<(Instant, u64)>,
}

impl<V: Copy> Aging<V> {
    pub(super) fn new(most: usize, life: Duration) -> Self {
        Aging { most, life, entries: HashMap::new(), order: BTreeSet::new() }
    }

    /// What there is, and since when.
    pub(super) fn get(&self, key: u64, now: Instant) -> Option<(Instant, V)> {
        let (put, value) = *self.entries.get(&key)?;
        (now.saturating_duration_since(put) < self.life).then_some((put, value))
    }

    pub(super) fn put(&mut self, key: u64, value: V, now: Instant) {
        self.remove(key);
        while let Some(&(put, oldest)) = self.order.first() {
            if self.entries.len() < self.most && now.saturating_duration_since(put) < self.life {
                break;
            }
            self.remove(oldest);
        }
        self.entries.insert(key, (now, value));
        self.order.insert((now, key));
    }

    pub(super) fn remove(&mut self, key: u64) {
        if let Some((put, _)) = self.entries.remove(&key) {
            self.order.remove(&(put, key));
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.entries.len(), self.order.len());
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_goes_when_there_are_too_many_and_each_when_its_time_is_over() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut aging = Aging::new(2, Duration::from_secs(10));
        aging.put(1, 'a', at(0));
        aging.put(2, 'b', at(1));
        aging.put(1, 'c', at(2));
        aging.put(3, 'd', at(3));
        assert_eq!(aging.get(2, at(3)), None);
        assert_eq!(aging.get(1, at(3)), Some((at(2), 'c')));
        assert_eq!(aging.get(1, at(12)), None);
        assert_eq!(aging.get(3, at(12)), Some((at(3), 'd')));
        aging.put(4, 'e', at(20));
        assert_eq!(aging.len(), 1);
    }
}
