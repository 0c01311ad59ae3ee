//! Takes down what is done to a disk, and what was acknowledged meanwhile, in one order.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use bytes::Bytes;

use super::promises::Intent;
use crate::storage::{Call, Watch};

/// Something that happened. Paths are below the root of the storage.
#[derive(Clone, Debug)]
pub(super) enum Event {
    MakeDirectory(PathBuf),
    Create(PathBuf),
    Append(PathBuf, Bytes),
    Truncate(PathBuf, u64),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    RemoveDirectory(PathBuf),
    /// A sync begins. What is done before is covered by it, what is done later is not.
    SyncBegins(usize, Sync),
    /// It is over; from here on what it covers survives, if it worked.
    SyncEnds(usize, bool),
    /// A request begins.
    Begins(usize, Box<Intent>),
    /// It is acknowledged, or it failed.
    Ends(usize, bool),
}

/// What is synced.
#[derive(Clone, Debug)]
pub(super) enum Sync {
    File(PathBuf),
    Directory(PathBuf),
    All,
}

/// Whether one sync of everything stands for many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Syncs {
    /// Each file and directory for itself.
    Each,
    /// All at once, where there are several.
    AtOnce,
}

/// A watch that takes down what it sees.
#[derive(Debug)]
pub(super) struct Recorder {
    root: PathBuf,
    syncs: Syncs,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Nothing is taken down before the storage is open.
    running: bool,
    log: Vec<Event>,
    fault: Option<Fault>,
    /// Calls since the fault was set.
    calls: usize,
    /// The first call that failed.
    hit: Option<Hit>,
    /// The most that is written at once, in bytes.
    short: Option<usize>,
}

/// A call that was made to fail.
#[derive(Clone, Debug)]
pub(super) struct Hit {
    pub(super) is_sync: bool,
    /// What it was, to be printed.
    pub(super) call: String,
}

/// What goes wrong, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fault {
    /// The first call that fails, counted from 0.
    pub(super) from: usize,
    /// How many fail from there on.
    pub(super) times: usize,
    /// How they fail: an errno.
    pub(super) errno: i32,
}

impl Recorder {
    pub(super) fn new(root: &Path, syncs: Syncs) -> Recorder {
        Recorder { root: root.to_owned(), syncs, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// From now on everything is taken down.
    pub(super) fn run(&self) {
        self.state().running = true;
    }

    /// What was taken down so far.
    pub(super) fn log(&self) -> Vec<Event> {
        self.state().log.clone()
    }

    /// From now on this goes wrong; nothing, if none.
    pub(super) fn fail(&self, fault: Option<Fault>) {
        let mut state = self.state();
        (state.fault, state.calls) = (fault, 0);
        if fault.is_some() {
            state.hit = None;
        }
    }

    /// The first call that was made to fail.
    pub(super) fn hit(&self) -> Option<Hit> {
        self.state().hit.clone()
    }

    /// From now on no more than so many bytes are written at once.
    pub(super) fn write_shortly(&self, most: Option<usize>) {
        self.state().short = most;
    }

    /// A request begins.
    pub(super) fn begins(&self, intent: Intent) -> usize {
        let mut state = self.state();
        let number = state.log.len();
        state.log.push(Event::Begins(number, Box::new(intent)));
        number
    }

    /// A request has been answered.
    pub(super) fn ends(&self, number: usize, acknowledged: bool) {
        self.state().log.push(Event::Ends(number, acknowledged));
    }

    fn below(&self, path: &Path) -> PathBuf {
        path.strip_prefix(&self.root).unwrap().to_owned()
    }

    fn sync(&self, what: Sync, failing: io::Result<()>) -> io::Result<()> {
        let number = {
            let mut state = self.state();
            let number = state.log.len();
            state.log.push(Event::SyncBegins(number, what));
            number
        };
        // Others have their chance to do what this sync does not cover.
        std::thread::yield_now();
        self.state().log.push(Event::SyncEnds(number, failing.is_ok()));
        failing
    }
}

impl State {
    fn failing(&mut self, call: Call<'_>) -> io::Result<()> {
        let number = self.calls;
        self.calls += 1;
        match self.fault {
            Some(Fault { from, times, errno }) if number >= from && number - from < times => {
                let is_sync = matches!(call, Call::SyncFile(_) | Call::SyncDirectory(_) | Call::SyncAll);
                self.hit.get_or_insert_with(|| Hit { is_sync, call: format!("{call:?}").chars().take(200).collect() });
                Err(io::Error::from_raw_os_error(errno))
            }
            _ => Ok(()),
        }
    }
}

impl Watch for Recorder {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let mut state = self.state();
        if !state.running {
            return Ok(());
        }
        let failing = state.failing(call);
        if failing.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            return failing;
        }
        let sync = match call {
            Call::SyncFile(path) => Some(Sync::File(self.below(path))),
            Call::SyncDirectory(path) => Some(Sync::Directory(self.below(path))),
            Call::SyncAll => Some(Sync::All),
            _ => None,
        };
        if let Some(sync) = sync {
            drop(state);
            return self.sync(sync, failing);
        }
        failing?;
        let event = match call {
            Call::MakeDirectory(path) => Event::MakeDirectory(self.below(path)),
            Call::Create(path) => Event::Create(self.below(path)),
            Call::Append(path, slices) => {
                let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
                Event::Append(self.below(path), Bytes::from(bytes))
            }
            Call::Truncate(path, length) => Event::Truncate(self.below(path), length),
            Call::Rename(from, to) => Event::Rename(self.below(from), self.below(to)),
            Call::Remove(path) => Event::Remove(self.below(path)),
            Call::RemoveDirectory(path) => Event::RemoveDirectory(self.below(path)),
            _ => return Ok(()),
        };
        state.log.push(event);
        Ok(())
    }

    fn writes(&self, length: usize) -> usize {
        self.state().short.map_or(length, |most| most.min(length))
    }

    fn waits_to_be_written(&self) -> Option<u64> {
        Some(match self.syncs {
            Syncs::Each => u64::MAX,
            Syncs::AtOnce => 0,
        })
    }
}
