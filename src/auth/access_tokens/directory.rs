//! The directory of access tokens: `NAME.json` for each, and `NAME.used` beside it, whose time is when it was last used.
//!
//! No name of a token begins with a dot and every file of one has an ending, so no two names share a file.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use secrecy::{ExposeSecret, SecretString};
use time::OffsetDateTime;

use super::secret;
use super::stored::{self, AccessToken, DamagedToken};
use crate::auth::whole_file::{self, Owner};
use crate::auth::{Grant, TokenName};

/// How many tokens there may be.
pub(super) const MOST: usize = 10_000;

/// Where tokens are kept.
#[derive(Clone, Debug)]
pub(super) struct Directory(pub(super) PathBuf);

/// Why a token cannot be made, listed or revoked.
#[derive(Debug, thiserror::Error)]
pub enum AccessTokenError {
    /// There is one of this name.
    #[error("there is an access token {0} already; revoke it first (wharf token revoke {0}), or take another name")]
    Exists(TokenName),
    /// There are very many.
    #[error("there are {MOST} access tokens already; revoke those that are not used")]
    TooMany,
    /// It may do so many things that they are not kept.
    #[error("what the access token may do is too long to be kept")]
    TooLong,
    /// The system gives no random numbers.
    #[error("an access token cannot be made")]
    Random(#[source] getrandom::Error),
    /// The disk does not do its part.
    #[error("{}: cannot {action}", path.display())]
    Disk {
        /// What was to be done.
        action: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// A file that should be an access token and is none.
#[derive(Debug)]
pub struct Damaged {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it.
    pub reason: DamagedToken,
}

/// Everything in the directory.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) tokens: Vec<AccessToken>,
    pub(super) damaged: Vec<Damaged>,
    /// Whether there is more than is read.
    pub(super) more: bool,
}

impl Directory {
    pub(super) fn token(&self, name: &TokenName) -> PathBuf {
        self.0.join(format!("{name}.json"))
    }

    fn last_use(&self, name: &TokenName) -> PathBuf {
        self.0.join(format!("{name}.used"))
    }

    /// The names of all that should be tokens.
    fn names(&self) -> io::Result<impl Iterator<Item = io::Result<TokenName>>> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => Some(entries),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let name = |entry: io::Result<fs::DirEntry>| match entry {
            Ok(entry) => entry.file_name().to_str()?.strip_suffix(".json")?.parse().ok().map(Ok),
            Err(error) => Some(Err(error)),
        };
        Ok(entries.into_iter().flatten().filter_map(name))
    }

    /// Reads every token. A directory that is not there has none.
    pub(super) fn read(&self) -> io::Result<Read> {
        let mut read = Read::default();
        for name in self.names()? {
            if read.tokens.len() + read.damaged.len() == MOST {
                read.more = true;
                break;
            }
            let name = name?;
            let path = self.token(&name);
            match stored::read(&path, &name) {
                Ok(token) => read.tokens.push(token),
                // Revoked just now.
                Err(DamagedToken::Unreadable(error)) if error.kind() == ErrorKind::NotFound => {}
                Err(reason) => read.damaged.push(Damaged { path, reason }),
            }
        }
        read.tokens.sort_by(|one, other| one.name.cmp(&other.name));
        read.damaged.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(read)
    }

    /// Makes a token. It is there when this returns, and stays there after a power cut.
    pub(super) fn create(
        &self,
        name: &TokenName,
        grants: &[Grant],
        expires: Option<OffsetDateTime>,
        now: OffsetDateTime,
    ) -> Result<SecretString, AccessTokenError> {
        let secret = secret::make().map_err(AccessTokenError::Random)?;
        let path = self.token(name);
        let failed = |action, path: &Path| {
            let path = path.to_owned();
            move |source| AccessTokenError::Disk { action, path, source }
        };
        let content = stored::write(name, &secret::sum(secret.expose_secret()), grants, now, expires);
        let content = content.map_err(failed("put down the access token", &path))?;
        if u64::try_from(content.len()).is_ok_and(|length| length > stored::LONGEST) {
            return Err(AccessTokenError::TooLong);
        }
        whole_file::make_directory(&self.0, 0o700).map_err(failed("make the directory", &self.0))?;
        if self.names().map_err(failed("list the directory", &self.0))?.count() >= MOST {
            return Err(AccessTokenError::TooMany);
        }
        // An empty file takes the name, which only one can do. Then the whole file takes its place, so that nobody reads
        // half of it. Whoever reads the empty one sees no token, and the directory changes once more behind them.
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                return Err(AccessTokenError::Exists(name.clone()));
            }
            Err(source) => return Err(failed("make the file", &path)(source)),
        }
        // Of an older token of this name.
        let _ = fs::remove_file(self.last_use(name));
        if let Err(source) = whole_file::put(&path, &content, 0o600, Owner::of(&self.0)) {
            let _ = fs::remove_file(&path);
            return Err(failed("write the file", &path)(source));
        }
        Ok(secret)
    }

    /// Ends a token, and says whether there was one.
    pub(super) fn revoke(&self, name: &TokenName) -> Result<bool, AccessTokenError> {
        let path = self.token(name);
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            Err(source) => return Err(AccessTokenError::Disk { action: "remove the file", path, source }),
        }
        // A request under way may bring it back. It means nothing without the token.
        let _ = fs::remove_file(self.last_use(name));
        let synced = whole_file::sync_directory(&self.0);
        let action = "sync the directory, so that the token ends now but may be back after a power cut";
        synced.map_err(|source| AccessTokenError::Disk { action, path: self.0.clone(), source })?;
        Ok(true)
    }

    /// Notes when a token was used.
    pub(super) fn note_use(&self, name: &TokenName, now: OffsetDateTime) -> io::Result<()> {
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.last_use(name))?;
        file.set_modified(SystemTime::from(now))
    }

    /// When a token was last used, to the minute.
    pub(super) fn used_at(&self, name: &TokenName) -> Option<OffsetDateTime> {
        let modified = fs::metadata(self.last_use(name)).ok()?.modified().ok()?;
        Some(modified.into())
    }
}
