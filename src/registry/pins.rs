//! What requests rely on, so that a collection takes nothing of it away.
//!
//! Two promises. A request that makes something refer to a digest ([`Pins::enter`], [`Pins::pin`]) either comes before a
//! collection looks at the tree, which then sees what it did, or the collection leaves that digest alone. And what a client
//! was told is there stays for a while: it may leave out the upload and refer to it later.
//!
//! A pin is a time in a slot that the digest's bits choose ([`super::pin_table`]): one store, whoever reads, and a fixed size. Two
//! digests that share a slot are pinned together, which keeps one of them for another run.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::oci::Digest;

use super::pin_table::PinTable;

/// So many digests can be told apart.
const SLOTS: usize = 1 << 16;
/// The unit of time.
const TICK: Duration = Duration::from_millis(62);

/// A moment, in ticks since the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u32);

/// What is pinned.
#[derive(Debug)]
pub(super) struct Pins {
    table: PinTable<Digest, CancellationToken>,
    /// When the last collection began. What is pinned later is so by a later time, however soon that is.
    floor: AtomicU32,
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
    digests: Vec<(Digest, u64)>,
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
        Pins { table: PinTable::new(SLOTS), floor: AtomicU32::new(0), epoch: Mutex::default() }
    }

    /// To be held by a request from before it pins what it refers to until what it makes can be seen.
    pub(super) fn enter(&self) -> Entered {
        Entered { _token: self.epoch.lock().unwrap_or_else(PoisonError::into_inner).token() }
    }

    /// A collection begins: waits for the requests that have entered before, and returns a moment from which on those pin that
    /// enter later. They wait for nobody.
    ///
    /// Who enters later finds the floor raised: both take the epoch's lock.
    pub(super) async fn begin(&self, now: Moment) -> Moment {
        let began = now.0.max(self.floor.load(Ordering::Relaxed)).saturating_add(1);
        self.floor.store(began, Ordering::Relaxed);
        self.wait_for_entered().await;
        Moment(began)
    }

    async fn wait_for_entered(&self) {
        let before = std::mem::take(&mut *self.epoch.lock().unwrap_or_else(PoisonError::into_inner));
        before.close();
        before.wait().await;
    }

    /// Pins a digest. If it is just being removed, waits until it is: to be called before looking whether it is there.
    pub(super) async fn pin(&self, digest: &Digest, now: Moment) {
        let time = now.0.max(self.floor.load(Ordering::Relaxed));
        if let Some(gone) = self.table.pin(digest, digest.leading(), time) {
            gone.cancelled().await;
        }
    }

    /// Whether a digest was pinned at this moment or later.
    pub(super) fn is_pinned_since(&self, digest: &Digest, since: Moment) -> bool {
        self.table.is_pinned_since(digest.leading(), since.0)
    }

    /// Keeps those of the digests to oneself that nobody has pinned since a moment, to remove them. Who waits for one of them
    /// waits until this is dropped.
    pub(super) fn take_away(&self, digests: impl IntoIterator<Item = Digest>, since: Moment) -> Leaving<'_> {
        let mut digests: Vec<(Digest, u64)> = digests.into_iter().map(|digest| (digest, digest.leading())).collect();
        let gone = CancellationToken::new();
        self.table.begin(&mut digests, since.0, &gone);
        Leaving { pins: self, digests, gone }
    }
}

impl Leaving<'_> {
    /// Those that nobody has pinned.
    pub(super) fn digests(&self) -> impl Iterator<Item = &Digest> {
        self.digests.iter().map(|(digest, _)| digest)
    }

    /// Whether this one is among them.
    pub(super) fn has(&self, digest: &Digest) -> bool {
        self.digests.iter().any(|(found, _)| found == digest)
    }
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.pins.table.end(&self.digests);
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
        assert_eq!(leaving.digests().copied().collect::<Vec<_>>(), [digest("before"), digest("never")]);
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
        assert!(pins.take_away([digest("a")], at(2)).digests().next().is_none());
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

    #[tokio::test]
    async fn what_is_pinned_behind_the_beginning_of_a_collection_is_so_later_and_what_was_before_is_not() {
        let pins = Pins::new();
        pins.pin(&digest("before"), at(7)).await;
        let began = pins.begin(at(7)).await;
        pins.pin(&digest("behind"), at(7)).await;
        assert!(!pins.is_pinned_since(&digest("before"), began));
        assert!(pins.is_pinned_since(&digest("behind"), began));
        // One that follows at once begins later still.
        let next = pins.begin(at(7)).await;
        assert!(!pins.is_pinned_since(&digest("behind"), next));
    }

    #[test]
    fn a_moment_before_the_start_is_the_start() {
        assert_eq!(at(5).before(Duration::from_secs(6)), at(0));
        assert!(at(5).before(Duration::from_secs(1)) <= at(4));
        assert!(at(0) > Moment(0));
    }
}
