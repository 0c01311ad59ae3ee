//! Files that are seen whole or not at all and survive a power cut, and the directories that they are in.
//!
//! Who is root makes them for somebody else more often than not: `docker exec` is root, and the server need not be. So
//! what root makes gets the owner of something that is there already.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Gid, Uid};

use super::random_text::random_text;

/// Whom root gives a file or directory to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    user: Uid,
    group: Gid,
}

impl Owner {
    /// The owner of what is at a path, if we may give away what we make.
    pub(super) fn of(path: &Path) -> Option<Owner> {
        let metadata = fs::metadata(path).ok()?;
        rustix::process::geteuid()
            .is_root()
            .then(|| Owner { user: Uid::from_raw(metadata.uid()), group: Gid::from_raw(metadata.gid()) })
    }

    /// Where root is not allowed to, as on many network shares, what was made stays as it is.
    fn give(owner: Option<Owner>, made: &File) {
        if let Some(Owner { user, group }) = owner {
            let _ = rustix::fs::fchown(made, Some(user), Some(group));
        }
    }
}

/// The directory that a file is in.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a directory with this mode if it is not there, and those above it; root gives each to the owner of the one above.
pub(super) fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|metadata| metadata.is_dir()) {
        return Ok(());
    }
    let above = directory_of(path);
    if above != path {
        make_directory(above, 0o755)?;
    }
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {
            Owner::give(Owner::of(above), &File::open(path)?);
            sync_directory(above)
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Puts a file in the place of whatever is at a path.
pub(super) fn put(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let directory = directory_of(path);
    let name = random_text(16).map_err(io::Error::other)?;
    // Begins with a dot, which no name that is looked for does.
    let temporary = directory.join(format!(".{name}.new"));
    let put = write_new(&temporary, content, mode, owner).and_then(|()| fs::rename(&temporary, path));
    if put.is_err() {
        // What remains of it is in nobody's way.
        let _ = fs::remove_file(&temporary);
    }
    put.and_then(|()| sync_directory(directory))
}

/// Makes a file that is not there yet, and its directory, for this program alone.
pub(super) fn keep(path: &Path, content: &[u8]) -> io::Result<()> {
    let directory = directory_of(path);
    make_directory(directory, 0o700)?;
    create(path, content, 0o600, Owner::of(directory))
}

/// Makes a file that is not there yet; of two who make it at once the second is told that it is there.
pub(super) fn create(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let directory = directory_of(path);
    let temporary = directory.join(format!(".{}.new", random_text(16).map_err(io::Error::other)?));
    // A link, unlike a rename, never takes the place of what is there.
    let made = write_new(&temporary, content, mode, owner).and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    made.and(removed).and_then(|()| sync_directory(directory))
}

fn write_new(path: &Path, content: &[u8], mode: u32, owner: Option<Owner>) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    Owner::give(owner, &file);
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Makes what was made, moved or removed in a directory survive a power cut.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    match File::open(path)?.sync_all() {
        // Some file systems have nothing to sync of a directory.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_another_and_leaves_nothing_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/file");
        make_directory(directory_of(&path), 0o700).unwrap();
        put(&path, b"first", 0o600, None).unwrap();
        put(&path, b"second", 0o640, None).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"second");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::metadata(directory_of(&path)).unwrap().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(directory_of(&path)).unwrap().count(), 1);
    }

    #[test]
    fn what_root_makes_belongs_to_the_owner_of_what_is_above() {
        if !rustix::process::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::chown(directory.path(), Some(4321), Some(1234)).unwrap();
        let path = directory.path().join("a/b/file");
        make_directory(directory_of(&path), 0o700).unwrap();
        put(&path, b"", 0o600, Owner::of(directory_of(&path))).unwrap();
        for made in ["a", "a/b", "a/b/file"] {
            let metadata = fs::metadata(directory.path().join(made)).unwrap();
            assert_eq!((metadata.uid(), metadata.gid()), (4321, 1234), "{made}");
        }
    }
}
