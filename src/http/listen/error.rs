//! Why a listener cannot start, in sentences that say what to change.

use std::io;
use std::path::PathBuf;

use super::super::tls::TlsError;

/// A listener cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else listens there.
    #[error(
        "cannot listen on {address}: another program does; stop that one, or choose another address with {setting}"
    )]
    InUse {
        /// Where.
        address: String,
        /// What sets the address.
        setting: Setting,
    },
    /// The system does not let us.
    #[error("cannot listen on {address}: not permitted{hint}; choose another address with {setting}")]
    NotPermitted {
        /// Where.
        address: String,
        /// What may be the reason.
        hint: &'static str,
        /// What sets the address.
        setting: Setting,
    },
    /// The address is not one of this host's.
    #[error("cannot listen on {address}: this host has no such address; choose another with {setting}")]
    NotOurs {
        /// Where.
        address: String,
        /// What sets the address.
        setting: Setting,
    },
    /// What was written is not an address.
    #[error("cannot listen on {address:?}: it should be host:port, or :port for every address; correct {setting}")]
    Malformed {
        /// What was written.
        address: String,
        /// What sets the address.
        setting: Setting,
    },
    /// A host name has no address.
    #[error("cannot listen on {address}: its host name has no address; correct {setting}")]
    Unresolved {
        /// What was written.
        address: String,
        /// What sets the address.
        setting: Setting,
        /// What the resolver said.
        source: io::Error,
    },
    /// There is a file that is not a socket where the socket should be.
    #[error("cannot listen on {path}: there is a file that is not a socket; remove it, or correct {setting}")]
    NotASocket {
        /// The file.
        path: PathBuf,
        /// What sets the path.
        setting: Setting,
    },
    /// Anything else.
    #[error("cannot listen on {address}")]
    Io {
        /// Where.
        address: String,
        /// What the system said.
        source: io::Error,
    },
    /// The certificates cannot be used.
    #[error("cannot speak https on {address}")]
    Tls {
        /// Where.
        address: String,
        /// What is wrong with them.
        source: TlsError,
    },
}

/// The setting that says where a listener is bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// Where clients come.
    Http,
    /// Where they come beside it, with TLS.
    Https,
    /// Where operators come.
    Debug,
    /// The operator's socket in the volume.
    Control,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Http => "http.addr (REGISTRY_HTTP_ADDR)",
            Self::Https => "https.addr (REGISTRY_HTTPS_ADDR)",
            Self::Debug => "http.debug.addr (REGISTRY_HTTP_DEBUG_ADDR)",
            Self::Control => "storage.filesystem.rootdirectory (REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY)",
        })
    }
}

impl ListenError {
    /// Puts what the system said about an address into words.
    pub(super) fn of(source: io::Error, address: &str, port: Option<u16>, setting: Setting) -> Self {
        let address = address.to_owned();
        let kind = source.kind();
        if kind == io::ErrorKind::AddrInUse {
            Self::InUse { address, setting }
        } else if kind == io::ErrorKind::PermissionDenied {
            let low = port.is_some_and(|port| port < 1024);
            let hint = if low { ": ports below 1024 take root or CAP_NET_BIND_SERVICE" } else { "" };
            Self::NotPermitted { address, hint, setting }
        } else if kind == io::ErrorKind::AddrNotAvailable {
            Self::NotOurs { address, setting }
        } else {
            Self::Io { address, source }
        }
    }
}
