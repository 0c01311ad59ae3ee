//! Syncs that concurrent writers share: what waits for one is noted, and whoever waits joins the next round.
//!
//! Knows nothing of files. `tests/models` runs this very file under a model checker, which is why it takes its locks from
//! `super::locks`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, OnceLock};

use super::locks::{Condvar, Mutex, MutexGuard};

/// What is not synced yet, and the round of those who wait for it.
///
/// A name is noted from before it is changed, so that whoever finds the change finds the note, until a sync that began
/// behind the change has worked. One that began while the change was being made may not cover it and takes no note away.
#[derive(Debug)]
pub(super) struct Shared<N> {
    state: Mutex<State<N>>,
    turned: Condvar,
}

#[derive(Debug)]
struct State<N> {
    notes: BTreeMap<N, Note>,
    /// Counts notes, to tell those before the start of a round from those behind it.
    clock: u64,
    /// What the next round syncs.
    gathering: BTreeSet<N>,
    next: Arc<Round<N>>,
    /// Whether a round is under way.
    leading: bool,
}

#[derive(Clone, Copy, Debug)]
struct Note {
    /// When it was last noted or changed.
    at: u64,
    kind: Kind,
    /// How many changes are being made.
    changing: usize,
    /// When it was lost, if it was.
    lost: Option<u64>,
}

/// What becomes of a name whose sync has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is lost until it is changed anew: the system may count as written what it failed to write, and the next sync
    /// would say that all is well.
    Data,
    /// The next sync tries again. A file system that could not write its own structures serves no more writes, so a later
    /// success covers what came before.
    Directory,
}

/// What a round could not sync, once it is over.
#[derive(Debug)]
struct Round<N>(OnceLock<Vec<(N, io::Error)>>);

/// How a round went.
#[derive(Debug)]
pub(super) enum Outcome<N> {
    /// Everything that was noted when it began is synced, whether asked for or not.
    Everything,
    /// What was asked for is synced, but for these.
    AllBut(Vec<(N, io::Error)>),
}

impl<N: Ord + Clone> Shared<N> {
    pub(super) fn new() -> Shared<N> {
        let state = State {
            notes: BTreeMap::new(),
            clock: 0,
            gathering: BTreeSet::new(),
            next: Arc::new(Round(OnceLock::new())),
            leading: false,
        };
        Shared { state: Mutex::new(state), turned: Condvar::new() }
    }

    /// Notes that something has to be synced which is there already. What is lost stays so.
    pub(super) fn note(&self, name: N, kind: Kind) {
        self.lock().note(name, kind);
    }

    /// Makes a change, which then has to be synced. What was lost before is there again, if the change is made.
    pub(super) fn change<T, E>(&self, name: N, kind: Kind, change: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        let begun = {
            let mut state = self.lock();
            let note = state.note(name.clone(), kind);
            note.changing += 1;
            note.at
        };
        let changed = catch_unwind(AssertUnwindSafe(change));
        let mut state = self.lock();
        let note = state.note(name, kind);
        note.changing -= 1;
        // A sync that failed meanwhile may have lost this very change.
        if matches!(changed, Ok(Ok(_))) && note.lost.is_some_and(|lost| lost < begun) {
            note.lost = None;
        }
        drop(state);
        changed.unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Puts something in the place of some names, or nothing, that needs no sync of them: of the names from this one on, as
    /// far as this holds for them. What waited for one before is gone, or lost no longer; what others change meanwhile still
    /// waits, whether they are done by the end or not: they may have begun behind the change.
    pub(super) fn replace<T, E>(
        &self,
        first: &N,
        replaced: impl Fn(&N) -> bool,
        change: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let began = self.lock().clock;
        let changed = change()?;
        let mut state = self.lock();
        let run = state.notes.range(first..).take_while(|(name, _)| replaced(name));
        let run = run.filter(|(_, note)| note.at <= began && note.changing == 0);
        for name in run.map(|(name, _)| name.clone()).collect::<Vec<N>>() {
            state.notes.remove(&name);
        }
        Ok(changed)
    }

    /// Forgets one that is gone and that nobody else knows by this name.
    pub(super) fn forget_one(&self, gone: &N) {
        let mut state = self.lock();
        if state.notes.get(gone).is_some_and(|note| note.changing == 0) {
            state.notes.remove(gone);
        }
    }

    /// Everything that is noted and not lost.
    pub(super) fn noted(&self) -> Vec<N> {
        self.lock().notes.iter().filter(|(_, note)| !note.is_lost()).map(|(name, _)| name.clone()).collect()
    }

    /// Whether a sync of this has failed and it was not changed anew.
    pub(super) fn is_lost(&self, name: &N) -> bool {
        self.lock().notes.get(name).is_some_and(Note::is_lost)
    }

    /// Waits until everything that is noted of these is synced. `run` syncs a round, which may be that of others as well;
    /// no two rounds run at once.
    pub(super) fn sync(
        &self,
        wanted: impl IntoIterator<Item = N>,
        run: impl Fn(&BTreeSet<N>) -> Outcome<N>,
    ) -> io::Result<()> {
        let mut state = self.lock();
        let mut mine = Vec::new();
        for name in wanted {
            match state.notes.get(&name) {
                None => {}
                Some(note) if note.is_lost() => return Err(lost()),
                Some(_) => mine.push(name),
            }
        }
        if mine.is_empty() {
            return Ok(());
        }
        state.gathering.extend(mine.iter().cloned());
        let round = Arc::clone(&state.next);
        loop {
            if let Some(failed) = round.0.get() {
                return verdict(&mine, failed);
            }
            state = if state.leading {
                self.turned.wait(state).unwrap_or_else(std::sync::PoisonError::into_inner)
            } else {
                // The round before is over, so the one that gathers is ours.
                self.lead(state, &run)
            };
        }
    }

    /// Runs the round that has gathered.
    fn lead<'a>(
        &'a self,
        mut state: MutexGuard<'a, State<N>>,
        run: impl Fn(&BTreeSet<N>) -> Outcome<N>,
    ) -> MutexGuard<'a, State<N>> {
        state.leading = true;
        // What got lost since it was asked for is not asked of the system, which may say that all is well.
        let gathered = std::mem::take(&mut state.gathering).into_iter();
        let (gone, names): (BTreeSet<N>, BTreeSet<N>) =
            gathered.partition(|name| state.notes.get(name).is_some_and(Note::is_lost));
        let round = std::mem::replace(&mut state.next, Arc::new(Round(OnceLock::new())));
        let began = state.clock;
        drop(state);
        let ran = catch_unwind(AssertUnwindSafe(|| run(&names)));
        let outcome = ran.unwrap_or_else(|_| {
            let panicked = || io::Error::other("a sync panicked");
            Outcome::AllBut(names.iter().map(|name| (name.clone(), panicked())).collect())
        });
        let mut state = self.lock();
        let mut failed = state.conclude(&names, began, outcome);
        failed.extend(gone.into_iter().map(|name| (name, lost())));
        let _ = round.0.set(failed);
        state.leading = false;
        self.turned.notify_all();
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<N>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl<N: Ord + Clone> State<N> {
    fn note(&mut self, name: N, kind: Kind) -> &mut Note {
        self.clock += 1;
        let note = self.notes.entry(name).or_insert(Note { at: 0, kind, changing: 0, lost: None });
        (note.at, note.kind) = (self.clock, kind);
        note
    }

    /// Takes down what a round has synced, and marks what it could not.
    fn conclude(&mut self, names: &BTreeSet<N>, began: u64, outcome: Outcome<N>) -> Vec<(N, io::Error)> {
        let failed = match outcome {
            Outcome::Everything => {
                self.notes.retain(|_, note| !note.is_covered(began));
                return Vec::new();
            }
            Outcome::AllBut(failed) => failed,
        };
        for (name, _) in &failed {
            // Also what was changed since the round began: it may have had the change already.
            if let Some(note) = self.notes.get_mut(name).filter(|note| note.kind == Kind::Data) {
                note.lost = Some(self.clock);
            }
        }
        for name in names {
            let covered = self.notes.get(name).is_some_and(|note| note.is_covered(began));
            if covered && !failed.iter().any(|(failed, _)| failed == name) {
                self.notes.remove(name);
            }
        }
        failed
    }
}

impl Note {
    fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// Whether a sync that began then, and worked, is all that this needs.
    fn is_covered(&self, began: u64) -> bool {
        self.at <= began && self.changing == 0 && !self.is_lost()
    }
}

fn verdict<N: PartialEq>(mine: &[N], failed: &[(N, io::Error)]) -> io::Result<()> {
    match failed.iter().find(|(name, _)| mine.contains(name)) {
        None => Ok(()),
        // Each who waited is told; an error of the system can be told again by its number.
        Some((_, error)) => Err(match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => io::Error::new(error.kind(), error.to_string()),
        }),
    }
}

fn lost() -> io::Error {
    io::Error::other("it could not be synced before, and has to be written anew")
}
