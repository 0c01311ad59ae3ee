//! What is known of one namespace: what it holds, what is on its way, and how sure that is. No I/O, no waiting.
//!
//! What comes is noted when its link is on disk, so nothing that was there when a count began, or came behind it, is missing
//! from what is known at the count's end. What goes is not taken off, since another repository of the namespace may hold it, too:
//! it is only noted that something went, and then what is known is too much rather than too little, until it is counted again.

use tokio_util::sync::CancellationToken;

use crate::oci::Digest;

use super::sizes::Sizes;

/// A namespace's ledger.
#[derive(Debug)]
pub(super) struct Ledger {
    /// How much it may hold, in bytes.
    pub(super) most: u64,
    /// The key in the configuration that says so.
    pub(super) key: String,
    held: Sizes,
    /// How often something had gone when the count began that `held` comes from; `None` if there was none, or if something came
    /// that was not noted.
    counted: Option<u64>,
    /// How often something has gone.
    removals: u64,
    /// How often something may have come that was not noted.
    surprises: u64,
    /// The count that runs.
    count: Option<Count>,
    /// Fires when a count that somebody began is over.
    pub(super) under_way: Option<CancellationToken>,
    /// What requests under way may add, in bytes.
    pub(super) reserved: u64,
}

#[derive(Debug)]
struct Count {
    found: Sizes,
    removals: u64,
    surprises: u64,
}

/// Whether something fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Fits,
    TooMuch,
    /// It has to be counted first.
    Unsure,
}

impl Ledger {
    pub(super) fn new(key: &str, most: u64) -> Ledger {
        Ledger {
            most,
            key: key.to_owned(),
            held: Sizes::default(),
            counted: None,
            removals: 0,
            surprises: 0,
            count: None,
            under_way: None,
            reserved: 0,
        }
    }

    /// Whether what is known is what there is.
    pub(super) fn is_exact(&self) -> bool {
        self.counted == Some(self.removals)
    }

    /// What it holds, as far as that is known: too much where something went since the last count, too little before the
    /// first is over.
    pub(super) fn used(&self) -> u64 {
        match self.counted {
            Some(_) => self.held.total(),
            None => self.at_least(),
        }
    }

    /// What it holds at least: what is known for certain, or what a count that runs has found so far.
    fn at_least(&self) -> u64 {
        match &self.count {
            Some(count) if !self.is_exact() => count.found.total(),
            Some(_) | None => self.held.total(),
        }
    }

    /// How long a content is that is known, so that nobody has to look.
    pub(super) fn size_of(&self, digest: &Digest) -> Option<u64> {
        self.held.get(digest).or_else(|| self.count.as_ref()?.found.get(digest))
    }

    /// Whether so much more fits beside what is under way.
    pub(super) fn judge(&self, more: u64) -> Verdict {
        let fits = self.leaves(self.used(), more);
        match fits {
            _ if more == 0 => Verdict::Fits,
            _ if self.counted.is_none() && self.under_way.is_none() => Verdict::Unsure,
            true => Verdict::Fits,
            false if self.is_exact() => Verdict::TooMuch,
            false => Verdict::Unsure,
        }
    }

    /// The same where there is no time to count: what may be too much counts for nothing.
    pub(super) fn judge_anyway(&self, more: u64) -> Verdict {
        match more == 0 || self.leaves(self.at_least(), more) {
            true => Verdict::Fits,
            false => Verdict::TooMuch,
        }
    }

    fn leaves(&self, used: u64, more: u64) -> bool {
        used.saturating_add(self.reserved).saturating_add(more) <= self.most
    }

    /// Notes that it holds something.
    pub(super) fn note(&mut self, digest: &Digest, size: u64) {
        self.held.insert(digest, size);
        if let Some(count) = &mut self.count {
            count.found.insert(digest, size);
        }
    }

    /// Notes that something went.
    pub(super) fn note_removal(&mut self) {
        self.removals += 1;
    }

    /// Notes that anything may have come or gone.
    pub(super) fn note_surprise(&mut self) {
        self.surprises += 1;
        self.removals += 1;
        self.counted = None;
    }

    /// A count begins.
    pub(super) fn begin(&mut self) {
        self.count = Some(Count { found: Sizes::default(), removals: self.removals, surprises: self.surprises });
    }

    /// The count has found something.
    pub(super) fn found(&mut self, digest: &Digest, size: u64) {
        if let Some(count) = &mut self.count {
            count.found.insert(digest, size);
        }
    }

    /// The count is over, with all that there is or not.
    pub(super) fn end(&mut self, is_whole: bool) {
        let Some(count) = self.count.take() else { return };
        if is_whole {
            self.held = count.found;
            self.counted = (count.surprises == self.surprises).then_some(count.removals);
        }
    }

    /// Whether nobody has anything to do with it now, so that it can be forgotten and counted anew.
    pub(super) fn is_idle(&self) -> bool {
        self.reserved == 0 && self.count.is_none() && self.under_way.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    fn digest(number: u8) -> Digest {
        Digest::of(Algorithm::Sha256, &[number])
    }

    fn counted(holds: &[(u8, u64)]) -> Ledger {
        let mut ledger = Ledger::new("key", 100);
        ledger.begin();
        holds.iter().for_each(|(number, size)| ledger.found(&digest(*number), *size));
        ledger.end(true);
        ledger
    }

    #[test]
    fn before_the_first_count_is_over_only_what_is_known_counts() {
        let mut ledger = Ledger::new("key", 100);
        assert_eq!(ledger.judge(1), Verdict::Unsure, "somebody has to count");
        ledger.under_way = Some(CancellationToken::new());
        ledger.begin();
        assert_eq!(ledger.judge(100), Verdict::Fits);
        ledger.found(&digest(1), 60);
        assert_eq!(ledger.judge(40), Verdict::Fits);
        assert_eq!((ledger.judge(41), ledger.judge_anyway(41)), (Verdict::Unsure, Verdict::TooMuch));
        ledger.end(true);
        assert_eq!((ledger.used(), ledger.judge(41)), (60, Verdict::TooMuch));
    }

    #[test]
    fn what_comes_during_a_count_is_in_it_and_once() {
        let mut ledger = counted(&[(1, 30)]);
        ledger.begin();
        ledger.note(&digest(2), 20);
        // Where this came to, the count had been before.
        ledger.note(&digest(3), 5);
        ledger.found(&digest(2), 20);
        ledger.found(&digest(1), 30);
        assert_eq!(ledger.used(), 55);
        ledger.end(true);
        assert_eq!((ledger.used(), ledger.is_exact()), (55, true));
    }

    #[test]
    fn what_went_is_counted_before_anything_is_refused() {
        let mut ledger = counted(&[(1, 60), (2, 30)]);
        ledger.note_removal();
        assert_eq!(ledger.judge(10), Verdict::Fits, "it fits beside what went, too");
        assert_eq!(ledger.judge(11), Verdict::Unsure);
        ledger.begin();
        ledger.found(&digest(1), 60);
        assert_eq!((ledger.judge(11), ledger.judge_anyway(11)), (Verdict::Unsure, Verdict::Fits));
        ledger.end(true);
        assert_eq!((ledger.judge(40), ledger.judge(41)), (Verdict::Fits, Verdict::TooMuch));
    }

    #[test]
    fn a_count_that_was_overtaken_is_not_the_last() {
        let mut ledger = counted(&[(1, 60)]);
        ledger.note_removal();
        ledger.begin();
        ledger.found(&digest(1), 60);
        ledger.note_removal();
        ledger.end(true);
        assert!(!ledger.is_exact());
        ledger.begin();
        ledger.note_surprise();
        ledger.end(true);
        assert!(!ledger.is_exact());
        assert_eq!(ledger.judge(1), Verdict::Unsure, "something may have come that nobody noted");
        ledger.begin();
        ledger.end(false);
        assert!(!ledger.is_exact(), "one that failed says nothing");
    }

    #[test]
    fn what_is_under_way_takes_room_and_nothing_fits_everywhere() {
        let mut ledger = counted(&[(1, 60)]);
        ledger.reserved = 30;
        assert_eq!((ledger.judge(10), ledger.judge(11)), (Verdict::Fits, Verdict::TooMuch));
        let full = counted(&[(1, 200)]);
        assert_eq!((full.judge(0), full.judge(1)), (Verdict::Fits, Verdict::TooMuch));
    }
}
