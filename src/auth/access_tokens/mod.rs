//! Access tokens: credentials for machines, each with a name and rights of its own, and revoked by itself.
//!
//! A directory holds a file for each token. The command line makes and removes files there, and a server reads them again
//! when the directory changes. What makes a token end is that its file is gone: a server looks for the file whenever the
//! token is used, so a revocation holds at once, whoever made it.

mod directory;
mod secret;
mod stored;

use std::collections::{HashMap, HashSet};
use std::error::Error;
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use arc_swap::ArcSwap;
use secrecy::SecretString;
use time::{Duration, OffsetDateTime};
use tracing::{error, warn};

use super::watched::{Stamp, Watched};
use super::{Fingerprint, Grant, TokenName};
use directory::Directory;
use secret::Sum;

pub use directory::{AccessTokenError, Damaged};
pub use stored::{AccessToken, DamagedToken};

/// How often it is noted that a token is used.
const NOTED_EVERY: Duration = Duration::MINUTE;

/// The access tokens of a directory.
#[derive(Debug)]
pub struct AccessTokens {
    directory: Directory,
    index: ArcSwap<Index>,
    seen: Mutex<Seen>,
    /// When it was last noted that a token is used. It has no more entries than there have been tokens.
    noted: Mutex<HashMap<TokenName, OffsetDateTime>>,
}

/// The tokens as they were last read.
///
/// A token is found by its SHA-256. How long that takes may say something of the sum that was looked for, and that leads
/// to no token: whoever could make a sum that begins as they like still would not know what it is the sum of.
#[derive(Debug, Default)]
struct Index {
    by_sum: HashMap<Sum, Arc<AccessToken>>,
    by_name: HashMap<TokenName, Arc<AccessToken>>,
}

/// What is known of the directory.
#[derive(Debug, Default)]
struct Seen {
    watched: Watched,
    /// What has been said to be wrong.
    troubles: HashSet<String>,
}

/// An access token and when it was last used.
#[derive(Debug)]
pub struct ListedToken {
    /// The token.
    pub token: AccessToken,
    /// When it was last used, to the minute, if it was.
    pub last_used: Option<OffsetDateTime>,
}

/// All access tokens, by name.
#[derive(Debug)]
pub struct TokenList {
    /// Those that are well.
    pub tokens: Vec<ListedToken>,
    /// Files that should be tokens and are none.
    pub damaged: Vec<Damaged>,
    /// Whether there is more than is read.
    pub more: bool,
}

impl AccessTokens {
    /// Those of a directory, which need not be there. Nothing is read yet.
    pub fn open(directory: impl Into<PathBuf>) -> AccessTokens {
        AccessTokens {
            directory: Directory(directory.into()),
            index: ArcSwap::default(),
            seen: Mutex::default(),
            noted: Mutex::default(),
        }
    }

    /// Whether a text has the form of an access token, so that it is none of anything else.
    pub fn is_one(text: &str) -> bool {
        secret::is_one(text)
    }

    /// Makes a token. What it returns is known to nobody else. Who is root makes it for the owner of the directory.
    pub fn create(
        &self,
        name: &TokenName,
        grants: &[Grant],
        expires: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<SecretString, AccessTokenError> {
        self.directory.create(name, grants, expires, now)
    }

    /// All of them, as they are on the disk now.
    pub fn list(&self) -> Result<TokenList, AccessTokenError> {
        let read = self.directory.read().map_err(|source| AccessTokenError::Disk {
            action: "list the directory",
            path: self.directory.0.clone(),
            source,
        })?;
        let listed = |token: AccessToken| ListedToken { last_used: self.directory.used_at(&token.name), token };
        let tokens = read.tokens.into_iter().map(listed).collect();
        Ok(TokenList { tokens, damaged: read.damaged, more: read.more })
    }

    /// Ends a token, and says whether there was one. It also removes a file that is damaged.
    pub fn revoke(&self, name: &TokenName) -> Result<bool, AccessTokenError> {
        self.directory.revoke(name)
    }

    /// The token that is this text, if there is one and its time is not over. It may block, for one `stat` of the directory
    /// and one of the token's file if nothing has changed.
    pub fn find(&self, text: &str, now: OffsetDateTime) -> Option<Arc<AccessToken>> {
        if !secret::is_one(text) {
            return None;
        }
        let sum = secret::sum(text);
        self.look(Instant::now());
        self.standing(now, |index| index.by_sum.get(&sum).cloned())
    }

    /// The token with this name and fingerprint, if it still is there and its time is not over. It may block, for one
    /// `stat` if nothing has changed.
    pub fn current(
        &self,
        name: &TokenName,
        fingerprint: &Fingerprint,
        now: OffsetDateTime,
    ) -> Option<Arc<AccessToken>> {
        let known = |index: &Index| index.by_name.get(name).filter(|token| token.fingerprint == *fingerprint).cloned();
        if known(&self.index.load()).is_none() {
            self.look(Instant::now());
        }
        self.standing(now, known)
    }

    /// Notes that a token was used, once a minute. It may block, and a directory that cannot be written is no harm.
    pub fn used(&self, name: &TokenName, now: OffsetDateTime) {
        if !self.index.load().by_name.contains_key(name) {
            return;
        }
        {
            let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
            if noted.get(name).is_some_and(|last| (now - *last).abs() < NOTED_EVERY) {
                return;
            }
            noted.insert(name.clone(), now);
        }
        if let Err(error) = self.directory.note_use(name, now) {
            tracing::debug!(error = &error as &dyn Error, "cannot note that the access token {name} was used");
        }
    }

    /// A token of the index whose file is as it was when it was read. If the file has changed, all are read again.
    fn standing(
        &self,
        now: OffsetDateTime,
        known: impl Fn(&Index) -> Option<Arc<AccessToken>>,
    ) -> Option<Arc<AccessToken>> {
        let unchanged = |token: &AccessToken| {
            fs::metadata(self.directory.token(&token.name)).map(|metadata| Stamp::of(&metadata) == token.stamp)
        };
        let mut token = known(&self.index.load())?;
        // What the disk does not say, it does not say for the token: then nobody gets in.
        if !unchanged(&token).ok()? {
            self.seen.lock().unwrap_or_else(PoisonError::into_inner).watched.forget();
            self.look(Instant::now());
            token = known(&self.index.load())?;
            if !unchanged(&token).ok()? {
                return None;
            }
        }
        (!token.is_expired(now)).then_some(token)
    }

    /// Reads the directory again if it has changed.
    fn look(&self, now: Instant) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = match fs::metadata(&self.directory.0) {
            Ok(metadata) => Stamp::of(&metadata),
            Err(error) => {
                if error.kind() == ErrorKind::NotFound {
                    self.index.store(Arc::default());
                } else {
                    self.is_unreadable(&mut seen, &error);
                }
                return seen.watched.forget();
            }
        };
        if seen.watched.is_current(&stamp, now) {
            return;
        }
        match self.directory.read() {
            Ok(read) => {
                seen.watched.note(stamp, now);
                self.warn(&mut seen, &read);
                self.index.store(Arc::new(Index::of(read.tokens)));
            }
            Err(error) => {
                seen.watched.forget();
                self.is_unreadable(&mut seen, &error);
            }
        }
    }

    /// Says what is damaged, each once.
    fn warn(&self, seen: &mut Seen, read: &directory::Read) {
        let mut troubles = HashSet::new();
        for Damaged { path, reason } in &read.damaged {
            // Most likely its token is being made.
            if matches!(reason, DamagedToken::Empty) {
                continue;
            }
            let cause = reason.source().map(|cause| format!(": {cause}")).unwrap_or_default();
            let trouble = format!("{}: this is no access token and is passed over: {reason}{cause}", path.display());
            if !seen.troubles.contains(&trouble) {
                warn!("{trouble}");
            }
            troubles.insert(trouble);
        }
        if read.more {
            let most = directory::MOST;
            let trouble =
                format!("{}: of more than {most} access tokens some are passed over", self.directory.0.display());
            if !seen.troubles.contains(&trouble) {
                warn!("{trouble}");
            }
            troubles.insert(trouble);
        }
        seen.troubles = troubles;
    }

    fn is_unreadable(&self, seen: &mut Seen, cause: &std::io::Error) {
        let trouble = format!("{}: the access tokens cannot be read: {cause}", self.directory.0.display());
        if seen.troubles.insert(trouble.clone()) {
            error!("{trouble}");
        }
    }
}

impl Index {
    fn of(tokens: Vec<AccessToken>) -> Index {
        let tokens = tokens.into_iter().map(Arc::new);
        let mut index = Index::default();
        for token in tokens {
            index.by_sum.insert(token.sum, Arc::clone(&token));
            index.by_name.insert(token.name.clone(), token);
        }
        index
    }
}

#[cfg(test)]
mod tests;
