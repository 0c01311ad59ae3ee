//! An htpasswd file as the command line changes it. Two changes at once lose nothing, and whoever reads meanwhile sees the
//! file as it was or as it is.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};

use super::error::HtpasswdError;
use super::lines::{self, ListedUser, Users};
use crate::auth::UserName;
use crate::auth::random_text::random_text;
use crate::auth::watched::Stamp;
use crate::auth::whole_file::{self, Owner, directory_of};

/// The longest file that is read, in bytes: some 200,000 users.
const LONGEST: u64 = 16 * 1024 * 1024;
/// How long somebody else's change is waited for, and how often it is looked whether it is over.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(20);
/// As many bytes of a password as bcrypt takes.
const LONGEST_PASSWORD: usize = 72;
/// A password that is made has this many letters and digits, which are 142 bits.
const MADE_PASSWORD: usize = 24;

/// The cost of a hash if nobody says otherwise: what registry:2 takes.
pub const DEFAULT_COST: u32 = 10;

/// An htpasswd file that may be changed.
#[derive(Clone, Debug)]
pub struct HtpasswdFile {
    path: PathBuf,
    volume: Option<PathBuf>,
}

/// A random password. It means nothing to a shell.
pub fn random_password() -> Result<SecretString, HtpasswdError> {
    let text = random_text(MADE_PASSWORD).map_err(|error| HtpasswdError::Making(error.into()))?;
    Ok(text.into())
}

/// Reads a file whole. The stamp is of the file as it was before the first byte was read.
pub(super) fn read(path: &Path) -> Result<(Stamp, Vec<u8>), HtpasswdError> {
    let unreadable = |source| HtpasswdError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let stamp = Stamp::of(&file.metadata().map_err(unreadable)?);
    let mut content = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut content).map_err(unreadable)?;
    is_bounded(path, &content)?;
    Ok((stamp, content))
}

fn is_bounded(path: &Path, content: &[u8]) -> Result<(), HtpasswdError> {
    match u64::try_from(content.len()) {
        Ok(length) if length <= LONGEST => Ok(()),
        Ok(_) | Err(_) => Err(HtpasswdError::TooLong { path: path.to_owned(), most: LONGEST }),
    }
}

/// What the content of a file says.
pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Users, HtpasswdError> {
    Users::parse(content).map_err(|error| HtpasswdError::NoColon { path: path.to_owned(), line: error.line })
}

impl HtpasswdFile {
    /// The file at a path. It need not be there.
    pub fn at(path: impl Into<PathBuf>) -> HtpasswdFile {
        HtpasswdFile { path: path.into(), volume: None }
    }

    /// For a server whose volume is this directory: if root makes the file, it belongs to the owner of the volume, since
    /// that is who the server runs as.
    #[must_use]
    pub fn for_volume(self, volume: impl Into<PathBuf>) -> HtpasswdFile {
        HtpasswdFile { volume: Some(volume.into()), ..self }
    }

    /// Its users, in order.
    pub fn users(&self) -> Result<Vec<ListedUser>, HtpasswdError> {
        let (_, content) = read(&self.path)?;
        Ok(parse(&self.path, &content)?.list())
    }

    /// Whether it has a line for a user. A file that is not there has none.
    pub fn holds(&self, user: &UserName) -> Result<bool, HtpasswdError> {
        Ok(self.content()?.is_some_and(|content| lines::holds(&content, user)))
    }

    /// Adds a user, and makes the file if it is not there. The cost is the logarithm of the rounds.
    pub fn add(&self, user: &UserName, password: &SecretString, cost: u32) -> Result<(), HtpasswdError> {
        let hash = hash(user, password, cost)?;
        whole_file::make_directory(directory_of(&self.path), 0o700).map_err(|source| self.unwritable(source))?;
        self.change(|content| {
            let content = content.unwrap_or_default();
            if lines::holds(content, user) {
                return Err(HtpasswdError::Exists(user.clone()));
            }
            Ok(lines::with_user(content, user, &hash))
        })
    }

    /// Gives a user another password.
    pub fn replace(&self, user: &UserName, password: &SecretString, cost: u32) -> Result<(), HtpasswdError> {
        let hash = hash(user, password, cost)?;
        self.change(|content| {
            let content = present(content, user)?;
            Ok(lines::with_user(content, user, &hash))
        })
    }

    /// Removes a user.
    pub fn remove(&self, user: &UserName) -> Result<(), HtpasswdError> {
        self.change(|content| {
            let content = present(content, user)?;
            Ok(lines::without_user(content, user))
        })
    }

    /// Makes the file with one user unless it is there, and says whether it made it.
    pub(super) fn make(&self, user: &UserName, password: &SecretString) -> Result<bool, HtpasswdError> {
        let hash = hash(user, password, DEFAULT_COST)?;
        whole_file::make_directory(directory_of(&self.path), 0o700).map_err(|source| self.unwritable(source))?;
        let mut made = false;
        self.change(|content| {
            made = content.is_none();
            Ok(content.map_or_else(|| lines::with_user(b"", user, &hash), <[u8]>::to_vec))
        })?;
        Ok(made)
    }

    fn unwritable(&self, source: io::Error) -> HtpasswdError {
        HtpasswdError::Unwritable { path: self.path.clone(), source }
    }

    fn content(&self) -> Result<Option<Vec<u8>>, HtpasswdError> {
        match read(&self.path) {
            Ok((_, content)) => Ok(Some(content)),
            Err(HtpasswdError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads, changes and writes while nobody else does.
    fn change(
        &self,
        change: impl FnOnce(Option<&[u8]>) -> Result<Vec<u8>, HtpasswdError>,
    ) -> Result<(), HtpasswdError> {
        // The lock is the directory's, since the file itself is another after each change.
        let _lock = self.lock()?;
        let before = self.content()?;
        let after = change(before.as_deref())?;
        is_bounded(&self.path, &after)?;
        if before.as_ref() == Some(&after) {
            return Ok(());
        }
        self.write(&after).map_err(|source| self.unwritable(source))
    }

    fn lock(&self) -> Result<Option<File>, HtpasswdError> {
        let directory = match File::open(directory_of(&self.path)) {
            Ok(directory) => directory,
            // Whoever may not list the directory may still be able to write the file.
            Err(_) => return Ok(None),
        };
        let mut waited = Duration::ZERO;
        loop {
            match directory.try_lock() {
                Ok(()) => return Ok(Some(directory)),
                // Some file systems have no locks. What then keeps two changes apart is that people make them.
                Err(TryLockError::Error(_)) => return Ok(None),
                Err(TryLockError::WouldBlock) if waited >= PATIENCE => {
                    return Err(HtpasswdError::Locked { path: self.path.clone(), seconds: PATIENCE.as_secs() });
                }
                Err(TryLockError::WouldBlock) => {
                    std::thread::sleep(LOOK);
                    waited += LOOK;
                }
            }
        }
    }

    /// Puts a new file in the place of the old one, with its mode and owner. Where that cannot be, as with a file that is
    /// mounted by itself, the old one gets the new content.
    fn write(&self, content: &[u8]) -> io::Result<()> {
        // Behind a symbolic link is the file that is meant.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let Ok(old) = fs::metadata(&path) else {
            let model = self.volume.as_deref().unwrap_or(directory_of(&path));
            return whole_file::put(&path, content, 0o600, Owner::of(model));
        };
        let ourselves = rustix::process::geteuid();
        if !ourselves.is_root() && ourselves.as_raw() != old.uid() {
            return overwrite(&path, content);
        }
        match whole_file::put(&path, content, old.mode() & 0o777, Owner::of(&path)) {
            Err(error) if is_fixed(&error) => overwrite(&path, content),
            written => written,
        }
    }
}

/// Whether a file stays, because it is mounted or because its directory may not be changed.
fn is_fixed(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ResourceBusy
            | ErrorKind::PermissionDenied
            | ErrorKind::ReadOnlyFilesystem
            | ErrorKind::CrossesDevices
    )
}

fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

fn present<'a>(content: Option<&'a [u8]>, user: &UserName) -> Result<&'a [u8], HtpasswdError> {
    content.filter(|content| lines::holds(content, user)).ok_or_else(|| HtpasswdError::Absent(user.clone()))
}

fn hash(user: &UserName, password: &SecretString, cost: u32) -> Result<String, HtpasswdError> {
    if !lines::can_be_written(user) {
        return Err(HtpasswdError::Name(user.clone()));
    }
    let password = password.expose_secret().as_bytes();
    if password.is_empty() || password.len() > LONGEST_PASSWORD || password.contains(&0) {
        return Err(HtpasswdError::Password);
    }
    let parts = bcrypt::hash_with_result(password, cost).map_err(HtpasswdError::Making)?;
    // Spelled as `htpasswd -B` does, which everything reads.
    Ok(parts.format_for_version(bcrypt::Version::TwoY))
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
