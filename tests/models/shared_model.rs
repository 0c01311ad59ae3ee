//! Writers share their syncs, and none is told that its change survives before it does.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use loom::thread;

use crate::disk::Disk;
use crate::explore::orders_with;
use crate::shared::{Kind, Outcome, Shared};

/// What writers share.
pub(crate) struct Place {
    pub(crate) shared: Shared<usize>,
    pub(crate) disk: Disk,
    pub(crate) kind: Kind,
    /// Counts rounds. Not of `loom`: it is not part of what is tried.
    pub(crate) rounds: AtomicUsize,
    /// Counts the rounds that could fail.
    pub(crate) failures: AtomicUsize,
}

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
pub(crate) const C: usize = 2;

impl Place {
    pub(crate) fn of(kind: Kind) -> Arc<Place> {
        let (shared, disk) = (Shared::new(), Disk::new());
        Arc::new(Place { shared, disk, kind, rounds: AtomicUsize::new(0), failures: AtomicUsize::new(0) })
    }

    /// Makes a change as [`crate::shared`] asks for. Returns the new version.
    pub(crate) fn change(&self, name: usize) -> u32 {
        self.shared.change(name, self.kind, || Ok::<_, io::Error>(self.disk.write(name))).unwrap()
    }

    /// Waits until these survive; each is synced on its own.
    pub(crate) fn settle(&self, names: &[usize]) -> io::Result<()> {
        self.settle_by(names, |round| {
            round.iter().for_each(|name| self.disk.sync(*name));
            Outcome::AllBut(Vec::new())
        })
    }

    /// Waits until these survive; whatever is there is synced.
    fn settle_with_everything(&self, names: &[usize]) -> io::Result<()> {
        self.settle_by(names, |_| {
            self.disk.sync_all();
            Outcome::Everything
        })
    }

    pub(crate) fn settle_by(
        &self,
        names: &[usize],
        run: impl Fn(&BTreeSet<usize>) -> Outcome<usize>,
    ) -> io::Result<()> {
        self.shared.sync(names.iter().copied(), |round| {
            self.rounds.fetch_add(1, Ordering::Relaxed);
            run(round)
        })
    }

    pub(crate) fn assert_survives(&self, name: usize, version: u32) {
        let durable = self.disk.durable(name);
        assert!(durable >= version, "{name} was said to survive at {version} and does at {durable}");
    }

    /// Changes names, waits, and asks for what was promised.
    pub(crate) fn push(&self, names: &[usize]) {
        let versions: Vec<u32> = names.iter().map(|name| self.change(*name)).collect();
        self.settle(names).unwrap();
        names.iter().zip(versions).for_each(|(name, version)| self.assert_survives(*name, version));
    }

    /// Does as one who finds what another has changed and builds on it.
    pub(crate) fn find(&self, name: usize) {
        let found = self.disk.visible(name);
        if self.settle(&[name]).is_ok() {
            self.assert_survives(name, found);
        }
    }
}

/// A thread of the model.
pub(crate) fn beside(place: &Arc<Place>, work: impl FnOnce(&Place) + 'static) -> thread::JoinHandle<()> {
    let place = Arc::clone(place);
    thread::spawn(move || work(&place))
}

#[test]
fn what_a_writer_waited_for_survives() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let other = beside(&place, |place| place.push(&[A, B]));
        place.push(&[B]);
        other.join().unwrap();
        assert_eq!(place.shared.noted(), [], "all is settled");
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn three_writers_whose_names_overlap_wait_for_no_less_than_theirs() {
    let orders = orders_with(3, || {
        let place = Place::of(Kind::Data);
        let one = beside(&place, |place| place.push(&[A]));
        let two = beside(&place, |place| place.push(&[A, B]));
        place.push(&[B]);
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(place.shared.noted(), [], "all is settled");
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn two_writers_of_one_name_share_a_round_in_some_order_and_lead_one_each_in_another() {
    let seen = Arc::new([const { AtomicUsize::new(0) }; 4]);
    let count = Arc::clone(&seen);
    orders_with(4, move || {
        let place = Place::of(Kind::Directory);
        let other = beside(&place, |place| place.push(&[A]));
        place.push(&[A]);
        other.join().unwrap();
        count[place.rounds.load(Ordering::Relaxed)].fetch_add(1, Ordering::Relaxed);
    });
    let seen = seen.each_ref().map(|times| times.load(Ordering::Relaxed) > 0);
    assert_eq!(seen, [false, true, true, false]);
}

#[test]
fn whoever_finds_a_change_does_not_go_on_before_it_survives() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Directory);
        let writer = beside(&place, |place| place.push(&[A]));
        // The first round may begin when the change is announced and not made.
        place.find(A);
        place.find(A);
        writer.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn what_is_changed_while_something_is_put_in_its_place_still_waits() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let writer = beside(&place, |place| place.push(&[A]));
        let put = || {
            place.disk.put(A);
            Ok::<_, io::Error>(())
        };
        place.shared.replace(&A, |name| *name == A, put).unwrap();
        writer.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn what_is_changed_while_what_it_is_below_is_removed_still_waits() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Directory);
        let writer = beside(&place, |place| place.push(&[B, C]));
        let before = place.change(B);
        let gone = || {
            [B, C].into_iter().for_each(|name| place.disk.put(name));
            Ok::<_, io::Error>(())
        };
        // As a tree in which B and C are.
        place.shared.replace(&A, |name| *name <= C, gone).unwrap();
        place.settle(&[B]).unwrap();
        place.assert_survives(B, before);
        writer.join().unwrap();
        assert_eq!(place.shared.noted(), [], "all is settled");
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn a_round_for_everything_covers_what_was_noted_before_it_and_nothing_behind() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let unasked = place.change(C);
        let writer = beside(&place, |place| {
            let version = place.change(A);
            place.settle_with_everything(&[A]).unwrap();
            place.assert_survives(A, version);
        });
        let version = place.change(B);
        place.settle_with_everything(&[B]).unwrap();
        place.assert_survives(B, version);
        place.assert_survives(C, unasked);
        place.find(A);
        writer.join().unwrap();
        assert_eq!(place.shared.noted(), [], "nobody has to ask for what was covered");
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn what_nobody_changed_is_not_waited_for() {
    orders_with(4, || {
        let place = Place::of(Kind::Data);
        let writer = beside(&place, |place| place.push(&[A]));
        let none = |_: &BTreeSet<usize>| panic!("there is nothing to sync");
        place.settle_by(&[B], none).unwrap();
        place.settle_by(&[], none).unwrap();
        writer.join().unwrap();
    });
}

#[test]
fn a_change_that_fails_leaves_nobody_waiting() {
    orders_with(4, || {
        let place = Place::of(Kind::Directory);
        let writer = beside(&place, |place| {
            let failed = place.shared.change(A, place.kind, || Err::<(), _>(io::Error::other("no")));
            assert!(failed.is_err());
        });
        place.push(&[A]);
        writer.join().unwrap();
        place.settle(&[A]).unwrap();
        assert_eq!(place.shared.noted(), []);
    });
}
