//! Where a call that may block is made: here, while the disk is quick, or on a thread for such calls.
//!
//! Most calls only touch what the system has in memory and are over in microseconds, less than it takes to hand them to
//! another thread and back. But a disk that spins up, a journal that is full or a server that does not answer would keep
//! the requests of everybody waiting. So calls are made here only while none of the last ones was slow, and never by so
//! many at once that a disk which suddenly hangs stops the program.

use std::io;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::storage::{Key, Result, StorageError};

/// A call that took longer than this was not quick. Far more than a quick call takes, even when it is scheduled away.
const SLOW: Duration = Duration::from_millis(25);
/// How long calls are made elsewhere after a slow one.
const CAUTION: Duration = Duration::from_millis(500);
/// How many quick calls are made here at once. Threads that serve requests are left over: see `cli::serve`.
const HERE: usize = 2;

/// Decides where calls are made.
#[derive(Debug)]
pub(super) struct Lane {
    started: Instant,
    /// How many calls are being made here.
    here: AtomicUsize,
    /// Until when none is made here, in milliseconds since the start.
    cautious_until: AtomicU64,
}

impl Default for Lane {
    fn default() -> Lane {
        Lane { started: Instant::now(), here: AtomicUsize::new(0), cautious_until: AtomicU64::new(0) }
    }
}

impl Lane {
    /// Makes a call that is quick as long as the disk is.
    pub(super) async fn quick<T: Send + 'static>(
        &self,
        action: &'static str,
        key: &Key,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(turn) = self.turn() else {
            return blocking(action, key, work).await;
        };
        let done = work();
        turn.over();
        done.map_err(|error| StorageError::from_io(action, key, error))
    }

    fn turn(&self) -> Option<Turn<'_>> {
        let begun = self.started.elapsed();
        if self.cautious_until.load(Ordering::Relaxed) > millis(begun) {
            return None;
        }
        let turn = Turn { lane: self, begun };
        // Counted before it is looked at, so that of two that come at once at most one too many turns away.
        if self.here.fetch_add(1, Ordering::Relaxed) >= HERE { None } else { Some(turn) }
    }
}

/// A call that is being made here.
struct Turn<'a> {
    lane: &'a Lane,
    begun: Duration,
}

impl Turn<'_> {
    fn over(self) {
        let now = self.lane.started.elapsed();
        if now - self.begun > SLOW {
            self.lane.cautious_until.store(millis(now + CAUTION), Ordering::Relaxed);
        }
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.lane.here.fetch_sub(1, Ordering::Relaxed);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Makes a call on a thread that may block.
pub(super) async fn blocking<T: Send + 'static>(
    action: &'static str,
    key: &Key,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(io::Error::other).and_then(|result| result).map_err(|error| StorageError::from_io(action, key, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn thread(lane: &Lane, pause: Duration) -> std::thread::ThreadId {
        let work = move || {
            std::thread::sleep(pause);
            Ok(std::thread::current().id())
        };
        lane.quick("try", &Key::new("a"), work).await.unwrap()
    }

    #[tokio::test]
    async fn after_a_slow_call_others_are_made_elsewhere() {
        let (lane, here) = (Lane::default(), std::thread::current().id());
        assert_eq!(thread(&lane, Duration::ZERO).await, here);
        assert_eq!(thread(&lane, SLOW * 2).await, here);
        assert_ne!(thread(&lane, Duration::ZERO).await, here);
        lane.cautious_until.store(0, Ordering::Relaxed);
        assert_eq!(thread(&lane, Duration::ZERO).await, here);
    }

    #[tokio::test]
    async fn a_disk_that_hangs_holds_few_threads() {
        let (lane, here) = (Lane::default(), std::thread::current().id());
        let held: Vec<Turn<'_>> = (0..HERE).map(|_| lane.turn().unwrap()).collect();
        assert_ne!(thread(&lane, Duration::ZERO).await, here);
        drop(held);
        assert_eq!(thread(&lane, Duration::ZERO).await, here);
        assert_eq!(lane.here.load(Ordering::Relaxed), 0);
    }
}
