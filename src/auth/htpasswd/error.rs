//! What can be wrong with an htpasswd file, or with a change of it.

use std::io;
use std::path::PathBuf;

use crate::auth::UserName;

/// Why a file cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum HtpasswdError {
    /// It cannot be read.
    #[error("{}: the htpasswd file cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is longer than any list of users.
    #[error("{}: has more than {most} bytes, which is no htpasswd file", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How many it may have.
        most: u64,
    },
    /// A line is neither a user nor a comment.
    #[error("{}:{line}: the line has no colon; a line is NAME:HASH, or a comment that begins with #", path.display())]
    NoColon {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
    },
    /// It cannot be written.
    #[error("{}: the htpasswd file cannot be written", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Somebody else keeps it from being changed.
    #[error("{}: somebody else has been changing it for {seconds} seconds; try again later", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
        /// For how long that was waited for.
        seconds: u64,
    },
    /// A user who is to be added is there.
    #[error("there is a user {0} already; for a new password use: wharf user passwd {0}")]
    Exists(UserName),
    /// A user who is to be changed or removed is not there.
    #[error("there is no user {0}")]
    Absent(UserName),
    /// A name that would be read as something else.
    #[error("{0:?} cannot be in this file: a name has no colon, begins with no #, and begins and ends with no space")]
    Name(UserName),
    /// A password that bcrypt would not take as it is.
    #[error("a password has 1 to 72 bytes and no zero byte among them")]
    Password,
    /// A password could not be hashed or made.
    #[error("a password cannot be made")]
    Making(#[source] bcrypt::BcryptError),
}
