//! Pages of a directory, remembered or not, are what the directory holds.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use proptest::collection::btree_set;
use proptest::prelude::*;
use tempfile::TempDir;

use super::disk::{Call, Disk, Watch};
use super::listing::{LONGEST, Listings};

/// Counts how often a directory was listed.
#[derive(Debug, Default)]
struct Count(AtomicUsize);

impl Watch for Count {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        if matches!(call, Call::List(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

struct Listed {
    directory: TempDir,
    listings: Listings,
    count: Arc<Count>,
}

impl Listed {
    /// A directory that last changed long ago.
    fn with(names: impl IntoIterator<Item = String>, longest: usize) -> Listed {
        let directory = tempfile::tempdir().unwrap();
        for name in names {
            fs::write(directory.path().join(name), "").unwrap();
        }
        let count = Arc::new(Count::default());
        let listings = Listings::no_longer_than(&Disk::watched(Arc::clone(&count) as Arc<dyn Watch>), longest);
        let listed = Listed { directory, listings, count };
        listed.changed_at(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500));
        listed
    }

    fn changed_at(&self, time: SystemTime) {
        File::open(self.path()).unwrap().set_modified(time).unwrap();
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn page(&self, after: Option<&str>, limit: usize) -> Vec<String> {
        let page = self.listings.list(self.path(), after, limit).unwrap();
        page.into_iter().map(|entry| entry.name).collect()
    }

    /// All names, page by page.
    fn pages(&self, limit: usize) -> Vec<String> {
        let mut all: Vec<String> = Vec::new();
        loop {
            let page = self.page(all.last().map(String::as_str), limit);
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn times(&self) -> usize {
        self.count.0.load(Ordering::Relaxed)
    }
}

fn numbers(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{number:05}")).collect()
}

#[test]
fn a_large_directory_is_read_once_until_it_changes() {
    let mut names = numbers(1500);
    let listed = Listed::with(names.clone(), LONGEST);
    assert_eq!(listed.pages(100), names);
    assert_eq!(listed.times(), 1);

    fs::write(listed.path().join("00100-new"), "").unwrap();
    names.insert(101, "00100-new".to_owned());
    assert_eq!(listed.page(Some("00099"), 3), ["00100", "00100-new", "00101"]);
    assert_eq!(listed.times(), 2);

    fs::remove_file(listed.path().join("00100")).unwrap();
    names.remove(100);
    assert_eq!(listed.page(Some("00099"), 2), ["00100-new", "00101"]);
    assert_eq!(listed.pages(1000), names);
}

#[test]
fn a_directory_that_may_change_within_its_tick_is_read_each_time() {
    let listed = Listed::with(numbers(1500), LONGEST);
    listed.changed_at(SystemTime::now() + Duration::from_hours(1));
    listed.page(None, 1);
    listed.page(None, 1);
    assert_eq!(listed.times(), 2);
}

#[test]
fn a_small_directory_is_read_each_time() {
    let listed = Listed::with(numbers(999), LONGEST);
    listed.page(None, 1);
    listed.page(None, 1);
    assert_eq!(listed.times(), 2);
}

#[test]
fn a_directory_too_long_to_be_held_is_paged_all_the_same_and_not_remembered() {
    let names = numbers(1500);
    let listed = Listed::with(names.clone(), 1499 * 5 - 1);
    assert_eq!(listed.pages(500), names);
    // Four pages, the last one empty; each begins to read it whole and then reads it as it can.
    assert_eq!(listed.times(), 8);
}

#[test]
fn of_many_directories_the_latest_are_remembered() {
    let listed = Listed::with([], LONGEST);
    let old = SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500);
    let directories: Vec<_> = (0..5).map(|number| listed.path().join(number.to_string())).collect();
    for directory in &directories {
        fs::create_dir(directory).unwrap();
        numbers(1000).iter().for_each(|name| fs::write(directory.join(name), "").unwrap());
        File::open(directory).unwrap().set_modified(old).unwrap();
        listed.listings.list(directory, None, 1).unwrap();
    }
    let reads = |directory: &Path| {
        let before = listed.times();
        listed.listings.list(directory, None, 1).unwrap();
        listed.times() - before
    };
    assert_eq!(directories[1..].iter().map(|latest| reads(latest)).sum::<usize>(), 0);
    assert_eq!(reads(&directories[0]), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_page_is_what_sorting_and_skipping_gives(
        names in btree_set("[a-cA-C0._\u{e4}-]{1,6}x", 0..40),
        after in proptest::option::of("[a-cA-C0._\u{e4}-]{0,6}"),
        limit in 0_usize..12,
        longest in prop_oneof![Just(LONGEST), Just(20)],
    ) {
        let listed = Listed::with(names.iter().cloned(), longest);
        let behind = names.iter().filter(|name| after.as_ref().is_none_or(|after| *name > after));
        let expected: Vec<String> = behind.take(limit).cloned().collect();
        prop_assert_eq!(listed.page(after.as_deref(), limit), expected);
        prop_assert_eq!(listed.pages(limit + 1), names.into_iter().collect::<Vec<_>>());
    }
}
