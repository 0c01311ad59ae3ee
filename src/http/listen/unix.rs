//! Unix sockets: bound at a path, over a file that a server left behind but not over one that is served.

use std::io;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use super::error::{ListenError, Setting};
use super::peer::PeerAddress;
use super::socket::{Socket, SocketFile};

/// Binds a Unix socket.
pub(super) fn bind(path: &Path, setting: Setting) -> Result<Socket, ListenError> {
    make_way(path, setting)?;
    let bound = UnixListener::bind(path).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    let listener = bound.map_err(|source| failure(source, path, setting))?;
    Ok(Socket::Unix(listener, SocketFile(path.to_owned()), PeerAddress::Unix))
}

/// Removes what a server that did not end in order has left: a socket that nobody answers on.
pub(super) fn make_way(path: &Path, setting: Setting) -> Result<(), ListenError> {
    let there = match std::fs::symlink_metadata(path) {
        Ok(there) => there,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => return Err(failure(source, path, setting)),
    };
    if !there.file_type().is_socket() {
        return Err(ListenError::NotASocket { path: path.to_owned(), setting });
    }
    match UnixStream::connect(path) {
        Ok(_) => Err(ListenError::InUse { address: path.display().to_string(), setting }),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            std::fs::remove_file(path).map_err(|source| failure(source, path, setting))
        }
        Err(source) => Err(failure(source, path, setting)),
    }
}

fn failure(source: io::Error, path: &Path, setting: Setting) -> ListenError {
    ListenError::of(source, &path.display().to_string(), None, setting)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_nobody_answers_on_is_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wharf.sock");
        // The listener of the standard library leaves its file behind.
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        assert!(bind(&path, Setting::Http).is_ok());
    }

    #[test]
    fn a_socket_that_is_served_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wharf.sock");
        let _served = UnixListener::bind(&path).unwrap();
        assert!(matches!(bind(&path, Setting::Http), Err(ListenError::InUse { .. })));
        assert!(UnixStream::connect(&path).is_ok());
    }

    #[test]
    fn a_file_that_is_not_a_socket_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("precious");
        std::fs::write(&path, "data").unwrap();
        assert!(matches!(bind(&path, Setting::Http), Err(ListenError::NotASocket { .. })));
        assert_eq!(std::fs::read(&path).unwrap(), b"data");
    }

    #[test]
    fn the_file_goes_with_the_socket() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wharf.sock");
        drop(bind(&path, Setting::Http).unwrap());
        assert!(!path.exists());
    }
}
