//! How hard something in the background works: a share of the time that it may be busy.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::Clock;

/// How long it works before it rests. Whoever waits for the disk or the processor meanwhile waits no longer than this.
const SLICE: Duration = Duration::from_millis(5);
/// The longest rest. One call that hung in the disk must not make it sleep for hours.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// The share of the time that something may be busy: 1 to 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort(u8);

/// Why a text is not an effort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an effort is a whole number from 1 to 100, the percentage of the time to be busy")]
pub struct EffortError;

impl Effort {
    /// All of the time.
    pub const FULL: Effort = Effort(100);

    /// So much percent of the time; none if that is not from 1 to 100.
    pub const fn percent(percent: u8) -> Option<Effort> {
        if percent >= 1 && percent <= 100 { Some(Effort(percent)) } else { None }
    }

    /// How much that is, in percent.
    pub const fn as_percent(self) -> u8 {
        self.0
    }

    /// How long to rest after having been busy for so long.
    fn rest_after(self, busy: Duration) -> Duration {
        let share = u32::from(self.0);
        (busy * (100 - share) / share).min(LONGEST_REST)
    }
}

impl FromStr for Effort {
    type Err = EffortError;

    fn from_str(text: &str) -> Result<Effort, EffortError> {
        let number = text.strip_suffix('%').unwrap_or(text).parse().map_err(|_| EffortError)?;
        Effort::percent(number).ok_or(EffortError)
    }
}

impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

/// Keeps somebody to an effort.
#[derive(Debug)]
pub(super) struct Pacer<'a> {
    clock: &'a dyn Clock,
    effort: Effort,
    /// When the last rest ended.
    since: Duration,
}

impl<'a> Pacer<'a> {
    pub(super) fn new(clock: &'a dyn Clock, effort: Effort) -> Pacer<'a> {
        Pacer { clock, effort, since: clock.elapsed() }
    }

    /// Whether it rests at times.
    pub(super) fn is_held_back(&self) -> bool {
        self.effort != Effort::FULL
    }

    /// To be called between pieces of work that are short. Rests if it is time to.
    pub(super) async fn pause(&mut self) {
        let busy = self.clock.elapsed().saturating_sub(self.since);
        if busy < SLICE {
            return tokio::task::coop::consume_budget().await;
        }
        let rest = self.effort.rest_after(busy);
        if !rest.is_zero() {
            tokio::time::sleep(rest).await;
        }
        self.since = self.clock.elapsed();
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    /// Time as tokio's tests play it.
    #[derive(Debug)]
    struct Played(tokio::time::Instant);

    impl Clock for Played {
        fn now(&self) -> SystemTime {
            SystemTime::now()
        }
        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }
    }

    #[test]
    fn an_effort_is_a_percentage() {
        for (text, effort) in
            [("1", Some(1)), ("100", Some(100)), ("5%", Some(5)), ("0", None), ("101", None), ("x", None)]
        {
            assert_eq!(text.parse::<Effort>().ok(), effort.and_then(Effort::percent), "{text}");
        }
        let busy = Duration::from_millis(20);
        for (percent, rest) in [(100, 0), (50, 20), (10, 180), (1, 1980)] {
            assert_eq!(Effort(percent).rest_after(busy), Duration::from_millis(rest), "{percent}");
        }
        assert_eq!(Effort(1).rest_after(Duration::from_secs(60)), LONGEST_REST);
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_busy_rests_so_long_that_the_share_is_kept() {
        let clock = Played(tokio::time::Instant::now());
        let mut pacer = Pacer::new(&clock, Effort(10));
        for _ in 0..100 {
            // Ten milliseconds of work at a time.
            tokio::time::advance(Duration::from_millis(10)).await;
            pacer.pause().await;
        }
        // A second of work is a tenth of all.
        let took = clock.elapsed();
        assert!((Duration::from_millis(9_900)..Duration::from_millis(10_200)).contains(&took), "{took:?}");
    }
}
