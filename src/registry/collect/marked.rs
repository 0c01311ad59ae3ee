//! The set of what is reached, small enough for ten million blobs.

use crate::oci::Digest;

/// As many new ones are gathered, at least, before they are sorted in.
const BATCH: usize = 64 * 1024;

/// A set of digests that keeps eight bytes of each: 80 MB for ten million. Of 2^64 digests that are asked for, one that is not in
/// it is taken for one that is, for each that is; such a one is kept.
#[derive(Debug, Default)]
pub(super) struct Marked {
    sorted: Vec<u64>,
    fresh: Vec<u64>,
}

impl Marked {
    /// Puts a digest into the set.
    pub(super) fn insert(&mut self, digest: &Digest) {
        self.insert_leading(digest.leading());
    }

    /// Puts a digest into the set of which only this is known.
    pub(super) fn insert_leading(&mut self, leading: u64) {
        self.fresh.push(leading);
        if self.fresh.len() >= BATCH.max(self.sorted.len() / 8) {
            self.sort_in();
        }
    }

    /// Whether a digest is in the set.
    pub(super) fn contains(&mut self, digest: &Digest) -> bool {
        if !self.fresh.is_empty() {
            self.sort_in();
        }
        self.sorted.binary_search(&digest.leading()).is_ok()
    }

    /// How many there are.
    pub(super) fn len(&mut self) -> usize {
        self.sort_in();
        self.sorted.len()
    }

    /// Merges from the end, so that the two are never copied as a whole.
    fn sort_in(&mut self) {
        self.fresh.sort_unstable();
        self.fresh.dedup();
        let sorted = &self.sorted;
        self.fresh.retain(|new| sorted.binary_search(new).is_err());
        let (mut old, mut new) = (self.sorted.len(), self.fresh.len());
        self.sorted.resize(old + new, 0);
        let mut end = old + new;
        while new > 0 {
            end -= 1;
            if old > 0 && self.sorted[old - 1] > self.fresh[new - 1] {
                old -= 1;
                self.sorted[end] = self.sorted[old];
            } else {
                new -= 1;
                self.sorted[end] = self.fresh[new];
            }
        }
        self.fresh.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::oci::Algorithm;

    fn digest(number: u64) -> Digest {
        Digest::of(Algorithm::Sha256, &number.to_be_bytes())
    }

    #[test]
    fn it_has_what_was_put_into_it_and_nothing_else() {
        let mut marked = Marked::default();
        let mut expected = BTreeSet::new();
        for round in 0..5 {
            for number in (0..1000).map(|number| number * (round + 1) % 2500) {
                marked.insert(&digest(number));
                expected.insert(number);
            }
            for number in 0..3000 {
                assert_eq!(marked.contains(&digest(number)), expected.contains(&number), "{number}");
            }
            assert_eq!(marked.len(), expected.len());
        }
    }

    #[test]
    fn many_are_sorted_in_without_being_asked_for() {
        let mut marked = Marked::default();
        (0..200_000).for_each(|number| marked.insert(&digest(number % 70_000)));
        assert!(marked.fresh.len() < BATCH);
        assert_eq!(marked.len(), 70_000);
    }
}
