//! What is directly below a directory, in order, and remembered while it does not change.
//!
//! A system lists a directory whole and in no order, so a page out of 100,000 entries would cost 100,000. The names of large
//! directories are kept, sorted, for as long as the directory's own time says that nothing was added or removed.

use std::collections::{BinaryHeap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::disk::Disk;
use crate::storage::{Entry, EntryKind};

/// Directories with fewer entries are listed each time.
const WORTH_KEEPING: usize = 1000;
/// The names of one listing, in bytes. A larger directory is listed each time, holding no more than what is asked for.
pub(super) const LONGEST: usize = 8 * 1024 * 1024;
/// How many listings are remembered.
const REMEMBERED: usize = 4;
/// How much older than its listing a directory's time must be: within one tick of the clock it could change once more
/// without showing. Some file systems tick in whole seconds.
const TICK: Duration = Duration::from_millis(20);
const COARSE_TICK: Duration = Duration::from_millis(2100);

/// Lists directories.
#[derive(Debug)]
pub(super) struct Listings {
    disk: Disk,
    longest: usize,
    /// The latest at the end.
    remembered: Mutex<VecDeque<(PathBuf, Arc<Listing>)>>,
}

/// The entries of a directory, sorted by name.
#[derive(Debug)]
struct Listing {
    /// When the directory had last changed.
    changed: SystemTime,
    names: String,
    entries: Vec<Span>,
}

/// A name in a listing.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length: u16,
    seen: Seen,
}

impl Listings {
    pub(super) fn new(disk: &Disk) -> Listings {
        Listings::no_longer_than(disk, LONGEST)
    }

    /// Holds only listings whose names have no more bytes than this, and one name more.
    pub(super) fn no_longer_than(disk: &Disk, longest: usize) -> Listings {
        Listings { disk: disk.clone(), longest, remembered: Mutex::default() }
    }

    /// The first `limit` entries behind `after`.
    pub(super) fn list(&self, path: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
        let listing = match self.recall(path)? {
            Some(listing) => listing,
            None => match self.read(path)? {
                Some(listing) => listing,
                None => return self.first(path, after, limit),
            },
        };
        let begin = after.map_or(0, |after| listing.entries.partition_point(|span| listing.name(span) <= after));
        let spans = listing.entries[begin..].iter();
        let entry = |span: &Span| {
            let name = listing.name(span);
            span.seen.kind(&self.disk, path, name).map(|kind| Entry { name: name.to_owned(), kind })
        };
        Ok(spans.take(limit).filter_map(entry).collect())
    }

    /// A listing that is remembered and still true.
    fn recall(&self, path: &Path) -> io::Result<Option<Arc<Listing>>> {
        let found = {
            let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
            remembered.iter().find(|(of, _)| of == path).map(|(_, listing)| Arc::clone(listing))
        };
        let Some(listing) = found else { return Ok(None) };
        Ok((self.disk.stat(path)?.modified()? == listing.changed).then_some(listing))
    }

    /// Reads a directory; none if it is too large to be held.
    fn read(&self, path: &Path) -> io::Result<Option<Arc<Listing>>> {
        // Looked at first: what changes while it is read shows in the time afterwards.
        let changed = self.disk.stat(path)?.modified()?;
        let begun = SystemTime::now();
        let mut listing = Listing { changed, names: String::new(), entries: Vec::new() };
        for entry in self.disk.list(path)? {
            let entry = entry?;
            // A name that is not UTF-8 is not ours.
            let Ok(name) = entry.file_name().into_string() else { continue };
            if listing.names.len() > self.longest || !listing.add(&name, Seen::of(&entry)) {
                return Ok(None);
            }
        }
        listing.sort();
        let listing = Arc::new(listing);
        if listing.entries.len() >= WORTH_KEEPING && begun > changed + tick(changed) {
            self.remember(path, &listing);
        }
        Ok(Some(listing))
    }

    fn remember(&self, path: &Path, listing: &Arc<Listing>) {
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|(of, _)| of != path);
        if remembered.len() == REMEMBERED {
            remembered.pop_front();
        }
        remembered.push_back((path.to_owned(), Arc::clone(listing)));
    }

    /// The first entries of a directory of any size. Only those that are asked for are held.
    fn first(&self, path: &Path, after: Option<&str>, limit: usize) -> io::Result<Vec<Entry>> {
        let mut first: BinaryHeap<(String, Seen)> = BinaryHeap::new();
        for entry in self.disk.list(path)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            if after.is_some_and(|after| name.as_str() <= after) {
                continue;
            }
            if first.len() == limit {
                if first.peek().is_none_or(|(last, _)| name >= *last) {
                    continue;
                }
                first.pop();
            }
            first.push((name, Seen::of(&entry)));
        }
        let entry = |(name, seen): (String, Seen)| seen.kind(&self.disk, path, &name).map(|kind| Entry { name, kind });
        Ok(first.into_sorted_vec().into_iter().filter_map(entry).collect())
    }
}

impl Listing {
    /// Adds a name; false if it does not fit.
    fn add(&mut self, name: &str, seen: Seen) -> bool {
        let (Ok(start), Ok(length)) = (u32::try_from(self.names.len()), u16::try_from(name.len())) else {
            return false;
        };
        self.names.push_str(name);
        self.entries.push(Span { start, length, seen });
        true
    }

    fn sort(&mut self) {
        let names = std::mem::take(&mut self.names);
        self.entries.sort_unstable_by(|one, other| one.text(&names).cmp(other.text(&names)));
        self.names = names;
    }

    fn name(&self, span: &Span) -> &str {
        span.text(&self.names)
    }
}

impl Span {
    fn text(self, names: &str) -> &str {
        let start = self.start as usize;
        &names[start..start + usize::from(self.length)]
    }
}

fn tick(changed: SystemTime) -> Duration {
    let whole = changed.duration_since(SystemTime::UNIX_EPOCH).is_ok_and(|since| since.subsec_nanos() == 0);
    if whole { COARSE_TICK } else { TICK }
}

/// What a directory says of an entry without another look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    File,
    Directory,
    Other,
}

impl Seen {
    fn of(entry: &fs::DirEntry) -> Seen {
        match entry.file_type() {
            Ok(kind) if kind.is_file() => Seen::File,
            Ok(kind) if kind.is_dir() => Seen::Directory,
            _ => Seen::Other,
        }
    }

    /// The kind of entry; `None` for what nobody can use: a dangling link, a socket, what is gone meanwhile.
    fn kind(self, disk: &Disk, directory: &Path, name: &str) -> Option<EntryKind> {
        match self {
            Seen::File => Some(EntryKind::Object),
            Seen::Directory => Some(EntryKind::Directory),
            Seen::Other => match disk.stat(&directory.join(name)) {
                Ok(meta) if meta.is_dir() && !leads_back(directory, name) => Some(EntryKind::Directory),
                Ok(meta) if meta.is_file() => Some(EntryKind::Object),
                _ => None,
            },
        }
    }
}

/// Whether a link to a directory leads to one that we came through. Whoever walks the tree would never come to an end.
fn leads_back(directory: &Path, name: &str) -> bool {
    let Ok(target) = fs::canonicalize(directory.join(name)) else { return true };
    directory.ancestors().any(|above| fs::canonicalize(above).is_ok_and(|above| above == target))
}
