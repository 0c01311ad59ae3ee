//! What was pulled since it was last written down, in memory.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::oci::{Reference, RepositoryName};

use super::Pulled;

/// Repositories are spread over so many parts, so that pulls rarely meet.
const PARTS: usize = 16;
/// With so many entries it is time to write them down.
const MANY: usize = 32 * 1024;
/// More are not held, about 16 MB at the worst: a disk that refuses to write must not fill the memory.
const MOST: usize = 2 * MANY;

/// What was pulled of a repository.
pub(super) type Counts = HashMap<Reference, Pulled>;

/// What was pulled since it was last written down.
#[derive(Debug)]
pub(super) struct Table {
    hash: RandomState,
    parts: [Mutex<Part>; PARTS],
    entries: AtomicUsize,
}

#[derive(Debug, Default)]
struct Part {
    repositories: HashMap<RepositoryName, Counts>,
    /// When a pull was last not counted, because there was no room.
    lost: Option<SystemTime>,
}

impl Table {
    pub(super) fn new() -> Table {
        Table { hash: RandomState::new(), parts: Default::default(), entries: AtomicUsize::new(0) }
    }

    fn part(&self, repository: &RepositoryName) -> MutexGuard<'_, Part> {
        let part = usize::try_from(self.hash.hash_one(repository) % PARTS as u64).unwrap_or_default();
        self.parts[part].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a pull. Says whether there are so many now that they should be written down.
    ///
    /// One short lock, three hashes, and nothing is allocated for what was pulled lately: about a quarter of a microsecond.
    pub(super) fn count(&self, repository: &RepositoryName, reference: &Reference, now: SystemTime) -> bool {
        let pull = Pulled { last: now, pulls: 1 };
        let mut part = self.part(repository);
        if let Some(pulled) = part.repositories.get_mut(repository).and_then(|counts| counts.get_mut(reference)) {
            pulled.add(pull);
            return false;
        }
        let before = self.entries.load(Ordering::Relaxed);
        if before >= MOST {
            part.lost = Some(now);
            return false;
        }
        part.repositories.entry(repository.clone()).or_default().insert(reference.clone(), pull);
        self.entries.fetch_add(1, Ordering::Relaxed) + 1 == MANY
    }

    /// The repositories of which anything was pulled.
    pub(super) fn repositories(&self) -> Vec<RepositoryName> {
        let locked = self.parts.iter().map(|part| part.lock().unwrap_or_else(PoisonError::into_inner));
        locked.flat_map(|part| part.repositories.keys().cloned().collect::<Vec<_>>()).collect()
    }

    /// What was pulled of a repository, which is counted anew from here on.
    pub(super) fn take(&self, repository: &RepositoryName) -> Counts {
        let taken = self.part(repository).repositories.remove(repository).unwrap_or_default();
        self.entries.fetch_sub(taken.len(), Ordering::Relaxed);
        taken
    }

    /// Puts back what could not be written down.
    pub(super) fn put_back(&self, repository: &RepositoryName, taken: Counts) {
        if taken.is_empty() {
            return;
        }
        let mut part = self.part(repository);
        let counts = part.repositories.entry(repository.clone()).or_default();
        let before = counts.len();
        for (reference, pulled) in taken {
            add(counts, reference, pulled);
        }
        self.entries.fetch_add(counts.len() - before, Ordering::Relaxed);
    }

    /// What was pulled of a repository.
    pub(super) fn of(&self, repository: &RepositoryName) -> Counts {
        self.part(repository).repositories.get(repository).cloned().unwrap_or_default()
    }

    /// What was pulled of one thing in it.
    pub(super) fn pulled(&self, repository: &RepositoryName, reference: &Reference) -> Option<Pulled> {
        self.part(repository).repositories.get(repository)?.get(reference).copied()
    }

    /// When a pull of this repository may last not have been counted.
    pub(super) fn lost(&self, repository: &RepositoryName) -> Option<SystemTime> {
        self.part(repository).lost
    }
}

/// Adds pulls to others of the same thing.
pub(super) fn add(counts: &mut Counts, reference: Reference, pulled: Pulled) {
    counts.entry(reference).and_modify(|before| before.add(pulled)).or_insert(pulled);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::registry::samples::{name, tag};

    fn second(number: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(number)
    }

    #[test]
    fn what_is_taken_is_counted_anew_and_what_is_put_back_is_added() {
        let (table, app, latest) = (Table::new(), name("team/app"), Reference::Tag(tag("latest")));
        for number in [3, 5, 4] {
            table.count(&app, &latest, second(number));
        }
        assert_eq!(table.pulled(&app, &latest), Some(Pulled { last: second(5), pulls: 3 }));
        let taken = table.take(&app);
        assert_eq!((table.repositories(), table.of(&app)), (vec![], Counts::new()));
        table.count(&app, &latest, second(9));
        table.put_back(&app, taken);
        assert_eq!(table.take(&app), Counts::from([(latest, Pulled { last: second(9), pulls: 4 })]));
        assert_eq!(table.entries.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn it_calls_once_when_there_are_many_and_is_bounded() {
        let (table, app) = (Table::new(), name("team/app"));
        let calls: Vec<usize> = (0..MOST + 10)
            .filter(|number| table.count(&app, &Reference::Tag(tag(&format!("t{number}"))), second(1)))
            .collect();
        assert_eq!(calls, [MANY - 1]);
        assert_eq!((table.of(&app).len(), table.lost(&app)), (MOST, Some(second(1))));
        table.count(&app, &Reference::Tag(tag("t1")), second(2));
        assert_eq!(table.pulled(&app, &Reference::Tag(tag("t1"))).unwrap().pulls, 2, "what is known is still counted");
        table.take(&app);
        table.count(&app, &Reference::Tag(tag("new")), second(3));
        assert_eq!(table.of(&app).len(), 1);
    }
}
