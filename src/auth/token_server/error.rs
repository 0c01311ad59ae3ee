//! What can be wrong with the settings and files of a token server, with the key to look at.

use std::io;
use std::path::PathBuf;

use crate::auth::jwt::KeySetError;

/// A token server cannot be trusted as it was told.
#[derive(Debug, thiserror::Error)]
pub enum TokenServerError {
    /// A file cannot be read.
    #[error("auth.token.{key}: cannot read {path}")]
    Read {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file is larger than any that makes sense.
    #[error("auth.token.{key}: {path} has more than {most} bytes")]
    TooLarge {
        /// The key that names the file.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// As many are read.
        most: usize,
    },
    /// A bundle looks like PEM but is damaged.
    #[error("auth.token.rootcertbundle: {path} is not PEM")]
    NotPem {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: rustls_pki_types::pem::Error,
    },
    /// A certificate that cannot be understood.
    #[error("auth.token.rootcertbundle: certificate {number} in {path} cannot be understood")]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Which of its certificates, counted from 1.
        number: usize,
        /// What is wrong with it.
        source: x509_parser::error::X509Error,
    },
    /// A file that holds no key set.
    #[error("auth.token.jwks: cannot use {path}")]
    KeySet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KeySetError,
    },
    /// There is nothing that could verify a token.
    #[error(
        "auth.token needs a key that tokens are signed with: a certificate in PEM form in auth.token.rootcertbundle, or a \
         key in auth.token.jwks, of RSA with at least 2048 bits, P-256, P-384 or Ed25519"
    )]
    NoKey,
    /// A name that is no algorithm's.
    #[error(
        "auth.token.signingalgorithms: {name:?} is no algorithm; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
         ES384 and EdDSA"
    )]
    Algorithm {
        /// The name.
        name: String,
    },
    /// No algorithm is left.
    #[error(
        "auth.token.signingalgorithms has none that is supported; there are RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
         ES384 and EdDSA"
    )]
    NoAlgorithm,
}
