//! What is known of a directory is what it holds, whoever changes it while it is read.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use loom::sync::Mutex;
use loom::thread::{self, JoinHandle};

use crate::explore::orders_with;
use crate::known::Known;
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
        let made = self.known.change(&path, Some(Seen::Directory), Place::time, || {
            let new = self.holds.lock().unwrap().insert(name);
            if new { Ok(()) } else { Err(io::ErrorKind::AlreadyExists.into()) }
        });
        assert!(made.is_ok() || self.list().contains(name), "what is there already is listed");
        made
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
        let names = self.known.recall(path, Place::time).unwrap_or_else(|| {
            let reading = self.known.reading(path);
            let mut names = Names::no_longer_than(100);
            // A system gives a directory in parts.
            for name in NAMES {
                if self.holds.lock().unwrap().contains(name) {
                    names.push(name, Seen::Directory);
                }
            }
            reading.keep(names, Place::time(path), true)
        });
        names.behind(None).map(|(name, _)| name.to_owned()).collect()
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
        let other = beside(&place, |place| {
            let _ = place.make("a");
        });
        let _ = place.make("a");
        other.join().unwrap();
        assert_eq!(place.list(), place.holds());
    });
    assert!(orders > 100, "{orders}");
}
