//! The memory of what the storage said is never stale.

use std::sync::Arc;

use loom::sync::Mutex;
use loom::thread;

use crate::cache::Cache;
use crate::explore::{every_order, orders_with};

/// Some objects in a storage, each a number that only grows, and what is remembered of them.
struct Objects {
    cache: Cache<u8, u32>,
    stored: Mutex<[u32; 3]>,
}

/// What one entry weighs.
const WEIGHT: usize = 1;
/// The cache has 8 parts, each with two generations. All keys are in one part.
const ONE_IN_EACH_GENERATION: usize = 2 * 8 * WEIGHT;
const PLENTY: usize = 8 * ONE_IN_EACH_GENERATION;

impl Objects {
    fn with_room_for(weight: usize) -> Arc<Objects> {
        Arc::new(Objects { cache: Cache::new(weight), stored: Mutex::new([0; 3]) })
    }

    fn read(&self, key: u8) -> u32 {
        match self.cache.get(&key) {
            Ok(value) => value,
            Err(ticket) => {
                let value = self.stored.lock().unwrap()[usize::from(key)];
                self.cache.remember(ticket, key, value, WEIGHT);
                value
            }
        }
    }

    /// Returns the new value.
    fn change(&self, key: u8) -> u32 {
        let _changing = self.cache.changing(&key);
        let mut stored = self.stored.lock().unwrap();
        stored[usize::from(key)] += 1;
        stored[usize::from(key)]
    }
}

impl Objects {
    /// As [`Objects::change`], by one who changes others as well and does not know which.
    fn change_all(&self) -> u32 {
        let _changing = self.cache.changing_where(|_| true);
        let mut stored = self.stored.lock().unwrap();
        stored.iter_mut().for_each(|value| *value += 1);
        stored[0]
    }

    /// As [`Objects::change`], by one who knows what is stored then.
    fn change_and_remember(&self, key: u8) -> u32 {
        let changing = self.cache.changing(&key);
        let written = {
            let mut stored = self.stored.lock().unwrap();
            stored[usize::from(key)] += 1;
            stored[usize::from(key)]
        };
        self.cache.changed(changing, key, written, WEIGHT);
        written
    }
}

/// Reads twice; what was seen once is not unseen.
fn look_twice(objects: &Objects, key: u8) {
    let seen = objects.read(key);
    assert!(objects.read(key) >= seen, "an older value came back");
}

#[test]
fn whoever_reads_behind_a_change_sees_it() {
    let orders = every_order(|| {
        let objects = Objects::with_room_for(PLENTY);
        let other = Arc::clone(&objects);
        let reader = thread::spawn(move || look_twice(&other, 0));
        let written = objects.change(0);
        assert_eq!(objects.read(0), written);
        reader.join().unwrap();
        assert_eq!(objects.read(0), written);
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn whoever_reads_behind_a_change_of_everything_sees_it() {
    let orders = orders_with(3, || {
        let objects = Objects::with_room_for(PLENTY);
        objects.read(0);
        let other = Arc::clone(&objects);
        let reader = thread::spawn(move || look_twice(&other, 0));
        let written = objects.change_all();
        assert_eq!(objects.read(0), written);
        assert_eq!(objects.read(1), written);
        reader.join().unwrap();
        assert_eq!(objects.read(0), written);
    });
    assert!(orders > 20, "{orders}");
}

#[test]
fn whoever_reads_behind_one_of_two_changes_sees_no_less() {
    let orders = orders_with(3, || {
        let objects = Objects::with_room_for(PLENTY);
        let change = |objects: Arc<Objects>| {
            move || {
                let written = objects.change(0);
                assert!(objects.read(0) >= written, "a change of one's own was not seen");
            }
        };
        let one = thread::spawn(change(Arc::clone(&objects)));
        let two = thread::spawn(change(Arc::clone(&objects)));
        look_twice(&objects, 0);
        one.join().unwrap();
        two.join().unwrap();
        assert_eq!(objects.read(0), 2);
    });
    assert!(orders > 200, "{orders}");
}

#[test]
fn a_change_that_is_remembered_at_its_end_hides_no_other() {
    let orders = orders_with(3, || {
        let objects = Objects::with_room_for(PLENTY);
        let other = Arc::clone(&objects);
        let remembering = thread::spawn(move || {
            let written = other.change_and_remember(0);
            assert!(other.read(0) >= written, "a change of one's own was not seen");
        });
        let other = Arc::clone(&objects);
        let changing = thread::spawn(move || other.change(0));
        look_twice(&objects, 0);
        remembering.join().unwrap();
        changing.join().unwrap();
        assert_eq!(objects.read(0), 2);
    });
    assert!(orders > 200, "{orders}");
}

#[test]
fn a_change_that_is_alone_is_remembered_at_its_end() {
    every_order(|| {
        let objects = Objects::with_room_for(PLENTY);
        let written = objects.change_and_remember(0);
        assert_eq!(objects.cache.get(&0).ok(), Some(written));
    });
}

#[test]
fn a_change_that_does_not_come_about_leaves_what_was_there() {
    let orders = every_order(|| {
        let objects = Objects::with_room_for(PLENTY);
        let other = Arc::clone(&objects);
        let given_up = thread::spawn(move || drop(other.cache.changing(&0)));
        look_twice(&objects, 0);
        given_up.join().unwrap();
        objects.read(0);
        assert_eq!(objects.cache.get(&0).ok(), Some(0), "it is remembered again");
    });
    assert!(orders > 5, "{orders}");
}

#[test]
fn what_was_forgotten_does_not_come_back_from_another_generation() {
    let orders = orders_with(3, || {
        let objects = Objects::with_room_for(ONE_IN_EACH_GENERATION);
        let [key, second, third] = [0, 1, 2];
        objects.read(key);
        let other = Arc::clone(&objects);
        let reader = thread::spawn(move || {
            other.read(second);
            look_twice(&other, key);
            other.read(third);
        });
        let written = objects.change(key);
        assert_eq!(objects.read(key), written);
        objects.read(third);
        assert_eq!(objects.read(key), written);
        reader.join().unwrap();
        assert_eq!(objects.read(key), written);
    });
    assert!(orders > 200, "{orders}");
}
