//! Certificates that need nobody: our authority, and a certificate from it that follows the host's names.
//!
//! While serving, the certificate is held in memory and the files are not looked at again, so that two servers which
//! share a directory and have different names do not take turns at overwriting each other's.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use time::OffsetDateTime;

use super::leaf::Leaf;
use super::{Authority, AuthorityCertificate, TlsError, host};

/// A directory with an authority, and the certificate from it that is in use.
pub(super) struct Generated {
    directory: PathBuf,
    configured: Vec<String>,
    authority: Authority,
    leaf: Mutex<Option<Leaf>>,
}

impl Generated {
    /// Opens the directory, and makes what is missing but the certificate itself, which [`leaf`](Self::leaf) makes.
    pub(super) fn open(directory: &Path, configured: &[String], now: OffsetDateTime) -> Result<Self, TlsError> {
        let authority = Authority::open_or_create(directory, now)?;
        let leaf = Mutex::new(Leaf::open(directory, &authority));
        Ok(Self { directory: directory.to_owned(), configured: configured.to_vec(), authority, leaf })
    }

    /// The certificate to show now: the one in use, or another when that is due.
    pub(super) fn leaf(&self, now: OffsetDateTime) -> Result<Leaf, TlsError> {
        let names = host::names(&self.configured)?;
        let mut leaf = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(current) = leaf.as_ref().filter(|current| !current.is_due(&names, now)) {
            return Ok(current.clone());
        }
        let made = Leaf::make(&self.directory, &self.authority, names.clone(), now)?;
        let certified: Vec<_> = names.iter().map(ToString::to_string).collect();
        tracing::info!(directory = %self.directory.display(), names = certified.join(" "), "made a certificate");
        *leaf = Some(made.clone());
        Ok(made)
    }

    /// Where the certificate and its key are kept.
    pub(super) fn paths(&self) -> (PathBuf, PathBuf) {
        (self.directory.join("server.crt"), self.directory.join("server.key"))
    }

    /// What clients are told to trust.
    pub(super) fn authority(&self) -> &Arc<AuthorityCertificate> {
        self.authority.certificate()
    }
}
