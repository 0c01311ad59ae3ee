//! How far a job has come. The work notes it as it goes, which costs next to nothing; whoever asks reads it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::registry::Clock;

/// Stands for a total that is not known.
const UNKNOWN: u64 = u64::MAX;

/// How far some work has come, in phases of which each counts from zero.
#[derive(Debug)]
pub struct Progress {
    clock: Arc<dyn Clock>,
    phase: Mutex<Phase>,
    done: AtomicU64,
    total: AtomicU64,
}

/// What is being done, and since when.
#[derive(Clone, Copy, Debug)]
struct Phase {
    name: &'static str,
    began: Duration,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgressNow {
    /// What is being done.
    pub phase: &'static str,
    /// How much of it is done.
    pub done: u64,
    /// How much there is to do, if that is known.
    pub total: Option<u64>,
    /// How long the phase takes yet, if it goes on as it did.
    pub left: Option<Duration>,
}

impl Progress {
    /// Of work that has not begun.
    pub fn new(clock: Arc<dyn Clock>) -> Progress {
        let phase = Mutex::new(Phase { name: "starting", began: clock.elapsed() });
        Progress { clock, phase, done: AtomicU64::new(0), total: AtomicU64::new(UNKNOWN) }
    }

    /// Begins the next phase.
    pub fn enter(&self, name: &'static str, total: Option<u64>) {
        let mut phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        *phase = Phase { name, began: self.clock.elapsed() };
        self.done.store(0, Ordering::Relaxed);
        self.expect(total);
    }

    /// Says how much there is to do in this phase.
    pub fn expect(&self, total: Option<u64>) {
        self.total.store(total.unwrap_or(UNKNOWN), Ordering::Relaxed);
    }

    /// Notes that so much more is done.
    pub fn advance(&self, by: u64) {
        self.done.fetch_add(by, Ordering::Relaxed);
    }

    /// How far it is now.
    pub fn now(&self) -> ProgressNow {
        let phase = self.phase.lock().unwrap_or_else(PoisonError::into_inner);
        let done = self.done.load(Ordering::Relaxed);
        let total = Some(self.total.load(Ordering::Relaxed)).filter(|total| *total != UNKNOWN);
        let took = self.clock.elapsed().saturating_sub(phase.began);
        let left = total.and_then(|total| left(took, done, total));
        ProgressNow { phase: phase.name, done, total, left }
    }
}

/// None if nothing is done from which to tell, or if it takes longer than can be told.
fn left(took: Duration, done: u64, total: u64) -> Option<Duration> {
    let nanoseconds = took.as_nanos().checked_mul(u128::from(total.saturating_sub(done)))?.checked_div(done.into())?;
    Some(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_is_that_of_the_rest_at_the_same_speed() {
        let second = Duration::from_secs(1);
        assert_eq!(left(10 * second, 25, 100), Some(30 * second));
        assert_eq!(left(10 * second, 100, 100), Some(Duration::ZERO));
        assert_eq!(left(10 * second, 120, 100), Some(Duration::ZERO));
        assert_eq!(left(10 * second, 0, 100), None);
        assert_eq!(left(Duration::MAX, 1, u64::MAX), None);
    }
}
