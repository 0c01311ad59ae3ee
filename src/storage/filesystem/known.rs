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
    /// The one that was read last at the end.
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

/// A directory is being read. What changes in it meanwhile is taken down.
pub(super) struct Reading<'a> {
    known: &'a Known,
    id: u64,
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
        let id = self.lock().begin(path, above, becomes);
        let made = call();
        let time = self.lock().find(above).is_some().then(|| time(above)).flatten();
        let outcome = match &made {
            Ok(_) => Outcome::Made,
            Err(error) if leaves_all(error.kind()) => Outcome::NotMade,
            Err(_) => Outcome::Open,
        };
        self.lock().end(id, above, time, outcome);
        made
    }

    /// The names of a directory, if they are known and nobody changes them at this moment.
    pub(super) fn recall(&self, path: &Path, time: impl Fn(&Path) -> Option<SystemTime>) -> Option<Arc<Names>> {
        self.verify(path, time);
        let mut state = self.lock();
        if state.is_changing(path) {
            // Some of it may be there and seen by others.
            return None;
        }
        let directory = state.find(path)?;
        directory.unused = 0;
        directory.names.clone()
    }

    /// Forgets a directory that others have changed.
    fn verify(&self, path: &Path, time: impl Fn(&Path) -> Option<SystemTime>) {
        let mut state = self.lock();
        let Some(directory) = state.find(path).filter(|directory| directory.names.is_some()) else { return };
        let seen = (directory.id, directory.changed);
        if state.is_changing(path) {
            return;
        }
        drop(state);
        let time = time(path);
        let mut state = self.lock();
        let unchanged = state.find(path).filter(|directory| (directory.id, directory.changed) == seen);
        if unchanged.is_some_and(|directory| directory.time != time) {
            state.forget(path);
        }
    }

    /// To be called before a directory is looked at and read.
    pub(super) fn reading(&self, path: &Path) -> Reading<'_> {
        let mut state = self.lock();
        if let Some(directory) = state.find(path) {
            directory.readers += 1;
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
    use io::ErrorKind::{AlreadyExists, DirectoryNotEmpty, NotFound};

    [AlreadyExists, DirectoryNotEmpty, NotFound].contains(&error)
}

impl State {
    fn find(&mut self, path: &Path) -> Option<&mut Directory> {
        self.directories.iter_mut().find(|directory| directory.path.as_os_str() == path.as_os_str())
    }

    fn position(&self, id: u64) -> Option<usize> {
        self.directories.iter().position(|directory| directory.id == id)
    }

    fn is_changing(&self, directory: &Path) -> bool {
        self.changing.iter().any(|changing| changing.path.parent() == Some(directory))
    }

    fn forget(&mut self, path: &Path) {
        self.directories.retain(|directory| directory.path != path);
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

    fn end(&mut self, id: u64, above: &Path, time: Option<SystemTime>, outcome: Outcome) {
        let Some(at) = self.changing.iter().position(|changing| changing.id == id) else { return };
        let changing = self.changing.swap_remove(at);
        let Some(directory) = self.find(above) else { return };
        // Those who changed it with us have looked at its time, too, before they end.
        directory.time = directory.time.max(time);
        let name = changing.path.file_name().and_then(|name| name.to_str());
        let taken_down = match (outcome, name) {
            (Outcome::NotMade, _) => true,
            (Outcome::Made, Some(name)) if !changing.contested => directory.take_down(name, changing.becomes),
            _ => false,
        };
        if !taken_down {
            self.forget(above);
        }
    }

    /// Forgets what was read first, if there is too much.
    fn make_room(&mut self) {
        let known = |directory: &Directory| directory.names.is_some();
        if self.directories.iter().filter(|directory| known(directory)).count() > DIRECTORIES
            && let Some(first) = self.directories.iter().position(known)
        {
            self.directories.remove(first);
        }
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
        let fits = directory.changes.drain(..).all(|(name, becomes)| names.set(&name, becomes));
        let names = Arc::new(names);
        // Whoever reads it beside us may have been first.
        if directory.names.is_none() && (settled || ours) {
            directory.names = Some(Arc::clone(&names));
            directory.time = directory.time.max(time);
        }
        if fits {
            state.directories.push(directory);
            state.make_room();
        }
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
