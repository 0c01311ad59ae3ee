//! Files that are whole or absent: a temporary file, sync, its final name, sync of the directory.
//!
//! Certificates and keys lie beside the store, not in it, so the store's own helper is not used.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::TlsError;

/// Who may read a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secrecy {
    /// Everybody (0644).
    Public,
    /// The server alone (0600).
    Secret,
}

impl Secrecy {
    fn mode(self) -> u32 {
        match self {
            Self::Public => 0o644,
            Self::Secret => 0o600,
        }
    }
}

/// Writes a file in place of any earlier one.
pub(super) fn put(path: &Path, content: &[u8], secrecy: Secrecy) -> Result<(), TlsError> {
    write(path, content, secrecy, |temporary| fs::rename(temporary, path))
}

/// Writes a file unless there is one: of several servers that start on one directory at once, one wins and the
/// others go on with what it wrote.
pub(super) fn create(path: &Path, content: &[u8], secrecy: Secrecy) -> Result<(), TlsError> {
    write(path, content, secrecy, |temporary| {
        let linked = fs::hard_link(temporary, path);
        fs::remove_file(temporary)?;
        match linked {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    })
}

fn write(
    path: &Path,
    content: &[u8],
    secrecy: Secrecy,
    finish: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), TlsError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let temporary = directory.join(format!(".{}.tmp", uuid::Uuid::new_v4().simple()));
    let attempt = || {
        fs::create_dir_all(directory)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(secrecy.mode()).open(&temporary)?;
        file.write_all(content)?;
        file.sync_all()?;
        finish(&temporary)?;
        File::open(directory)?.sync_all()
    };
    attempt().map_err(|source| {
        // The failure that matters is the first; the leftover is harmless.
        let _ = fs::remove_file(&temporary);
        TlsError::Write { path: path.to_owned(), source }
    })
}

/// A file's text; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, TlsError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(TlsError::Read { path: path.to_owned(), source }),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_readable_by_the_server_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("deep/secret.key");
        put(&path, b"one", Secrecy::Secret).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn put_replaces_and_create_does_not_and_neither_leaves_anything_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        create(&path, b"one", Secrecy::Public).unwrap();
        create(&path, b"two", Secrecy::Public).unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("one"));
        put(&path, b"three", Secrecy::Public).unwrap();
        assert_eq!(read(&path).unwrap().as_deref(), Some("three"));
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
