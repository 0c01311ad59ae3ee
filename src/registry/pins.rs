//! What requests rely on, so that a collection takes nothing of it away.
//!
//! Two promises. A request that makes something refer to a digest ([`Pins::enter`], [`Pins::pin`]) either comes before a
//! collection looks at the tree, which then sees what it did, or the collection leaves that digest alone. And what a client
//! was told is there stays for a while: it may leave out the upload and refer to it later.
//!
//! A pin is a time in a slot that the digest's bits choose: one store, whoever reads, and a fixed size. Two digests that share
//! a slot are pinned together, which keeps one of them for another run. What is being removed at this moment stands in a
//! list. Who pins stores first and looks at the list then; who removes puts it on the list first and looks at the slot
//! then. So one of the two sees the other: the request waits until the removal is over and looks whether the content is there,
//! or the removal is given up. `tests/models` tries this under a model checker.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::oci::Digest;

/// So many digests can be told apart.
const SLOTS: usize = 1 << 16;
/// The unit of time.
pub(super) const TICK: Duration = Duration::from_millis(62);

/// A moment, in ticks since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u32);

/// What is pinned.
#[derive(Debug)]
pub(super) struct Pins {
    slots: Box<[AtomicU32]>,
    /// How many are being removed.
    leaving: AtomicUsize,
    /// They, and what fires when they are gone.
    list: Mutex<HashMap<Digest, CancellationToken>>,
    /// The requests that began since the last collection did.
    epoch: Mutex<TaskTracker>,
}

/// A request that makes something refer to digests, until this is dropped.
pub(super) struct Entered {
    _token: TaskTrackerToken,
}

/// Digests that are being removed, until this is dropped.
pub(super) struct Leaving<'a> {
    pins: &'a Pins,
    digests: Vec<Digest>,
    gone: CancellationToken,
}

impl Moment {
    pub(super) fn at(elapsed: Duration) -> Moment {
        let ticks = elapsed.as_millis() / TICK.as_millis();
        // Never is before the first.
        Moment(u32::try_from(ticks + 1).unwrap_or(u32::MAX))
    }

    /// So much earlier, or the beginning.
    pub(super) fn before(self, age: Duration) -> Moment {
        let ticks = u32::try_from(age.as_millis().div_ceil(TICK.as_millis())).unwrap_or(u32::MAX);
        Moment(self.0.saturating_sub(ticks).max(1))
    }
}

impl Pins {
    pub(super) fn new() -> Pins {
        let slots = (0..SLOTS).map(|_| AtomicU32::new(0)).collect();
        Pins { slots, leaving: AtomicUsize::new(0), list: Mutex::default(), epoch: Mutex::default() }
    }

    fn list(&self) -> MutexGuard<'_, HashMap<Digest, CancellationToken>> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self, digest: &Digest) -> &AtomicU32 {
        let index = usize::try_from(digest.leading() % SLOTS as u64).unwrap_or_default();
        &self.slots[index]
    }

    /// To be held by a request from before it pins what it refers to until what it makes can be seen.
    pub(super) fn enter(&self) -> Entered {
        Entered { _token: self.epoch.lock().unwrap_or_else(PoisonError::into_inner).token() }
    }

    /// Waits for the requests that have entered before. Those that come later wait for nobody.
    pub(super) async fn wait_for_entered(&self) {
        let before = std::mem::take(&mut *self.epoch.lock().unwrap_or_else(PoisonError::into_inner));
        before.close();
        before.wait().await;
    }

    /// Pins a digest. If it is just being removed, waits until it is: to be called before looking whether it is there.
    pub(super) async fn pin(&self, digest: &Digest, now: Moment) {
        self.slot(digest).fetch_max(now.0, Ordering::SeqCst);
        if self.leaving.load(Ordering::SeqCst) == 0 {
            return;
        }
        let leaving = self.list().get(digest).cloned();
        if let Some(gone) = leaving {
            gone.cancelled().await;
        }
    }

    /// Whether a digest was pinned at this moment or later.
    pub(super) fn is_pinned_since(&self, digest: &Digest, since: Moment) -> bool {
        self.slot(digest).load(Ordering::SeqCst) >= since.0
    }

    /// Keeps those of the digests to oneself that nobody has pinned since a moment, to remove them.
    pub(super) fn take_away(&self, digests: impl IntoIterator<Item = Digest>, since: Moment) -> Leaving<'_> {
        let mut digests: Vec<Digest> = digests.into_iter().collect();
        let gone = CancellationToken::new();
        {
            let mut list = self.list();
            list.extend(digests.iter().map(|digest| (*digest, gone.clone())));
        }
        self.leaving.fetch_add(1, Ordering::SeqCst);
        let mut pinned = Vec::new();
        digests.retain(|digest| {
            let is_pinned = self.is_pinned_since(digest, since);
            if is_pinned {
                pinned.push(*digest);
            }
            !is_pinned
        });
        if !pinned.is_empty() {
            // Who waits for one of these waits until all are over, which is soon.
            let mut list = self.list();
            pinned.iter().for_each(|digest| drop(list.remove(digest)));
        }
        Leaving { pins: self, digests, gone }
    }
}

impl Leaving<'_> {
    /// Those that nobody has pinned.
    pub(super) fn digests(&self) -> &[Digest] {
        &self.digests
    }

    /// Whether this one is among them.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.digests.contains(digest)
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        {
            let mut list = self.pins.list();
            self.digests.iter().for_each(|digest| drop(list.remove(digest)));
        }
        self.pins.leaving.fetch_sub(1, Ordering::SeqCst);
        self.gone.cancel();
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::oci::Algorithm;

    fn digest(text: &str) -> Digest {
        Digest::of(Algorithm::Sha256, text.as_bytes())
    }

    fn at(seconds: u64) -> Moment {
        Moment::at(Duration::from_secs(seconds))
    }

    #[tokio::test]
    async fn what_was_pinned_since_is_left_alone_and_what_was_pinned_before_is_not() {
        let pins = Pins::new();
        pins.pin(&digest("before"), at(9)).await;
        pins.pin(&digest("since"), at(10)).await;
        let leaving = pins.take_away(["before", "since", "never"].map(digest), at(10));
        assert_eq!(leaving.digests(), [digest("before"), digest("never")]);
        // An older look does not take a later one back.
        pins.pin(&digest("since"), at(3)).await;
        assert!(pins.is_pinned_since(&digest("since"), at(10)));
    }

    #[tokio::test]
    async fn who_pins_what_is_being_removed_waits_until_it_is_gone() {
        let pins = Pins::new();
        let leaving = pins.take_away([digest("a")], at(1));
        let other = digest("b");
        assert!(pins.pin(&other, at(2)).now_or_never().is_some());
        let a = digest("a");
        let mut waiting = std::pin::pin!(pins.pin(&a, at(2)));
        assert!(waiting.as_mut().now_or_never().is_none());
        drop(leaving);
        assert!(waiting.now_or_never().is_some());
        assert!(pins.take_away([digest("a")], at(2)).digests().is_empty());
    }

    #[tokio::test]
    async fn only_those_who_entered_before_are_waited_for() {
        let pins = Pins::new();
        let before = pins.enter();
        let mut waiting = std::pin::pin!(pins.wait_for_entered());
        assert!(waiting.as_mut().now_or_never().is_none());
        let _behind = pins.enter();
        drop(before);
        waiting.await;
    }

    #[test]
    fn a_moment_before_the_start_is_the_start() {
        assert_eq!(at(5).before(Duration::from_secs(6)), at(0));
        assert!(at(5).before(Duration::from_secs(1)) <= at(4));
        assert!(at(0) > Moment(0));
    }
}
