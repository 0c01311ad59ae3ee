//! The check that a server makes by itself every now and then: when the next one is due, across restarts.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::registry::{Effort, Registry, Result, layout};

/// How long after the start at the earliest: a volume may still be busy being mounted or moved, and clients come back.
const FIRST: Duration = Duration::from_secs(3600);

/// How a server checks its volume by itself (`storage.maintenance.scrub`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrub {
    /// How long from the end of one check to the beginning of the next.
    pub interval: Duration,
    /// How much of the time it may be busy.
    pub effort: Effort,
}

/// A month, as hard disks are scrubbed elsewhere too.
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);

impl Default for Scrub {
    fn default() -> Self {
        Scrub { interval: MONTH, effort: Effort::percent(5).unwrap_or(Effort::FULL) }
    }
}

impl Registry {
    /// How long to wait, after a start, until the volume is to be checked again.
    pub async fn until_scrub(&self, scrub: &Scrub) -> Duration {
        let noted = self.storage.get(&layout::scrubbed()).await.ok();
        let ended = noted.as_ref().and_then(|noted| std::str::from_utf8(noted).ok());
        let ended = ended.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()).map(SystemTime::from);
        until(ended, self.clock.now(), scrub.interval)
    }

    /// Notes that a check has ended now, for the next start.
    pub async fn note_scrub(&self) -> Result<()> {
        self.allow_writing()?;
        let now = OffsetDateTime::from(self.clock.now());
        if let Ok(text) = now.format(&Rfc3339) {
            self.storage.jot(&layout::scrubbed(), Bytes::from(text)).await?;
        }
        Ok(())
    }
}

/// How long to wait if the last check ended then. A clock that was wrong then, or is now, must not put it off for ever.
fn until(ended: Option<SystemTime>, now: SystemTime, interval: Duration) -> Duration {
    let left = match ended.map(|ended| now.duration_since(ended)) {
        Some(Ok(since)) => interval.saturating_sub(since),
        Some(Err(_)) => interval,
        None => Duration::ZERO,
    };
    left.max(FIRST.min(interval))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_does_not_put_a_check_off_nor_begin_one_at_once() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let day = Duration::from_secs(24 * 3600);
        for (ended, interval, wait) in [
            (None, MONTH, FIRST),
            (Some(now - day), MONTH, MONTH - day),
            (Some(now - 2 * MONTH), MONTH, FIRST),
            (Some(now + day), MONTH, MONTH),
            (None, Duration::from_secs(1), Duration::from_secs(1)),
        ] {
            assert_eq!(until(ended, now, interval), wait, "{ended:?} {interval:?}");
        }
    }
}
