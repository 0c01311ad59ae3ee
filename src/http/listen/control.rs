//! The operator's socket: a Unix socket in the volume, for whoever may use the volume's own files and nobody else.
//!
//! Who comes to it is told apart by the socket alone, so no other listener can be taken for it.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket as RawSocket, Type};

use super::bind::BoundListener;
use super::error::{ListenError, Setting};
use super::peer::PeerAddress;
use super::socket::{Socket, SocketFile};
use super::unix;

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 64;
/// A path of more bytes than this does not fit into an address everywhere.
const LONGEST: usize = 100;

/// A path by which a socket can be bound or reached, however long its own is.
#[derive(Debug)]
pub struct SocketPath {
    short: PathBuf,
    /// What the short path goes through.
    _directory: Option<File>,
}

impl SocketPath {
    /// Of a socket in a directory that is there.
    ///
    /// # Errors
    ///
    /// When the directory of a socket with a long path cannot be opened.
    pub fn of(path: &Path) -> io::Result<SocketPath> {
        match (path.parent(), path.file_name()) {
            (Some(parent), Some(name)) if path.as_os_str().len() > LONGEST => {
                let directory = File::open(parent)?;
                let short = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
                Ok(SocketPath { short, _directory: Some(directory) })
            }
            _ => Ok(SocketPath { short: path.to_owned(), _directory: None }),
        }
    }

    /// The path to give to the system while this is held.
    pub fn as_path(&self) -> &Path {
        &self.short
    }
}

/// Binds the operator's socket, in the place of one that nobody answers on.
///
/// # Errors
///
/// When another server answers on it, or there cannot be a socket.
pub fn bind_control(path: &Path) -> Result<BoundListener, ListenError> {
    let failed = |source| ListenError::of(source, &path.display().to_string(), None, Setting::Control);
    let way = SocketPath::of(path).map_err(failed)?;
    unix::make_way(way.as_path(), Setting::Control)?;
    let listener = open(way.as_path()).map_err(failed)?;
    let socket = Socket::Unix(listener.into(), SocketFile(path.to_owned()), PeerAddress::Control);
    Ok(BoundListener { socket, tls: None, name: format!("unix:{}", path.display()).into() })
}

/// Nobody can connect before it listens, and by then its mode keeps everybody else out.
fn open(path: &Path) -> io::Result<RawSocket> {
    let socket = RawSocket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SockAddr::unix(path)?)?;
    let listens = fs::set_permissions(path, Permissions::from_mode(0o600)).and_then(|()| socket.listen(BACKLOG));
    if let Err(error) = listens {
        // What cannot be kept to the operator is not left there; the first error is the one to tell.
        let _ = fs::remove_file(path);
        return Err(error);
    }
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt as _;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn is_for_the_owner_alone(path: &Path) -> bool {
        let metadata = fs::symlink_metadata(path).unwrap();
        metadata.file_type().is_socket() && metadata.permissions().mode() & 0o777 == 0o600
    }

    #[test]
    fn it_is_the_owners_and_goes_with_the_server() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let bound = bind_control(&path).unwrap();
        assert!(is_for_the_owner_alone(&path));
        assert!(UnixStream::connect(&path).is_ok());
        let refused = bind_control(&path).err().unwrap();
        assert!(matches!(refused, ListenError::InUse { .. }), "{refused}");
        drop(bound);
        assert!(!path.exists());
    }

    #[test]
    fn a_path_that_is_too_long_for_an_address_is_reached_through_its_directory() {
        let directory = tempfile::tempdir().unwrap();
        let long = directory.path().join("d".repeat(120));
        fs::create_dir(&long).unwrap();
        let path = long.join("control.sock");
        let _bound = bind_control(&path).unwrap();
        assert!(is_for_the_owner_alone(&path));
        assert!(UnixStream::connect(&path).is_err(), "its own path fits into an address, so this shows nothing");
        assert!(UnixStream::connect(SocketPath::of(&path).unwrap().as_path()).is_ok());
        assert!(matches!(bind_control(&path), Err(ListenError::InUse { .. })));
    }
}
