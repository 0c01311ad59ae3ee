//! A set of content with the length of each, small enough for ten million.

use std::collections::HashMap;

use crate::oci::Digest;

/// As many new ones are gathered, at least, before they are sorted in.
const BATCH: usize = 4 * 1024;

/// Different content and its length: 16 bytes for each, 160 MB for ten million, and a sixteenth of them a second time in a
/// table. As in a collection's marks, of 2^64 digests one that is not in it is taken for one that is, for each that is.
#[derive(Debug, Default)]
pub(in crate::registry) struct Sizes {
    sorted: Vec<(u64, u64)>,
    fresh: HashMap<u64, u64>,
    total: u64,
}

impl Sizes {
    /// Puts content into the set; false if it was there.
    pub(in crate::registry) fn insert(&mut self, digest: &Digest, size: u64) -> bool {
        if self.get(digest).is_some() {
            return false;
        }
        self.fresh.insert(digest.leading(), size);
        self.total = self.total.saturating_add(size);
        if self.fresh.len() >= BATCH.max(self.sorted.len() / 16) {
            self.sort_in();
        }
        true
    }

    /// How long the content is, if it is in the set.
    pub(in crate::registry) fn get(&self, digest: &Digest) -> Option<u64> {
        let key = digest.leading();
        if let Some(size) = self.fresh.get(&key) {
            return Some(*size);
        }
        let found = self.sorted.binary_search_by_key(&key, |(key, _)| *key).ok()?;
        self.sorted.get(found).map(|(_, size)| *size)
    }

    /// How long all of it is together, in bytes.
    pub(in crate::registry) fn total(&self) -> u64 {
        self.total
    }

    /// Merges from the end, so that the two are never copied as a whole.
    fn sort_in(&mut self) {
        let mut fresh: Vec<(u64, u64)> = self.fresh.drain().collect();
        fresh.sort_unstable();
        let (mut old, mut new) = (self.sorted.len(), fresh.len());
        self.sorted.resize(old + new, (0, 0));
        let mut end = old + new;
        while new > 0 {
            end -= 1;
            if old > 0 && self.sorted[old - 1] > fresh[new - 1] {
                old -= 1;
                self.sorted[end] = self.sorted[old];
            } else {
                new -= 1;
                self.sorted[end] = fresh[new];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::oci::Algorithm;

    fn digest(number: u64) -> Digest {
        Digest::of(Algorithm::Sha256, &number.to_be_bytes())
    }

    #[test]
    fn each_content_counts_once_and_keeps_its_length() {
        let (mut sizes, mut expected) = (Sizes::default(), BTreeMap::new());
        for round in 1..6_u64 {
            for number in (0..5000).map(|number| number * round % 9000) {
                assert_eq!(sizes.insert(&digest(number), number), expected.insert(number, number).is_none());
            }
            for number in 0..10_000 {
                assert_eq!(sizes.get(&digest(number)), expected.get(&number).copied(), "{number}");
            }
            assert_eq!(sizes.sorted.len() + sizes.fresh.len(), expected.len());
            assert_eq!(sizes.total(), expected.values().sum::<u64>());
        }
        assert!(sizes.sorted.len() >= BATCH && sizes.sorted.is_sorted(), "they are sorted in on the way");
    }
}
