//! What is directly below a directory, in order.
//!
//! A system lists a directory whole and in no order, so a page out of 100,000 entries would cost 100,000. The names of large
//! directories are kept, sorted, for as long as [`super::known`] can tell that they are true.

use std::collections::BinaryHeap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::disk::Disk;
use super::known::Recalled;
use super::names::{Names, Seen};
use crate::storage::{Entry, EntryKind};

/// Directories with fewer entries are listed each time.
const WORTH_KEEPING: usize = 1000;
/// The names of one listing, in bytes. A larger directory is listed each time, holding no more than what is asked for.
pub(super) const LONGEST: usize = 8 * 1024 * 1024;
/// How much older than its listing a directory's time must be: within one tick of the clock it could change once more
/// without showing. Some file systems tick in whole seconds.
const TICK: Duration = Duration::from_millis(20);
const COARSE_TICK: Duration = Duration::from_millis(2100);

/// Lists directories.
#[derive(Debug)]
pub(super) struct Listings {
    disk: Disk,
    longest: usize,
}

impl Listings {
    pub(super) fn new(disk: &Disk) -> Listings {
        Listings::no_longer_than(disk, LONGEST)
    }

    /// Holds only the names of directories where they have no more bytes than this, and one name more.
    pub(super) fn no_longer_than(disk: &Disk, longest: usize) -> Listings {
        Listings { disk: disk.clone(), longest }
    }

    /// The first `limit` entries behind `after`, if that is quick; none if a large directory has to be read.
    pub(super) fn list_quickly(
        &self,
        path: &Path,
        after: Option<&str>,
        limit: usize,
    ) -> io::Result<Option<Vec<Entry>>> {
        let found = self.known_or_read(path, WORTH_KEEPING - 1)?;
        Ok(found.map(|found| self.page(&found, path, after, limit)))
    }

    /// The first `limit` entries behind `after`.
    pub(super) fn list(&self, path: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
        match self.known_or_read(path, usize::MAX)? {
            Some(found) => Ok(self.page(&found, path, after, limit)),
            None => self.first(path, after, limit),
        }
    }

    fn known_or_read(&self, path: &Path, most: usize) -> io::Result<Option<Recalled>> {
        match self.disk.recall(path) {
            Some(known) => Ok(Some(known)),
            None => Ok(self.read(path, most)?.map(|names| Recalled { names, changing: Vec::new() })),
        }
    }

    fn page(&self, found: &Recalled, path: &Path, after: Option<&str>, limit: usize) -> Vec<Entry> {
        let entry = |(name, seen): (&str, Seen)| {
            kind(seen, &self.disk, path, name).map(|kind| Entry { name: name.to_owned(), kind })
        };
        let Recalled { names, changing } = found;
        let settled = names.behind(after).filter(|(name, _)| !changing.iter().any(|other| other == name));
        let mut page: Vec<Entry> = settled.filter_map(entry).take(limit).collect();
        if !changing.is_empty() {
            let behind = changing.iter().filter(|name| after.is_none_or(|after| name.as_str() > after));
            page.extend(behind.filter_map(|name| entry((name, Seen::Other))));
            page.sort_unstable_by(|one, other| one.name.cmp(&other.name));
            page.dedup_by(|one, other| one.name == other.name);
            page.truncate(limit);
        }
        page
    }

    /// The first link in a directory that leads nowhere.
    pub(super) fn leads_nowhere(&self, path: &Path) -> io::Result<Option<String>> {
        for entry in self.disk.list(path)? {
            let entry = entry?;
            if entry.file_type()?.is_symlink()
                && let Ok(name) = entry.file_name().into_string()
                && self.disk.stat(&path.join(&name)).is_err()
            {
                return Ok(Some(name));
            }
        }
        Ok(None)
    }

    /// Reads a directory; none if it has more entries than that, or is too large to be held.
    fn read(&self, path: &Path, most: usize) -> io::Result<Option<Arc<Names>>> {
        let reading = self.disk.reading(path);
        // Looked at first: what others change while it is read shows in the time afterwards.
        let changed = self.disk.stat(path)?.modified()?;
        let settled = SystemTime::now() > changed + tick(changed);
        let mut names = Names::no_longer_than(self.longest);
        for entry in self.disk.list(path)? {
            let entry = entry?;
            // A name that is not UTF-8 is not ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if names.len() == most || !names.push(&name, seen(&entry)) {
                return Ok(None);
            }
        }
        names.sort();
        if names.len() < WORTH_KEEPING {
            return Ok(Some(Arc::new(names)));
        }
        Ok(Some(reading.keep(names, Some(changed), settled)))
    }

    /// The first entries of a directory of any size. Only those that are asked for are held.
    fn first(&self, path: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
        let mut first: BinaryHeap<(String, Seen)> = BinaryHeap::new();
        for entry in self.disk.list(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            let is_full = first.len() == limit;
            if after.is_some_and(|after| name.as_str() <= after)
                || is_full && first.peek().is_none_or(|(last, _)| name >= *last)
            {
                continue;
            }
            let seen = seen(&entry);
            if kind(seen, &self.disk, path, &name).is_none() {
                continue;
            }
            if is_full {
                first.pop();
            }
            first.push((name, seen));
        }
        let entry = |(name, seen): (String, Seen)| kind(seen, &self.disk, path, &name).map(|kind| Entry { name, kind });
        Ok(first.into_sorted_vec().into_iter().filter_map(entry).collect())
    }
}

fn tick(changed: SystemTime) -> Duration {
    let whole = changed.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since.subsec_nanos() == 0);
    if whole { COARSE_TICK } else { TICK }
}

fn seen(entry: &fs::DirEntry) -> Seen {
    match entry.file_type() {
        Ok(kind) if kind.is_file() => Seen::File,
        Ok(kind) if kind.is_dir() => Seen::Directory,
        _ => Seen::Other,
    }
}

/// The kind of entry; `None` for what nobody can use: a dangling link, a socket, what is gone meanwhile.
fn kind(seen: Seen, disk: &Disk, directory: &Path, name: &str) -> Option<EntryKind> {
    match seen {
        Seen::File => Some(EntryKind::Object),
        Seen::Directory => Some(EntryKind::Directory),
        Seen::Other => match disk.stat(&directory.join(name)) {
            Ok(meta) if meta.is_dir() && !leads_back(directory, name) => Some(EntryKind::Directory),
            Ok(meta) if meta.is_file() => Some(EntryKind::Object),
            _ => None,
        },
    }
}

/// Whether a link to a directory leads to one that we came through. Whoever walks the tree would never come to an end.
fn leads_back(directory: &Path, name: &str) -> bool {
    let Ok(target) = fs::canonicalize(directory.join(name)) else { return true };
    directory.ancestors().any(|above| fs::canonicalize(above).is_ok_and(|above| above == target))
}
