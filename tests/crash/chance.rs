//! Choices that look random and can be repeated: SplitMix64.

use std::time::{SystemTime, UNIX_EPOCH};

/// A source of choices.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64) -> Chance {
        Chance(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A source of its own, for a thread.
    pub(crate) fn fork(&mut self) -> Chance {
        Chance(self.next())
    }

    /// From 0 to one less than this.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// At least the first and less than the second.
    pub(crate) fn between(&mut self, first: usize, end: usize) -> usize {
        first + self.below(end - first)
    }

    pub(crate) fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// A number from the environment.
pub(crate) fn setting(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, not {text:?}")))
}

/// The seed of this run: `WHARF_CRASH_SEED`, or one that no other run has.
pub(crate) fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    setting("WHARF_CRASH_SEED").unwrap_or_else(|| now.as_secs() ^ (u64::from(now.subsec_nanos()) << 20))
}

/// How often something is done: a number of times by default, and as many times more as the rounds are more than theirs.
pub(crate) fn times(default: usize) -> usize {
    let rounds = setting("WHARF_CRASH_ROUNDS").map_or(ROUNDS, |rounds| usize::try_from(rounds).unwrap());
    (default * rounds).div_ceil(ROUNDS)
}

/// Kills in a run of the default length.
pub(crate) const ROUNDS: usize = 12;
