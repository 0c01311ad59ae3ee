//! What is known of the names in large directories, kept true while we change them.
//!
//! To read a directory of 100,000 entries takes tens of milliseconds, and one in use changes all the time. So each of our own
//! changes goes through here and is made in what is known as well. What others change shows in the directory's time.
//!
//! Knows nothing of files. `tests/models` runs this very file under a model checker, which is why it takes its locks from
//! `super::locks`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use super::locks::{Mutex, MutexGuard};
use super::names::{Names, Seen};

/// Of how many directories the names are known.
const DIRECTORIES: usize = 4;
/// What nobody asked for during so many changes is forgotten.
const UNUSED: usize = 1000;

/// The names in some directories.
#[derive(Debug)]
pub(super) struct Known(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The one that somebody has read last at the end.
    directories: Vec<Directory>,
    /// What is being changed at this moment, in any directory.
    changing: Vec<Changing>,
    /// Counts what begins.
    clock: u64,
}

/// A directory that is known, or that somebody reads.
#[derive(Debug)]
struct Directory {
    path: PathBuf,
    id: u64,
    /// Once one of the readers is done.
    names: Option<Arc<Names>>,
    readers: usize,
    /// What was changed while it was read.
    changes: Vec<(String, Option<Seen>)>,
    /// Its time when it was as it is known.
    time: Option<SystemTime>,
    /// When a change in it began last.
    changed: u64,
    /// How many changes there were since somebody asked for it.
    unused: usize,
}

/// A change that is being made.
#[derive(Debug)]
struct Changing {
    path: PathBuf,
    id: u64,
    becomes: Option<Seen>,
    /// Somebody does the opposite at the same time, so nobody knows which of them comes last.
    contested: bool,
}

/// What is known of a directory at one moment.
pub(super) struct Recalled {
    pub(super) names: Arc<Names>,
    /// Names that are being changed: only a look tells whether they are there.
    pub(super) changing: Vec<String>,
}

/// A directory is being read. What changes in it meanwhile is taken down.
pub(super) struct Reading<'a> {
    known: &'a Known,
    id: u64,
}

/// A change that is being made, until this is dropped.
struct Change<'a> {
    known: &'a Known,
    id: u64,
    above: &'a Path,
    outcome: Outcome,
    /// The directory's time behind the change.
    time: Option<SystemTime>,
}

/// What is known of a change once it was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Made,
    /// It was so before, or could not be.
    NotMade,
    Open,
}

impl Known {
    pub(super) fn new() -> Known {
        Known(Mutex::new(State::default()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes a change by which something of a kind, or nothing, is at the path. `time` says when a directory has changed last.
    pub(super) fn change<T>(
        &self,
        path: &Path,
        becomes: Option<Seen>,
        time: impl Fn(&Path) -> Option<SystemTime>,
        call: impl FnOnce() -> io::Result<T>,
    ) -> io::Result<T> {
        let above = path.parent().unwrap_or(path);
        // What others have changed would not show any more behind our own change.
        self.verify(above, &time);
        // Nobody holds the lock while the system is asked.
        let id = self.lock().begin(path, above, becomes);
        let mut change = Change { known: self, id, above, outcome: Outcome::Open, time: None };
        let made = call();
        change.outcome = match &made {
            Ok(_) => Outcome::Made,
            Err(error) if leaves_all(error.kind()) => Outcome::NotMade,
            Err(_) => Outcome::Open,
        };
        // What was not made has left no trace in the time; one that is there is of others.
        let is_known = change.outcome == Outcome::Made && self.knows(above);
        change.time = is_known.then(|| time(above)).flatten();
        made
    }

    fn knows(&self, path: &Path) -> bool {
        self.lock().find(path).is_some()
    }

    /// The names of a directory, if they are known.
    pub(super) fn recall(&self, path: &Path, time: impl Fn(&Path) -> Option<SystemTime>) -> Option<Recalled> {
        self.verify(path, time);
        let mut state = self.lock();
        let changing = state.changing(path).filter_map(Changing::name).map(str::to_owned).collect();
        let directory = state.find(path)?;
        directory.unused = 0;
        Some(Recalled { names: directory.names.clone()?, changing })
    }

    /// Forgets a directory that others have changed.
    fn verify(&self, path: &Path, time: impl Fn(&Path) -> Option<SystemTime>) {
        let mut state = self.lock();
        let Some(directory) = state.find(path).filter(|directory| directory.names.is_some()) else { return };
        let seen = (directory.id, directory.changed);
        if state.changing(path).next().is_some() {
            return;
        }
        drop(state);
        let time = time(path);
        let mut state = self.lock();
        let unchanged = state.find(path).filter(|directory| (directory.id, directory.changed) == seen);
        let forgotten = unchanged.is_some_and(|directory| directory.time != time).then(|| state.forget(path));
        drop(state);
        drop(forgotten);
    }

    /// To be called before a directory is looked at and read.
    pub(super) fn reading(&self, path: &Path) -> Reading<'_> {
        let mut state = self.lock();
        if let Some(directory) = state.find(path) {
            directory.readers += 1;
            directory.unused = 0;
            return Reading { known: self, id: directory.id };
        }
        state.clock += 1;
        let id = state.clock;
        state.directories.push(Directory {
            path: path.to_owned(),
            id,
            names: None,
            readers: 1,
            changes: Vec::new(),
            time: None,
            changed: id,
            unused: 0,
        });
        Reading { known: self, id }
    }
}

/// Whether an error says that nothing was changed and that what is there was there before.
fn leaves_all(error: io::ErrorKind) -> bool {
    use io::ErrorKind::{AlreadyExists, CrossesDevices, DirectoryNotEmpty, NotFound};

    [AlreadyExists, CrossesDevices, DirectoryNotEmpty, NotFound].contains(&error)
}

impl State {
    fn find(&mut self, path: &Path) -> Option<&mut Directory> {
        self.directories.iter_mut().find(|directory| directory.path.as_os_str() == path.as_os_str())
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.directories.iter().position(|directory| directory.id == id)
    }

    /// What is being changed directly below a directory.
    fn changing<'a>(&'a self, directory: &'a Path) -> impl Iterator<Item = &'a Changing> {
        self.changing.iter().filter(|changing| changing.path.parent() == Some(directory))
    }

    /// What is returned is large, and to be dropped without the lock.
    #[must_use]
    fn forget(&mut self, path: &Path) -> Option<Directory> {
        let at = self.directories.iter().position(|directory| directory.path.as_os_str() == path.as_os_str())?;
        Some(self.directories.remove(at))
    }

    fn begin(&mut self, path: &Path, above: &Path, becomes: Option<Seen>) -> u64 {
        self.clock += 1;
        let id = self.clock;
        let mut contested = false;
        for other in self.changing.iter_mut().filter(|other| other.path == path) {
            if other.becomes != becomes {
                (other.contested, contested) = (true, true);
            }
        }
        self.changing.push(Changing { path: path.to_owned(), id, becomes, contested });
        if let Some(directory) = self.find(above) {
            directory.changed = id;
        }
        id
    }

    /// Returns what is forgotten.
    #[must_use]
    fn end(&mut self, change: &Change<'_>) -> Option<Directory> {
        let at = self.changing.iter().position(|changing| changing.id == change.id)?;
        let changing = self.changing.swap_remove(at);
        let directory = self.find(change.above)?;
        // Those who changed it with us have looked at its time, too, before they end.
        directory.time = directory.time.max(change.time);
        let taken_down = match (change.outcome, changing.name()) {
            (Outcome::NotMade, _) => true,
            (Outcome::Made, Some(name)) if !changing.contested => directory.take_down(name, changing.becomes),
            _ => false,
        };
        if taken_down { None } else { self.forget(change.above) }
    }

    /// Forgets what was read first, if there is too much.
    #[must_use]
    fn make_room(&mut self) -> Option<Directory> {
        let known = |directory: &Directory| directory.names.is_some();
        let too_many = self.directories.iter().filter(|directory| known(directory)).count() > DIRECTORIES;
        let first = self.directories.iter().position(known).filter(|_| too_many)?;
        Some(self.directories.remove(first))
    }
}

impl Changing {
    /// None if it is not UTF-8, and not ours.
    fn name(&self) -> Option<&str> {
        self.path.file_name()?.to_str()
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let forgotten = self.known.lock().end(self);
        drop(forgotten);
    }
}

impl Directory {
    /// False if it is too much.
    fn take_down(&mut self, name: &str, becomes: Option<Seen>) -> bool {
        self.unused += 1;
        if self.unused > UNUSED {
            return false;
        }
        match &mut self.names {
            Some(names) => Arc::make_mut(names).set(name, becomes),
            None => {
                self.changes.push((name.to_owned(), becomes));
                true
            }
        }
    }
}

impl Reading<'_> {
    /// Keeps what was read of a directory whose time was this before. If that is of this very moment (not `settled`), others
    /// might change the directory once more without showing, and it is kept only if it was us who changed it.
    pub(super) fn keep(self, mut names: Names, time: Option<SystemTime>, settled: bool) -> Arc<Names> {
        let mut state = self.known.lock();
        let Some(at) = state.position(self.id) else { return Arc::new(names) };
        let mut directory = state.directories.remove(at);
        let ours = !directory.changes.is_empty();
        // All of them, also behind one that is too much: who has read this is to see each.
        let fits = directory.changes.drain(..).fold(true, |fits, (name, becomes)| names.set(&name, becomes) && fits);
        let names = Arc::new(names);
        // Whoever reads it beside us may have been first.
        if directory.names.is_none() && (settled || ours) {
            directory.names = Some(Arc::clone(&names));
            directory.time = directory.time.max(time);
        }
        let forgotten = if fits {
            state.directories.push(directory);
            state.make_room()
        } else {
            Some(directory)
        };
        drop(state);
        drop(forgotten);
        names
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        let mut state = self.known.lock();
        let Some(at) = state.position(self.id) else { return };
        let directory = &mut state.directories[at];
        directory.readers -= 1;
        if directory.readers == 0 && directory.names.is_none() {
            state.directories.remove(at);
        }
    }
}
