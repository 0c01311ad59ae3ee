//! Whether something that was read from the disk has changed since, for the price of one `stat`.
//!
//! A second change can hide behind the same time, since file systems keep time in ticks, some of two seconds. So what was
//! just seen to be new is read again until the tick is over. The clock of this machine is not asked, as that of a file
//! server may differ.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// Longer than any tick.
const TICK: Duration = Duration::from_secs(3);
/// Until the tick is over, a new reading waits this many times as long as the last one took.
const PAUSE: u32 = 10;

/// What the system says of a file or directory, and says differently when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    inode: (u64, u64),
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    pub(super) fn of(metadata: &Metadata) -> Stamp {
        Stamp {
            inode: (metadata.dev(), metadata.ino()),
            length: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// When something was read, and what it looked like.
#[derive(Debug, Default)]
pub(super) struct Watched(Option<Reading>);

#[derive(Debug)]
struct Reading {
    stamp: Stamp,
    /// When the stamp was first seen.
    first: Instant,
    /// When what has this stamp was last read, and how long that took.
    last: Instant,
    took: Duration,
}

impl Watched {
    /// Whether what was read is still what is there.
    pub(super) fn is_current(&self, stamp: &Stamp, now: Instant) -> bool {
        self.0.as_ref().is_some_and(|reading| {
            let settled = reading.last.saturating_duration_since(reading.first) >= TICK;
            let just_read = now.saturating_duration_since(reading.last) < reading.took * PAUSE;
            reading.stamp == *stamp && (settled || just_read)
        })
    }

    /// Notes that it was read, beginning at `began`, and then looked like this before.
    pub(super) fn note(&mut self, stamp: Stamp, began: Instant) {
        let first = match &self.0 {
            Some(reading) if reading.stamp == stamp => reading.first,
            _ => began,
        };
        self.0 = Some(Reading { stamp, first, last: began, took: began.elapsed() });
    }

    /// Forgets it, so that it is read again.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(length: u64) -> Stamp {
        Stamp { inode: (1, 1), length, modified: (1, 1), changed: (1, 1) }
    }

    #[test]
    fn what_was_just_new_is_read_again_until_a_second_change_cannot_hide() {
        let (mut watched, start) = (Watched::default(), Instant::now());
        assert!(!watched.is_current(&stamp(1), start));
        watched.note(stamp(1), start);
        assert!(!watched.is_current(&stamp(1), start + TICK), "it was read within the tick");
        watched.note(stamp(1), start + TICK);
        assert!(watched.is_current(&stamp(1), start + TICK * 2), "it was read after the tick");
        assert!(!watched.is_current(&stamp(2), start + TICK * 2), "it changed");
        watched.note(stamp(2), start + TICK * 2);
        assert!(!watched.is_current(&stamp(2), start + TICK * 3), "the tick begins anew");
    }

    #[test]
    fn a_long_reading_is_not_begun_again_at_once() {
        let (now, took) = (Instant::now(), Duration::from_millis(10));
        let watched = Watched(Some(Reading { stamp: stamp(1), first: now, last: now, took }));
        assert!(watched.is_current(&stamp(1), now + took * 5));
        assert!(!watched.is_current(&stamp(1), now + took * 20));
    }
}
