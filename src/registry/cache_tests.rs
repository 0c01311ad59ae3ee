//! What a memory of bounded weight keeps.

use super::cache::Cache;

fn read(cache: &Cache<u32, u32>, key: u32, weight: usize) {
    if let Err(ticket) = cache.get(&key) {
        cache.remember(ticket, key, key, weight);
    }
}

fn remembered(cache: &Cache<u32, u32>, keys: impl IntoIterator<Item = u32>) -> usize {
    keys.into_iter().filter(|key| cache.get(key).is_ok()).count()
}

#[test]
fn what_is_remembered_is_never_heavier_than_allowed_and_not_much_lighter() {
    let cache = Cache::new(1000);
    (0..5000).for_each(|key| read(&cache, key, 10));
    // Each part has one full generation, of 62 at most, and begins another.
    let kept = remembered(&cache, (0..5000).rev());
    assert!((40..=100).contains(&kept), "{kept}");
}

#[test]
fn what_is_used_again_and_again_outlives_what_is_used_once() {
    let cache = Cache::new(10_000);
    for key in 0..5000 {
        read(&cache, key, 10);
        read(&cache, 0, 10);
        assert_eq!(cache.get(&0).ok(), Some(0), "after {key} others");
    }
    assert!(cache.get(&1).is_err(), "what was used once made room");
}

#[test]
fn what_is_too_heavy_is_not_remembered_and_drives_nothing_out() {
    let cache = Cache::new(1600);
    (0..8).for_each(|key| read(&cache, key, 10));
    read(&cache, 100, 101);
    assert!(cache.get(&100).is_err());
    assert_eq!(remembered(&cache, 0..8), 8);
    read(&cache, 100, 100);
    assert!(cache.get(&100).is_ok(), "it just fits");
}

#[test]
fn nothing_is_remembered_while_it_changes_and_old_tickets_are_void() {
    let cache = Cache::new(1000);
    let before = cache.get(&1).unwrap_err();
    let changing = cache.changing(&1);
    let during = cache.get(&1).unwrap_err();
    cache.remember(during, 1, 1, 10);
    assert!(cache.get(&1).is_err());
    drop(changing);
    for ticket in [before, during] {
        cache.remember(ticket, 1, 1, 10);
        assert!(cache.get(&1).is_err());
    }
    read(&cache, 1, 10);
    assert!(cache.get(&1).is_ok());
    drop(cache.changing(&1));
    assert!(cache.get(&1).is_err(), "a change forgets");
}
