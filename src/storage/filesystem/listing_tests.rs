//! Pages of a directory, remembered or not, are what the directory holds.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::{Duration, SystemTime};

use proptest::collection::btree_set;
use proptest::prelude::*;
use tempfile::TempDir;

use super::disk::{Call, Disk, Watch};
use super::known::Known;
use super::listing::{LONGEST, Listings};
use super::names::{Names, Seen};

fn long_ago() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_000_500)
}

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
    disk: Disk,
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
        let disk = Disk::watched(Arc::clone(&count) as Arc<dyn Watch>);
        let listings = Listings::no_longer_than(&disk, longest);
        let listed = Listed { directory, disk, listings, count };
        listed.changed_at(long_ago());
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
fn what_we_change_ourselves_is_known_without_reading_again() {
    let mut names = numbers(1500);
    let listed = Listed::with(names.clone(), LONGEST);
    assert_eq!(listed.page(None, 1), ["00000"]);
    let path = |name: &str| listed.path().join(name);
    let elsewhere = tempfile::tempdir().unwrap();

    listed.disk.make_directory(&path("00100-directory")).unwrap();
    listed.disk.create(&path("00100-file")).unwrap();
    assert_eq!(listed.page(Some("00099"), 4), ["00100", "00100-directory", "00100-file", "00101"]);
    listed.disk.remove_directory(&path("00100-directory")).unwrap();
    listed.disk.rename(&path("00100-file"), &path("00100-moved")).unwrap();
    listed.disk.rename(&path("00101"), &elsewhere.path().join("away")).unwrap();
    listed.disk.rename(&elsewhere.path().join("away"), &path("00102")).unwrap();
    listed.disk.remove(&path("00103")).unwrap();
    assert_eq!(listed.page(Some("00099"), 4), ["00100", "00100-moved", "00102", "00104"]);
    assert_eq!(listed.disk.make_directory(&path("00104")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(listed.disk.remove(&path("00103")).unwrap_err().kind(), io::ErrorKind::NotFound);
    names.retain(|name| name != "00101" && name != "00103");
    names.insert(101, "00100-moved".to_owned());
    assert_eq!(listed.pages(100), names);
    assert_eq!(listed.times(), 1);

    // What others do shows all the same, also behind a change of ours, once the clock has ticked.
    std::thread::sleep(Duration::from_millis(20));
    fs::write(path("others"), "").unwrap();
    listed.disk.create(&path("ours")).unwrap();
    assert_eq!(listed.page(Some("01499"), 9), ["others", "ours"]);
    assert_eq!(listed.times(), 2);
    // After a change of which nobody knows what it did, it is looked at again.
    listed.changed_at(long_ago());
    listed.pages(1000);
    assert_eq!(listed.times(), 3);
    listed.disk.remove_directory(&path("ours")).unwrap_err();
    assert_eq!(listed.page(Some("01499"), 9), ["others", "ours"]);
    assert_eq!(listed.times(), 4);
}

#[test]
fn what_nobody_lists_is_not_kept_up() {
    let listed = Listed::with(numbers(1500), LONGEST);
    listed.page(None, 1);
    for _ in 0..501 {
        drop(listed.disk.create(&listed.path().join("new")).unwrap());
        listed.disk.remove(&listed.path().join("new")).unwrap();
    }
    listed.page(None, 1);
    assert_eq!(listed.times(), 2);
}

#[test]
fn a_page_shows_what_was_done_before_while_many_change_the_directory() {
    let listed = Listed::with(numbers(1500), LONGEST);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let listed = &listed;
            scope.spawn(move || {
                for number in 0..300 {
                    let behind = format!("{:05}", (number * 7 + thread) % 1500);
                    let (own, shared) = (format!("{behind}-{thread}"), listed.path().join("00700-shared"));
                    listed.disk.make_directory(&listed.path().join(&own)).unwrap();
                    assert!(listed.page(Some(&behind), 8).contains(&own), "{own}");
                    // All are at this one at the same time.
                    let _ = listed.disk.make_directory(&shared);
                    let _ = listed.disk.remove_directory(&shared);
                    listed.disk.remove_directory(&listed.path().join(&own)).unwrap();
                    assert!(!listed.page(Some(&behind), 8).contains(&own), "{own}");
                }
            });
        }
    });
    assert_eq!(listed.pages(1000), numbers(1500));
}

/// Does something else at certain calls.
struct Meddle(Box<dyn Fn(Call<'_>) + Send + Sync>);

impl fmt::Debug for Meddle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Meddle")
    }
}

impl Watch for Meddle {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        (self.0)(call);
        Ok(())
    }
}

#[test]
fn nobody_waits_for_a_look_at_another_directory() {
    let large = Listed::with(numbers(1500), LONGEST);
    let (elsewhere, path) = (tempfile::tempdir().unwrap(), large.path().to_owned());
    let elsewhere_path = elsewhere.path().to_owned();
    let other = Arc::new(OnceLock::<Disk>::new());
    let (looks, meddling) = (Arc::new(AtomicUsize::new(0)), Arc::clone(&other));
    let looked = Arc::clone(&looks);
    // At each look at the large directory somebody makes a file elsewhere, and is awaited.
    let meddle = Meddle(Box::new(move |call| {
        if let (Call::Stat(at), Some(disk)) = (call, meddling.get())
            && at == path
        {
            let new = elsewhere_path.join(looked.fetch_add(1, Ordering::Relaxed).to_string());
            let disk = disk.clone();
            let (done, awaited) = mpsc::channel();
            std::thread::spawn(move || done.send(disk.create(&new).is_ok()));
            assert_eq!(awaited.recv_timeout(Duration::from_secs(10)), Ok(true), "it waits for the look");
        }
    }));
    let disk = Disk::watched(Arc::new(meddle));
    Listings::new(&disk).list(large.path(), None, 1).unwrap();
    other.set(disk.clone()).unwrap();
    disk.create(&large.path().join("new")).unwrap();
    assert_eq!(looks.load(Ordering::Relaxed), 2, "before and behind it");
}

#[test]
fn a_page_shows_what_is_made_or_removed_at_this_moment() {
    let large = Listed::with(numbers(1500), LONGEST);
    let (path, other) = (large.path().to_owned(), Arc::new(OnceLock::<Disk>::new()));
    let (seen, last, meddling) = (Arc::new(Mutex::new(Vec::new())), Some("01497"), Arc::clone(&other));
    let pages = Arc::clone(&seen);
    let listing = AtomicBool::new(false);
    // The look behind a change is made before anybody is told of the change.
    let meddle = Meddle(Box::new(move |call| {
        if let (Call::Stat(at), Some(disk)) = (call, meddling.get())
            && at == path
            && !listing.swap(true, Ordering::Relaxed)
        {
            let page = Listings::new(&disk.clone()).list(&path, last, 2).unwrap();
            pages.lock().unwrap().push(page.into_iter().map(|entry| entry.name).collect::<Vec<_>>().join(" "));
            listing.store(false, Ordering::Relaxed);
        }
    }));
    let disk = Disk::watched(Arc::new(meddle));
    Listings::new(&disk).list(large.path(), None, 1).unwrap();
    let (made, gone) = (large.path().join("01498-"), large.path().join("01498"));
    let change = |call: &dyn Fn()| {
        call();
        seen.lock().unwrap().pop().unwrap()
    };
    other.set(disk.clone()).unwrap();
    assert_eq!(change(&|| disk.make_directory(&made).unwrap()), "01498 01498-");
    assert_eq!(change(&|| disk.remove(&gone).unwrap()), "01498- 01499");
}

#[test]
fn a_large_directory_is_read_where_that_keeps_nobody_waiting() {
    let listed = Listed::with(numbers(1500), LONGEST);
    let quickly = || listed.listings.list_quickly(listed.path(), None, 1).unwrap();
    assert!(quickly().is_none());
    assert_eq!(listed.page(None, 1), ["00000"]);
    assert!(quickly().is_some(), "now it is known");
    let small = Listed::with(numbers(999), LONGEST);
    assert!(small.listings.list_quickly(small.path(), None, 1).unwrap().is_some());
}

#[test]
fn what_others_made_in_our_place_is_listed() {
    let large = Listed::with(numbers(1500), LONGEST);
    let new = large.path().join("new");
    let made = new.clone();
    let disk = Disk::watched(Arc::new(Meddle(Box::new(move |call| {
        if matches!(call, Call::MakeDirectory(_)) {
            fs::create_dir(&made).unwrap();
        }
    }))));
    let listings = Listings::new(&disk);
    listings.list(large.path(), None, 1).unwrap();
    assert_eq!(disk.make_directory(&new).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
    assert_eq!(listings.list(large.path(), Some("01499"), 9).unwrap().len(), 1);
}

#[test]
fn a_page_is_full_although_something_in_it_cannot_be_used() {
    for longest in [LONGEST, 100] {
        let listed = Listed::with(numbers(1500), longest);
        for name in ["00000-dangling", "00001-dangling"] {
            std::os::unix::fs::symlink("nowhere", listed.path().join(name)).unwrap();
        }
        assert_eq!(listed.page(None, 3), ["00000", "00001", "00002"]);
    }
}

#[test]
fn what_is_too_much_hides_nothing_and_brings_nothing_back() {
    let (known, above) = (Known::new(), Path::new("large"));
    let time = |_: &Path| Some(long_ago());
    let set = |name: &str, becomes| known.change(&above.join(name), becomes, time, || Ok(())).unwrap();
    let first = known.reading(above);
    for name in ["there", "gone"] {
        set(name, Some(Seen::File));
        set(name, None);
    }
    set("there", Some(Seen::File));
    let mut names = Names::no_longer_than(3);
    assert!(names.push("long", Seen::File));
    let names = known.reading(above).keep(names, Some(long_ago()), true);
    assert_eq!(names.behind(None).map(|(name, _)| name).collect::<Vec<_>>(), ["long", "there"]);
    drop(first);
    assert!(known.recall(above, time).is_none());
}

#[test]
fn a_name_that_was_read_twice_is_gone_when_it_is_removed() {
    let (known, above) = (Known::new(), Path::new("large"));
    let time = |_: &Path| Some(long_ago());
    let mut names = Names::no_longer_than(LONGEST);
    for name in ["b", "a", "b"] {
        names.push(name, Seen::File);
    }
    names.sort();
    known.reading(above).keep(names, Some(long_ago()), true);
    known.change(&above.join("b"), None, time, || Ok(())).unwrap();
    let names = known.recall(above, time).unwrap().names;
    assert_eq!(names.behind(None).map(|(name, _)| name).collect::<Vec<_>>(), ["a"]);
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
    let directories: Vec<_> = (0..5).map(|number| listed.path().join(number.to_string())).collect();
    for directory in &directories {
        fs::create_dir(directory).unwrap();
        numbers(1000).iter().for_each(|name| fs::write(directory.join(name), "").unwrap());
        File::open(directory).unwrap().set_modified(long_ago()).unwrap();
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
