//! When a sync fails, everyone who relies on it is told, and so is whoever comes later.

use std::io;
use std::panic::resume_unwind;
use std::sync::atomic::Ordering;

use crate::explore::orders_with;
use crate::shared::{Kind, Outcome};
use crate::shared_model::{A, B, C, Place, beside};

impl Place {
    /// Waits until these survive, on a disk that cannot write A in the first round that has it.
    fn settle_if_it_works(&self, names: &[usize]) -> io::Result<()> {
        let first = &self.failures;
        self.settle_by(names, |round| {
            let mut failed = Vec::new();
            for name in round {
                if *name == A && first.fetch_add(1, Ordering::Relaxed) == 0 {
                    failed.push((A, self.disk.fail_to_sync(A, self.kind)));
                } else {
                    self.disk.sync(*name);
                }
            }
            Outcome::AllBut(failed)
        })
    }

    /// Changes a name and waits. Whether it was told that the change survives.
    fn try_to_push(&self, name: usize) -> bool {
        let version = self.change(name);
        self.rely_on(name, version)
    }

    fn rely_on(&self, name: usize, version: u32) -> bool {
        let settled = self.settle_if_it_works(&[name]).is_ok();
        if settled {
            self.assert_survives(name, version);
        }
        settled
    }

    /// Looks at a name and waits for what is seen.
    fn try_to_find(&self, name: usize) {
        self.rely_on(name, self.disk.visible(name));
    }
}

#[test]
fn nobody_is_told_that_lost_bytes_survive() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let other = beside(&place, |place| {
            place.try_to_push(A);
        });
        place.try_to_push(A);
        other.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn bytes_that_are_lost_stay_so_until_they_are_written_anew() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let other = beside(&place, |place| {
            assert!(place.try_to_push(B), "what did not fail is not affected");
            place.try_to_find(A);
        });
        assert!(!place.try_to_push(A));
        assert!(place.shared.is_lost(&A));
        assert!(place.settle_if_it_works(&[A]).is_err(), "the system would say that all is well");
        assert!(place.settle_if_it_works(&[B, A]).is_err());
        assert!(place.try_to_push(A));
        assert!(!place.shared.is_lost(&A));
        other.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn three_who_rely_on_lost_bytes_are_told() {
    let orders = orders_with(3, || {
        let place = Place::of(Kind::Data);
        let one = beside(&place, |place| {
            place.try_to_push(A);
        });
        let two = beside(&place, |place| {
            place.try_to_find(A);
            place.try_to_find(A);
        });
        place.try_to_push(A);
        one.join().unwrap();
        two.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn bytes_that_are_being_written_anew_are_lost_until_they_are() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        assert!(!place.try_to_push(A));
        let other = beside(&place, |place| place.try_to_find(A));
        assert!(place.try_to_push(A));
        other.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn a_change_that_fails_does_not_bring_lost_bytes_back() {
    orders_with(4, || {
        let place = Place::of(Kind::Data);
        assert!(!place.try_to_push(A));
        let other = beside(&place, |place| {
            let failed = place.shared.change(A, place.kind, || Err::<(), _>(io::Error::other("no")));
            assert!(failed.is_err());
        });
        assert!(place.settle_if_it_works(&[A]).is_err());
        other.join().unwrap();
        assert!(place.shared.is_lost(&A));
    });
}

#[test]
fn a_directory_that_could_not_be_synced_is_tried_again() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Directory);
        let other = beside(&place, |place| {
            place.try_to_push(A);
        });
        let version = place.change(A);
        if !place.rely_on(A, version) {
            assert!(place.rely_on(A, version), "it fails once");
        }
        other.join().unwrap();
        // As whoever settles everything at the end does.
        place.settle_if_it_works(&place.shared.noted()).unwrap();
        place.assert_survives(A, place.disk.visible(A));
        assert_eq!(place.shared.noted(), []);
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn a_round_for_everything_does_not_bring_lost_bytes_back() {
    let orders = orders_with(4, || {
        let place = Place::of(Kind::Data);
        let everything = |place: &Place, name| {
            let version = place.change(name);
            let settled = place.settle_by(&[name], |_| {
                place.disk.sync_all();
                Outcome::Everything
            });
            if settled.is_ok() {
                place.assert_survives(name, version);
            }
        };
        let other = beside(&place, move |place| everything(place, A));
        place.try_to_push(A);
        everything(&place, C);
        place.try_to_find(A);
        other.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn a_round_that_panics_fails_and_the_next_one_is_led() {
    let orders = orders_with(3, || {
        let place = Place::of(Kind::Directory);
        let push = |place: &Place| {
            let version = place.change(A);
            let settle = || {
                place.settle_by(&[A], |_| {
                    if place.failures.fetch_add(1, Ordering::Relaxed) == 0 {
                        // As a panic, but without a word on the terminal.
                        resume_unwind(Box::new("the first round panics"));
                    }
                    place.disk.sync(A);
                    Outcome::AllBut(Vec::new())
                })
            };
            settle().or_else(|_| settle()).unwrap();
            place.assert_survives(A, version);
        };
        let one = beside(&place, push);
        let two = beside(&place, push);
        push(&place);
        one.join().unwrap();
        two.join().unwrap();
    });
    assert!(orders > 20, "{orders}");
}
