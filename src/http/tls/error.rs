//! What can be wrong with certificates and keys, in sentences that name the file and the remedy.

use std::io;
use std::path::PathBuf;

/// A listener cannot speak TLS as it was told.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of ours cannot be written.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no certificate in PEM form.
    #[error("{path} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// A file holds no private key in PEM form.
    #[error("{path} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)")]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A private key is locked with a passphrase.
    #[error("the key in {path} is locked with a passphrase; unlock it once with: openssl pkey -in {path} -out <file>")]
    LockedKey {
        /// The file.
        path: PathBuf,
    },
    /// A file looks like PEM but is damaged.
    #[error("{path} is not PEM")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate that cannot be understood.
    #[error("the certificate in {path} cannot be understood: {reason}")]
    BadCertificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A private key of a kind that is not supported, or damaged.
    #[error("the key in {path} cannot be used")]
    BadKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls::Error,
    },
    /// The key belongs to another certificate.
    #[error("the key in {key} does not belong to the certificate in {certificate}")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The authorities for client certificates cannot be used.
    #[error("client certificates cannot be checked")]
    Clients(#[from] rustls::server::VerifierBuilderError),
    /// The TLS library refused the settings.
    #[error("TLS cannot be set up")]
    Setup(#[source] rustls::Error),
    /// A name to certify is neither a host name nor an address.
    #[error("{name:?} is neither a host name nor an address; write a name in ASCII (xn--…), without a port")]
    Name {
        /// What was written.
        name: String,
    },
    /// One half of our authority is gone.
    #[error(
        "{present} is there but {missing} is not; put it back, or remove {present} to make a new authority, \
         which every client must then be told to trust"
    )]
    HalfAuthority {
        /// The file that exists.
        present: PathBuf,
        /// The file that does not.
        missing: PathBuf,
    },
    /// Our authority's key is there but cannot be used. It is never replaced: clients trust it.
    #[error(
        "{path} is not the key of an authority; put the right one back, or remove {path} and the certificate \
         beside it to make a new authority, which every client must then be told to trust"
    )]
    AuthorityKey {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rcgen::Error,
    },
    /// Our authority's time is over.
    #[error(
        "the authority in {path} expired on {end}; remove it and the key beside it to make a new one, which every \
         client must then be told to trust"
    )]
    AuthorityExpired {
        /// The file.
        path: PathBuf,
        /// The last moment it was good for.
        end: time::OffsetDateTime,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Generate(#[from] rcgen::Error),
}
