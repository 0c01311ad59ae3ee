//! The requests of a connection that carries one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use tokio::time::{Instant, sleep_until};

use super::body::UnderWay;

/// With this many bytes of an answer waiting to be written it is not asked for more.
const ENOUGH: usize = 64 * 1024;
const STUCK: usize = usize::MAX / 2;

/// Counts the requests of one connection. It is asked rarely and told often, so nobody is woken by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Turns(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicU64,
    ended: AtomicU64,
    /// How many bytes of an answer wait to be written; [`STUCK`] if the peer does not take them.
    waiting: AtomicUsize,
    /// The answer that has more.
    more: AtomicWaker,
}

/// A request that is under way: from its head to the end of its answer.
#[derive(Debug)]
pub(super) struct Turn(Arc<Counts>);

/// Why a connection is idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Idle {
    /// It has had its requests.
    Rests,
    /// Its first request did not begin in time.
    Late,
}

impl Turns {
    /// Counts another request, until what is returned is dropped.
    pub(super) fn begin(&self) -> Turn {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Turn(Arc::clone(&self.0))
    }

    /// Takes down whether the peer takes what is being written: what waits is written until all is, or the peer takes no
    /// more.
    pub(super) fn wrote(&self, taken: bool) {
        self.0.waiting.store(if taken { 0 } else { STUCK }, Ordering::SeqCst);
        if taken {
            self.0.more.wake();
        }
    }

    /// Waits until there have been requests, and none for so long or up to twice as long; or until none has begun by then.
    pub(super) async fn idle(&self, limit: Duration, first_by: Option<Instant>) -> Idle {
        let mut before = 0;
        loop {
            let due = first_by.filter(|_| self.0.begun.load(Ordering::Relaxed) == 0);
            let next = Instant::now() + limit;
            sleep_until(due.map_or(next, |due| due.min(next))).await;
            if due.is_some_and(|due| due <= Instant::now()) && self.0.begun.load(Ordering::Relaxed) == 0 {
                return Idle::Late;
            }
            let ended = self.0.ended.load(Ordering::Acquire);
            let under_way =
                self.0.begun.load(Ordering::Relaxed) != ended || self.0.waiting.load(Ordering::Relaxed) == STUCK;
            if ended > 0 && ended == before && !under_way {
                return Idle::Rests;
            }
            before = ended;
        }
    }
}

impl Turn {
    /// The rest of a request will never be read, so there is no next one, and the connection never rests.
    pub(super) fn never_ends(self) {
        self.0.begun.fetch_add(1, Ordering::Relaxed);
    }
}

impl UnderWay for Turn {
    fn arriving(&self) -> Option<Turn> {
        Some(Turns(Arc::clone(&self.0)).begin())
    }

    fn gave(&self, bytes: usize) {
        self.0.waiting.fetch_add(bytes, Ordering::SeqCst);
    }

    fn poll_room(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.0.waiting.load(Ordering::SeqCst) < ENOUGH {
            return Poll::Ready(());
        }
        self.0.more.register(context.waker());
        match self.0.waiting.load(Ordering::SeqCst) < ENOUGH {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        // What was counted as begun before is seen by whoever sees this.
        self.0.ended.fetch_add(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_connection_rests_only_after_its_last_request() {
        let start = Instant::now();
        let turns = Turns::default();
        drop(turns.begin());
        let turn = turns.begin();
        let ending = async {
            sleep(Duration::from_secs(40)).await;
            drop(turn);
        };
        tokio::join!(turns.idle(LIMIT, None), ending);
        assert!((41..=42).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_does_not_rest_before_its_first_request_nor_while_it_is_stuck() {
        let turns = Turns::default();
        let hour = Duration::from_secs(3600);
        tokio::time::timeout(hour, turns.idle(LIMIT, None)).await.expect_err("it has not begun");
        drop(turns.begin());
        turns.wrote(false);
        tokio::time::timeout(hour, turns.idle(LIMIT, None)).await.expect_err("its answer is not read yet");
        turns.wrote(true);
        assert_eq!(turns.idle(LIMIT, None).await, Idle::Rests);
    }
}
