//! Users in an htpasswd file, as registry:2 has them: lines `NAME:HASH`, of which bcrypt hashes verify.
//!
//! The file may change at any time, by hand or by `wharf user`. It is read again when it has; while it is broken or gone,
//! the users it had stay. What is made for a password carries the [`Fingerprint`] of the hash, and so ends with it.

mod check;
mod error;
mod file;
mod lines;

use std::fs;
use std::io::ErrorKind;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Semaphore;
use tracing::{error, info, warn};

use super::watched::{Stamp, Watched};
use super::{Fingerprint, UserName};
use lines::Users;

pub use error::HtpasswdError;
pub use file::{DEFAULT_COST, HtpasswdFile, random_password};
pub use lines::{ListedUser, Unusable};

/// How many checks may wait for their turn.
const WAITING: usize = 64;
/// The user of a file that did not exist, as registry:2 calls them.
const FIRST_USER: &str = "docker";

/// The users of a file. A clone is the same.
#[derive(Clone)]
pub struct Htpasswd(Arc<Followed>);

struct Followed {
    path: PathBuf,
    users: ArcSwap<Users>,
    seen: Mutex<Seen>,
    /// Where anybody waits.
    anybody: Queue,
    /// Where those wait whose password was right lately, so that no crowd of guesses keeps them out.
    regulars: Queue,
}

/// Checks that are made, a few at once, and those that wait for it.
struct Queue {
    /// Who holds one is checking a password.
    turns: Arc<Semaphore>,
    /// Who holds one is checking or waiting for a turn.
    places: Arc<Semaphore>,
}

impl Queue {
    fn new(turns: usize) -> Queue {
        Queue { turns: Arc::new(Semaphore::new(turns)), places: Arc::new(Semaphore::new(turns + WAITING)) }
    }
}

/// What is known of the file.
struct Seen {
    watched: Watched,
    content: Fingerprint,
    /// What was last said to be wrong with it.
    trouble: Option<String>,
}

/// A file that was taken into use.
#[derive(Debug)]
pub struct Opened {
    /// Its users.
    pub htpasswd: Htpasswd,
    /// The user that it was made with, if it was not there. Nothing else knows the password.
    pub first: Option<FirstUser>,
}

/// The user of a file that was made.
#[derive(Debug)]
pub struct FirstUser {
    /// The name.
    pub name: UserName,
    /// The password, which belongs on standard output once and never in a log.
    pub password: SecretString,
}

/// So many passwords are being checked already that this one was not. It is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many passwords are being checked; try again in a moment")]
pub struct Busy;

impl Htpasswd {
    /// Takes a file into use. If it is not there, it is made with a first user, as registry:2 does. It may block.
    pub fn open(path: &Path) -> Result<Opened, HtpasswdError> {
        let processors = std::thread::available_parallelism().map_or(1, NonZero::get);
        Htpasswd::open_with(path, (processors / 2).max(1))
    }

    fn open_with(path: &Path, turns: usize) -> Result<Opened, HtpasswdError> {
        let first = if is_missing(path) { make(path)? } else { None };
        let began = Instant::now();
        let (stamp, content) = file::read(path)?;
        let users = file::parse(path, &content)?;
        announce(path, &users);
        let mut watched = Watched::default();
        watched.note(stamp, began);
        let followed = Followed {
            path: path.to_owned(),
            users: ArcSwap::from_pointee(users),
            seen: Mutex::new(Seen { watched, content: Fingerprint::of(&content), trouble: None }),
            anybody: Queue::new(turns),
            regulars: Queue::new(turns),
        };
        Ok(Opened { htpasswd: Htpasswd(Arc::new(followed)), first })
    }

    /// Reads the file again if it has changed, and says so in the log. Costs one `stat` if it has not. It may block.
    pub fn look(&self) {
        self.0.look(Instant::now());
    }

    /// Looks at the file and checks a password. Answers with the fingerprint of the hash if it is right.
    ///
    /// Only some checks are made at once, and some wait; those of `regulars`, whose password was right lately, apart from
    /// the rest. A check that has begun ends even if nobody waits for it any more, and only then makes room for another.
    pub async fn verify(
        &self,
        user: &str,
        password: &SecretString,
        regular: bool,
    ) -> Result<Option<Fingerprint>, Busy> {
        let queue = if regular { &self.0.regulars } else { &self.0.anybody };
        let place = Arc::clone(&queue.places).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&queue.turns).acquire_owned().await.map_err(|_| Busy)?;
        let (followed, user, password) = (Arc::clone(&self.0), user.to_owned(), password.clone());
        let checking = tokio::task::spawn_blocking(move || {
            let _held = (place, turn);
            followed.look(Instant::now());
            followed.users.load().check(&user, password.expose_secret().as_bytes()).fingerprint
        });
        // It fails only when the server ends, and then nobody is let in any more.
        checking.await.map_err(|_| Busy)
    }

    /// The fingerprint of a user's hash in the file as it was last read: never waits, and asks no disk. None for who cannot
    /// log in.
    pub fn fingerprint(&self, user: &str) -> Option<Fingerprint> {
        match self.0.users.load().password(user) {
            Some(lines::Password::Bcrypt { fingerprint, .. }) => Some(*fingerprint),
            Some(lines::Password::Unusable(_)) | None => None,
        }
    }

    /// Whether the file as it was last read has a line for a user, whether or not they can log in.
    pub fn holds(&self, user: &str) -> bool {
        self.0.users.load().password(user).is_some()
    }

    /// The users of the file as it was last read, in order.
    pub fn users(&self) -> Vec<ListedUser> {
        self.0.users.load().list()
    }
}

impl std::fmt::Debug for Htpasswd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Htpasswd").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl Followed {
    fn look(&self, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let unreadable = |source| HtpasswdError::Unreadable { path: self.path.clone(), source };
        let stamp = match fs::metadata(&self.path).map_err(unreadable) {
            Ok(metadata) => Stamp::of(&metadata),
            Err(error) => return seen.trouble(&error),
        };
        if seen.watched.is_current(&stamp, now) {
            return;
        }
        let (stamp, content) = match file::read(&self.path) {
            Ok(read) => read,
            Err(error) => {
                match error {
                    // The disk may be well again although the file has not changed.
                    HtpasswdError::Unreadable { .. } => seen.watched.forget(),
                    _ => seen.watched.note(stamp, now),
                }
                return seen.trouble(&error);
            }
        };
        seen.watched.note(stamp, now);
        let fingerprint = Fingerprint::of(&content);
        if fingerprint == seen.content && seen.trouble.is_none() {
            return;
        }
        match file::parse(&self.path, &content) {
            Ok(users) => {
                announce(&self.path, &users);
                self.users.store(Arc::new(users));
                seen.content = fingerprint;
                seen.trouble = None;
            }
            Err(error) => seen.trouble(&error),
        }
    }
}

impl Seen {
    /// Says in the log what is wrong, unless that was the last that was said.
    fn trouble(&mut self, error: &HtpasswdError) {
        let trouble = match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        if self.trouble.as_ref() != Some(&trouble) {
            error!("{trouble}; the users that it had stay until it is mended");
            self.trouble = Some(trouble);
        }
    }
}

/// Says in the log who can log in, and who cannot.
fn announce(path: &Path, users: &Users) {
    for notice in users.notices() {
        warn!("{}:{}: {notice}", path.display(), notice.line);
    }
    info!(users = users.count(), "read the users of {}", path.display());
}

fn is_missing(path: &Path) -> bool {
    fs::metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound)
}

/// Should two servers start at once, one makes the file and the other reads it.
fn make(path: &Path) -> Result<Option<FirstUser>, HtpasswdError> {
    let password = random_password()?;
    let Ok(name) = FIRST_USER.parse::<UserName>() else { return Ok(None) };
    let made = HtpasswdFile::at(path).make(&name, &password)?;
    Ok(made.then_some(FirstUser { name, password }))
}

#[cfg(test)]
mod tests;
