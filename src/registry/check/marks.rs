//! Which contents some repository holds, in eight bytes for each content.

use crate::oci::Digest;

use super::sample::prefix;

/// Contents, and whether somebody holds them. Two whose first 63 bits are the same count as one, which is harmless where
/// contents are counted.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// The first 63 bits of each digest, in order; the last bit says that somebody holds it.
    contents: Vec<u64>,
    is_sorted: bool,
    stored: Amount,
    held: Amount,
}

/// How many contents, and how many bytes they have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// How many.
    pub contents: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

impl Marks {
    /// A content is there.
    pub(super) fn add(&mut self, digest: &Digest, size: u64) {
        self.contents.push(prefix(digest) & !1);
        self.is_sorted = false;
        self.stored.add(size);
    }

    /// Somebody holds it.
    pub(super) fn hold(&mut self, digest: &Digest, size: u64) {
        if !self.is_sorted {
            self.contents.sort_unstable();
            self.is_sorted = true;
        }
        let wanted = prefix(digest) & !1;
        if let Ok(at) = self.contents.binary_search_by_key(&wanted, |content| content & !1)
            && self.contents[at] & 1 == 0
        {
            self.contents[at] |= 1;
            self.held.add(size);
        }
    }

    /// All contents that are there.
    pub(super) fn stored(&self) -> Amount {
        self.stored
    }

    /// Those that nobody holds.
    pub(super) fn loose(&self) -> Amount {
        Amount {
            contents: self.stored.contents.saturating_sub(self.held.contents),
            bytes: self.stored.bytes.saturating_sub(self.held.bytes),
        }
    }
}

impl Amount {
    fn add(&mut self, size: u64) {
        self.contents += 1;
        self.bytes += size;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn what_nobody_holds_is_counted_however_often_the_rest_is_held() {
        let digest = |n: u8| Digest::of(Algorithm::Sha256, &[n]);
        let mut marks = Marks::default();
        for n in 0..100 {
            marks.add(&digest(n), u64::from(n));
        }
        for n in (1..100).chain(1..100) {
            marks.hold(&digest(n), u64::from(n));
        }
        marks.hold(&digest(200), 7);
        assert_eq!(marks.stored(), Amount { contents: 100, bytes: 4950 });
        assert_eq!(marks.loose(), Amount { contents: 1, bytes: 0 });
    }
}
