//! The certificate that every server shows over TLS, and clients that trust it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};

/// A certificate for 127.0.0.1 with its key (ECDSA on P-256), in files and trusted by a client.
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    client: Arc<ClientConfig>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    #[error("cannot make a certificate: {0}")]
    Make(#[from] rcgen::Error),
    #[error("cannot write the certificate: {0}")]
    Write(#[from] std::io::Error),
    #[error("cannot trust the certificate: {0}")]
    Trust(#[from] rustls::Error),
}

impl Identity {
    /// Makes one, in files in this directory.
    pub(crate) fn new(directory: &Path) -> Result<Identity, IdentityError> {
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
        let (certificate, key) = (directory.join("certificate.pem"), directory.join("key.pem"));
        fs::write(&certificate, made.cert.pem())?;
        fs::write(&key, made.signing_key.serialize_pem())?;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone())?;
        // The one suite whose cost `openssl speed` is asked for, so that all servers are held against the same cipher.
        let suites = vec![aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256];
        let provider = CryptoProvider { cipher_suites: suites, ..aws_lc_rs::default_provider() };
        let client = ClientConfig::builder_with_provider(Arc::new(provider))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Identity { certificate, key, client: Arc::new(client) })
    }

    /// The file with the certificate, in PEM.
    pub(crate) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The file with the key, in PEM.
    pub(crate) fn key(&self) -> &Path {
        &self.key
    }

    /// How clients speak to a server that shows it.
    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        Arc::clone(&self.client)
    }
}
