//! What somebody relies on is not removed behind their look at it.

use std::sync::Arc;

use loom::sync::atomic::{AtomicBool, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread;

use crate::explore::{every_order, orders_with};
use crate::pin_table::PinTable;

/// Fires when a removal is over.
#[derive(Clone)]
struct Gone(Arc<(Mutex<bool>, Condvar)>);

impl Gone {
    fn new() -> Gone {
        Gone(Arc::new((Mutex::new(false), Condvar::new())))
    }

    fn fire(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }

    fn wait(&self) {
        let mut fired = self.0.0.lock().unwrap();
        while !*fired {
            fired = self.0.1.wait(fired).unwrap();
        }
    }
}

/// Some content, each of which is there until it is removed.
struct Content {
    table: PinTable<usize, Gone>,
    there: [AtomicBool; 2],
}

impl Content {
    fn all(slots: usize) -> Arc<Content> {
        Arc::new(Content { table: PinTable::new(slots), there: [AtomicBool::new(true), AtomicBool::new(true)] })
    }

    /// Says whether it is there, to somebody who then relies on it.
    fn rely_on(&self, key: usize) -> bool {
        if let Some(gone) = self.table.pin(&key, key as u64, 2) {
            gone.wait();
        }
        self.there[key].load(Ordering::Relaxed)
    }

    /// Removes what nobody has relied on since; what that was.
    fn collect(&self, keys: &[usize]) -> Vec<usize> {
        let mut leaving: Vec<(usize, u64)> = keys.iter().map(|key| (*key, *key as u64)).collect();
        let gone = Gone::new();
        self.table.begin(&mut leaving, 2, &gone);
        for (key, _) in &leaving {
            self.there[*key].store(false, Ordering::Relaxed);
        }
        self.table.end(&leaving);
        gone.fire();
        leaving.into_iter().map(|(key, _)| key).collect()
    }
}

#[test]
fn what_somebody_was_told_is_there_is_not_removed() {
    let orders = every_order(|| {
        let content = Content::all(4);
        let relying = thread::spawn({
            let content = Arc::clone(&content);
            move || content.rely_on(0)
        });
        let removed = content.collect(&[0]);
        let told = relying.join().unwrap();
        assert_eq!(told, removed.is_empty(), "told {told}, removed {removed:?}");
    });
    assert!(orders > 5, "{orders}");
}

#[test]
fn of_two_that_are_removed_together_each_is_left_alone_for_who_relies_on_it() {
    for slots in [1, 4] {
        let orders = orders_with(2, move || {
            let content = Content::all(slots);
            let relying = [0, 1].map(|key| {
                let content = Arc::clone(&content);
                thread::spawn(move || (key, content.rely_on(key)))
            });
            let removed = content.collect(&[0, 1]);
            for (key, told) in relying.map(|relying| relying.join().unwrap()) {
                assert!(!(told && removed.contains(&key)), "told {key}, removed {removed:?}");
            }
        });
        assert!(orders > 5, "{orders}");
    }
}
