//! Which of the states that a disk could be in after a cut are tried.

use std::collections::HashMap;

use super::disk_model::{Act, DiskModel};
use super::tree::Fate;

/// Up to so many acts that may go either way, every combination is tried.
const ALL_OF: usize = 4;
/// With more, so many combinations by chance.
const BY_CHANCE: usize = 6;

/// How much is tried: 1, or more for a longer run (`WHARF_POWER_CUTS=10`).
pub(super) fn thoroughness() -> usize {
    std::env::var("WHARF_POWER_CUTS").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Chance that is the same each time.
#[derive(Debug)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Chance {
        Chance(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// The fates of everything that may go either way, in several combinations.
pub(super) fn fates(disk: &DiskModel, chance: &mut Chance) -> Vec<HashMap<usize, Fate>> {
    let open = disk.open();
    let writes: Vec<bool> = {
        let acts: Vec<&Act> = disk.acts().collect();
        open.iter().map(|act| matches!(acts[*act], Act::Write { .. })).collect()
    };
    let all = |written: Fate, named: Fate| -> HashMap<usize, Fate> {
        let fate = |is_write: &bool| if *is_write { written } else { named };
        open.iter().copied().zip(writes.iter().map(fate)).collect()
    };
    // Nothing, everything, and every name with bytes that are torn in each way.
    let mut tried = vec![all(Fate::Gone, Fate::Gone), all(Fate::Whole, Fate::Whole)];
    tried.extend([Fate::Gone, Fate::Half, Fate::Zeroes].map(|torn| all(torn, Fate::Whole)));
    let thorough = thoroughness();
    if open.len() <= if thorough > 1 { 2 * ALL_OF } else { ALL_OF } {
        for choice in 0..1_usize << open.len() {
            let fate = |bit: usize| if choice >> bit & 1 == 1 { Fate::Whole } else { Fate::Gone };
            tried.push(open.iter().enumerate().map(|(bit, act)| (*act, fate(bit))).collect());
        }
        return tried;
    }
    for _ in 0..BY_CHANCE * thorough {
        // Sometimes most survives, sometimes little.
        let odds = chance.below(4) + 1;
        let fate = |is_write: &bool, chance: &mut Chance| match chance.below(5) {
            kept if kept < odds => Fate::Whole,
            _ if *is_write => [Fate::Gone, Fate::Half, Fate::Zeroes][chance.below(3)],
            _ => Fate::Gone,
        };
        tried.push(open.iter().zip(&writes).map(|(act, is_write)| (*act, fate(is_write, chance))).collect());
    }
    // All but one, and one alone: what hides behind its neighbours.
    for _ in 0..2 * thorough {
        let one = open[chance.below(open.len())];
        for (alone, others) in [(Fate::Gone, Fate::Whole), (Fate::Whole, Fate::Gone)] {
            let mut fates = all(others, others);
            fates.insert(one, alone);
            tried.push(fates);
        }
    }
    tried
}
