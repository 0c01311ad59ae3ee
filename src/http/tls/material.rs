//! Everything that a listener's TLS is made of, read afresh, compared by content, and made into a configuration.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;

use super::generated::Generated;
use super::{TlsError, pem};
use crate::http::{ClientCertificates, Tls, TlsVersion};

/// A file and what is in it.
struct Content {
    path: PathBuf,
    bytes: Vec<u8>,
}

impl Content {
    fn read(path: &Path) -> Result<Self, TlsError> {
        match fs::read(path) {
            Ok(bytes) => Ok(Self { path: path.to_owned(), bytes }),
            Err(source) => Err(TlsError::Read { path: path.to_owned(), source }),
        }
    }
}

/// Where a certificate and its key come from.
pub(super) enum Source {
    /// Files that somebody else keeps.
    Files { certificate: PathBuf, key: PathBuf },
    /// Made here.
    Generated(Box<Generated>),
}

/// A certificate, its key, and the authorities for clients' certificates, not yet understood.
pub(super) struct Material {
    certificate: Content,
    key: Content,
    authorities: Vec<Content>,
}

/// Tells materials apart by their content.
pub(super) type Fingerprint = [u8; 32];

impl Material {
    /// Reads it all.
    pub(super) fn gather(source: &Source, clients: &ClientCertificates, now: OffsetDateTime) -> Result<Self, TlsError> {
        let (certificate, key) = match source {
            Source::Files { certificate, key } => (Content::read(certificate)?, Content::read(key)?),
            Source::Generated(generated) => {
                let leaf = generated.leaf(now)?;
                let (certificate, key) = generated.paths();
                let content = |path, text: String| Content { path, bytes: text.into_bytes() };
                (content(certificate, leaf.certificate), content(key, leaf.key))
            }
        };
        let authorities = match clients {
            ClientCertificates::NotAsked => Vec::new(),
            ClientCertificates::Required(files) | ClientCertificates::Optional(files) => {
                files.iter().map(|path| Content::read(path)).collect::<Result<_, _>>()?
            }
        };
        Ok(Self { certificate, key, authorities })
    }

    /// The same for the same content, wherever links may lead.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for content in [&self.certificate, &self.key].into_iter().chain(&self.authorities) {
            hash.update(content.bytes.len().to_le_bytes());
            hash.update(&content.bytes);
        }
        hash.finalize().into()
    }

    /// A warning when the certificate is not good now.
    pub(super) fn warning(&self, now: OffsetDateTime) -> Option<String> {
        let path = &self.certificate.path;
        let certificates = pem::certificates(path, &self.certificate.bytes).ok()?;
        let (begin, end) = pem::validity(&pem::parsed(path, certificates.first()?).ok()?);
        let path = path.display();
        if now > end {
            Some(format!("the certificate in {path} expired on {end}: clients will refuse it"))
        } else if now < begin {
            Some(format!("the certificate in {path} is good from {begin} on: until then clients will refuse it"))
        } else {
            None
        }
    }

    /// Makes the configuration.
    pub(super) fn configuration(&self, settings: &Tls, protocols: &[&[u8]]) -> Result<ServerConfig, TlsError> {
        let mut provider = aws_lc_rs::default_provider();
        if let Some(chosen) = &settings.cipher_suites {
            // Those of TLS 1.3 are not chosen, as in Go.
            provider.cipher_suites.retain(|suite| suite.tls13().is_some() || chosen.contains(&suite.suite()));
        }
        let provider = Arc::new(provider);
        let versions: &[&SupportedProtocolVersion] = match settings.minimum {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let certified = self.certified(&provider)?;
        let verifier = self.verifier(&settings.clients, &provider)?;
        let mut configuration = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .map_err(TlsError::Setup)?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        configuration.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        // Sessions resume without memory on our side. The keys live as long as this configuration, so authorities for
        // clients that were taken away cannot be got around by a session from before.
        configuration.ticketer = aws_lc_rs::Ticketer::new().map_err(TlsError::Setup)?;
        Ok(configuration)
    }

    fn certified(&self, provider: &CryptoProvider) -> Result<CertifiedKey, TlsError> {
        let path = &self.key.path;
        let chain = pem::certificates(&self.certificate.path, &self.certificate.bytes)?;
        let key = provider
            .key_provider
            .load_private_key(pem::key(path, &self.key.bytes)?)
            .map_err(|source| TlsError::BadKey { path: path.clone(), source })?;
        let certified = CertifiedKey::new(chain, key);
        match certified.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
            Err(rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
                Err(TlsError::Mismatch { certificate: self.certificate.path.clone(), key: path.clone() })
            }
            Err(error) => Err(bad_certificate(&self.certificate.path, &error)),
        }
    }

    fn verifier(
        &self,
        clients: &ClientCertificates,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let builder = || -> Result<_, TlsError> {
            let mut roots = RootCertStore::empty();
            for content in &self.authorities {
                for certificate in pem::certificates(&content.path, &content.bytes)? {
                    add(&mut roots, certificate, &content.path)?;
                }
            }
            Ok(WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider)))
        };
        match clients {
            ClientCertificates::NotAsked => Ok(WebPkiClientVerifier::no_client_auth()),
            ClientCertificates::Required(_) => Ok(builder()?.build()?),
            ClientCertificates::Optional(_) => Ok(builder()?.allow_unauthenticated().build()?),
        }
    }
}

fn add(roots: &mut RootCertStore, certificate: CertificateDer<'_>, path: &Path) -> Result<(), TlsError> {
    roots.add(certificate).map_err(|error| bad_certificate(path, &error))
}

fn bad_certificate(path: &Path, error: &rustls::Error) -> TlsError {
    TlsError::BadCertificate { path: path.to_owned(), reason: error.to_string() }
}
