//! What is known of a directory is what it holds, whoever changes it while it is read.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use loom::sync::Mutex;
use loom::thread::{self, JoinHandle};

use crate::explore::orders_with;
use crate::known::{Known, Recalled};
use crate::names::{Names, Seen};

/// A directory, and what is known of it. All happens within one tick of its clock, so that its time tells nothing.
struct Place {
    known: Known,
    holds: Mutex<BTreeSet<&'static str>>,
}

const DIRECTORY: &str = "directory";
/// All names that are ever in it.
const NAMES: [&str; 2] = ["a", "b"];

impl Place {
    fn with(names: &[&'static str]) -> Arc<Place> {
        Arc::new(Place { known: Known::new(), holds: Mutex::new(names.iter().copied().collect()) })
    }

    fn time(_: &Path) -> Option<SystemTime> {
        Some(SystemTime::UNIX_EPOCH)
    }

    fn make(&self, name: &'static str) -> io::Result<()> {
        let path = Path::new(DIRECTORY).join(name);
        self.known.change(&path, Some(Seen::Directory), Place::time, || {
            let new = self.holds.lock().unwrap().insert(name);
            if new { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
        })
    }

    fn remove(&self, name: &'static str) -> io::Result<()> {
        let path = Path::new(DIRECTORY).join(name);
        self.known.change(&path, None, Place::time, || {
            let was_there = self.holds.lock().unwrap().remove(name);
            if was_there { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
        })
    }

    fn list(&self) -> BTreeSet<String> {
        let path = Path::new(DIRECTORY);
        let known = self.known.recall(path, Place::time);
        let Recalled { names, changing } = known.unwrap_or_else(|| {
            let reading = self.known.reading(path);
            let mut names = Names::no_longer_than(100);
            // A system gives a directory in parts.
            for name in NAMES {
                if self.holds.lock().unwrap().contains(name) {
                    names.push(name, Seen::Directory);
                }
            }
            Recalled { names: reading.keep(names, Place::time(path), true), changing: Vec::new() }
        });
        let mut listed: BTreeSet<String> = names.behind(None).map(|(name, _)| name.to_owned()).collect();
        for name in changing {
            match self.holds.lock().unwrap().contains(name.as_str()) {
                true => listed.insert(name),
                false => listed.remove(&name),
            };
        }
        listed
    }

    fn holds(&self) -> BTreeSet<String> {
        self.holds.lock().unwrap().iter().map(|name| (*name).to_owned()).collect()
    }
}

fn beside(place: &Arc<Place>, act: impl FnOnce(&Place) + 'static) -> JoinHandle<()> {
    let place = Arc::clone(place);
    thread::spawn(move || act(&place))
}

#[test]
fn what_was_made_or_removed_shows_at_once_while_others_read_and_change() {
    let orders = orders_with(3, || {
        let place = Place::with(&["b"]);
        let other = beside(&place, |place| {
            place.remove("b").unwrap();
            assert!(!place.list().contains("b"));
        });
        place.make("a").unwrap();
        assert!(place.list().contains("a"));
        other.join().unwrap();
        assert_eq!(place.list(), place.holds());
    });
    assert!(orders > 100, "{orders}");
}

#[test]
fn a_change_while_two_read_is_not_missed() {
    let orders = orders_with(2, || {
        let place = Place::with(&["b"]);
        let others = [beside(&place, |place| drop(place.list())), beside(&place, |place| place.make("a").unwrap())];
        place.list();
        for other in others {
            other.join().unwrap();
        }
        assert_eq!(place.list(), place.holds());
    });
    assert!(orders > 100, "{orders}");
}

impl Place {
    fn rename(&self, from: &'static str, to: &'static str) -> io::Result<()> {
        let (old, new) = (Path::new(DIRECTORY).join(from), Path::new(DIRECTORY).join(to));
        let rename = || {
            let mut holds = self.holds.lock().unwrap();
            if !holds.remove(from) {
                return Err(io::ErrorKind::NotFound.into());
            }
            holds.insert(to);
            Ok(())
        };
        self.known
            .change(&old, None, Place::time, || self.known.change(&new, Some(Seen::Directory), Place::time, rename))
    }
}

/// Three threads at two names, each with any of the ways to change them.
#[test]
fn whatever_three_do_at_two_names_is_known_in_the_end() {
    let act = |way: usize, place: &Place| match way {
        0 => place.make("a"),
        1 => place.remove("a"),
        2 => place.rename("a", "b"),
        _ => place.rename("b", "a"),
    };
    let all = (0..4).flat_map(|one| (0..4).flat_map(move |two| (0..4).map(move |three| [one, two, three])));
    for [one, two, three] in all {
        orders_with(1, move || {
            let place = Place::with(&["b"]);
            let first = beside(&place, move |place| {
                place.list();
                let _ = act(one, place);
            });
            let second = beside(&place, move |place| drop(act(two, place)));
            let _ = act(three, &place);
            place.list();
            first.join().unwrap();
            second.join().unwrap();
            assert_eq!(place.list(), place.holds());
            // Once more, when it is known for sure.
            assert_eq!(place.list(), place.holds());
        });
    }
}

#[test]
fn whoever_comes_last_at_one_name_wins() {
    let orders = orders_with(3, || {
        let place = Place::with(&[]);
        place.list();
        let other = beside(&place, |place| {
            // Not there yet, or taken away.
            let _ = place.remove("a");
            place.list();
        });
        place.make("a").unwrap();
        other.join().unwrap();
        assert_eq!(place.list(), place.holds());
    });
    assert!(orders > 100, "{orders}");
}

#[test]
fn of_two_who_make_the_same_both_find_it() {
    let orders = orders_with(3, || {
        let place = Place::with(&["b"]);
        place.list();
        // For one of them it is there already.
        let make = |place: &Place| {
            let _ = place.make("a");
            assert!(place.list().contains("a"));
        };
        let other = beside(&place, make);
        make(&place);
        other.join().unwrap();
        assert_eq!(place.list(), place.holds());
    });
    assert!(orders > 100, "{orders}");
}
