//! Our own certificate authority: made once, kept for ten years, never replaced by us.
//!
//! Clients are told to trust its certificate, so a key that exists is used or refused, but not overwritten. Several
//! servers may start on one directory at once: the key is created only if absent, and all go on with the one that
//! came first. Two of them may still make a certificate for that key at the same moment; again the first stays, and
//! either would verify what the key signs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::ParsedExtension;
use x509_parser::prelude::X509Certificate;

use super::keep::{self, Secrecy};
use super::{TlsError, pem};

/// How long an authority is good for.
const LIFE: Duration = Duration::days(3650);
/// By how much a certificate begins before now, for clients whose clocks are late.
pub(super) const LATE_CLOCKS: Duration = Duration::hours(1);

/// The authority's certificate: what clients are told to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityCertificate {
    path: PathBuf,
    pem: String,
    der: CertificateDer<'static>,
}

impl AuthorityCertificate {
    /// Reads the certificate that a server keeps in a directory.
    ///
    /// # Errors
    ///
    /// When there is none yet, or it cannot be read or understood.
    pub fn open(directory: &Path) -> Result<Self, TlsError> {
        let path = directory.join("ca.crt");
        match keep::read(&path)? {
            Some(text) => Self::parse(path, text),
            None => Err(TlsError::Read { path, source: std::io::ErrorKind::NotFound.into() }),
        }
    }

    fn parse(path: PathBuf, pem: String) -> Result<Self, TlsError> {
        let der = pem::certificates(&path, pem.as_bytes())?.swap_remove(0);
        Ok(Self { path, pem, der })
    }

    /// The file it is kept in.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The certificate as PEM: the content of `ca.crt`.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The SHA-256 of the certificate, as `openssl x509 -fingerprint -sha256` prints it.
    pub fn fingerprint(&self) -> String {
        let mut printed = String::new();
        for byte in Sha256::digest(&self.der) {
            let separator = if printed.is_empty() { "" } else { ":" };
            // Writing to a string does not fail.
            let _ = write!(printed, "{separator}{byte:02X}");
        }
        printed
    }
}

/// A certificate authority with its key.
pub struct Authority {
    certificate: Arc<AuthorityCertificate>,
    issuer: Issuer<'static, KeyPair>,
    key_id: Vec<u8>,
    end: OffsetDateTime,
}

impl Authority {
    /// The authority in a directory (`ca.crt`, `ca.key`), made if there is none.
    ///
    /// # Errors
    ///
    /// When the directory cannot be used, and when what is there is not a whole, valid authority.
    pub fn open_or_create(directory: &Path, now: OffsetDateTime) -> Result<Self, TlsError> {
        let key_path = directory.join("ca.key");
        let certificate_path = directory.join("ca.crt");
        let key = key(&key_path, &certificate_path)?;
        if keep::read(&certificate_path)?.is_none() {
            let made = certify(&key, now)?;
            keep::create(&certificate_path, made.pem().as_bytes(), Secrecy::Public)?;
        }
        let certificate = AuthorityCertificate::open(directory)?;
        let (key_id, end) = matching(&certificate, &key_path, &key)?;
        if end <= now {
            return Err(TlsError::AuthorityExpired { path: certificate_path, end });
        }
        let issuer = Issuer::from_ca_cert_der(&certificate.der, key)?;
        Ok(Self { certificate: Arc::new(certificate), issuer, key_id, end })
    }

    /// What clients are told to trust.
    pub fn certificate(&self) -> &Arc<AuthorityCertificate> {
        &self.certificate
    }

    /// Signs a certificate for a key.
    pub(super) fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Result<Certificate, TlsError> {
        Ok(params.signed_by(key, &self.issuer)?)
    }

    /// The last moment it is good for.
    pub(super) fn end(&self) -> OffsetDateTime {
        self.end
    }

    /// Whether a certificate says that this authority signed it.
    pub(super) fn signed(&self, certificate: &X509Certificate<'_>) -> bool {
        certificate.iter_extensions().any(|extension| {
            let ParsedExtension::AuthorityKeyIdentifier(identifier) = extension.parsed_extension() else {
                return false;
            };
            identifier.key_identifier.as_ref().is_some_and(|id| id.0 == self.key_id)
        })
    }
}

/// The authority's key, made if there is none.
fn key(path: &Path, certificate: &Path) -> Result<KeyPair, TlsError> {
    if keep::read(path)?.is_none() {
        if certificate.exists() {
            return Err(TlsError::HalfAuthority { present: certificate.to_owned(), missing: path.to_owned() });
        }
        keep::create(path, KeyPair::generate()?.serialize_pem().as_bytes(), Secrecy::Secret)?;
    }
    let text = keep::read(path)?.unwrap_or_default();
    KeyPair::from_pem(&text).map_err(|source| TlsError::AuthorityKey { path: path.to_owned(), source })
}

/// A certificate for an authority's key, which it signs itself.
fn certify(key: &KeyPair, now: OffsetDateTime) -> Result<Certificate, TlsError> {
    let mut params = CertificateParams::default();
    // Its own name, so that a client may trust the authorities of several servers.
    let name = hex::encode(&Sha256::digest(key.public_key_raw())[..4]);
    params.distinguished_name.push(DnType::CommonName, format!("Wharf private authority {name}"));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign, KeyUsagePurpose::DigitalSignature];
    params.not_before = now - LATE_CLOCKS;
    params.not_after = now + LIFE;
    Ok(params.self_signed(key)?)
}

/// The certificate's key identifier and end, if it is for that key.
fn matching(
    certificate: &AuthorityCertificate,
    key_path: &Path,
    key: &KeyPair,
) -> Result<(Vec<u8>, OffsetDateTime), TlsError> {
    use rcgen::PublicKeyData as _;

    let path = &certificate.path;
    let parsed = pem::parsed(path, &certificate.der)?;
    if parsed.public_key().raw != key.subject_public_key_info() {
        return Err(TlsError::Mismatch { certificate: path.clone(), key: key_path.to_owned() });
    }
    let key_id = parsed.iter_extensions().find_map(|extension| {
        let ParsedExtension::SubjectKeyIdentifier(id) = extension.parsed_extension() else {
            return None;
        };
        Some(id.0.to_vec())
    });
    let reason = || "it is not a certificate authority's: it has no key identifier".to_owned();
    let key_id = key_id.ok_or_else(|| TlsError::BadCertificate { path: path.clone(), reason: reason() })?;
    Ok((key_id, pem::validity(&parsed).1))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    #[test]
    fn an_authority_stays_the_same() {
        let directory = tempfile::tempdir().unwrap();
        let first = Authority::open_or_create(directory.path(), now()).unwrap();
        let again = Authority::open_or_create(directory.path(), now() + Duration::days(300)).unwrap();
        assert_eq!(first.certificate(), again.certificate());
    }

    #[test]
    fn a_key_that_cannot_be_read_is_refused_and_kept() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open_or_create(directory.path(), now()).unwrap();
        let key = directory.path().join("ca.key");
        fs::write(&key, "not a key").unwrap();
        let refused = Authority::open_or_create(directory.path(), now()).err().unwrap();
        assert!(refused.to_string().contains("ca.key"), "{refused}");
        assert_eq!(fs::read_to_string(&key).unwrap(), "not a key");
    }

    #[test]
    fn a_certificate_without_its_key_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::open_or_create(directory.path(), now()).unwrap();
        fs::remove_file(directory.path().join("ca.key")).unwrap();
        let refused = Authority::open_or_create(directory.path(), now()).err().unwrap();
        assert!(matches!(refused, TlsError::HalfAuthority { .. }), "{refused}");
        let kept = AuthorityCertificate::open(directory.path()).unwrap();
        assert_eq!(&kept, &**authority.certificate());
    }

    #[test]
    fn a_key_whose_certificate_was_never_written_gets_one() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open_or_create(directory.path(), now()).unwrap();
        let key = fs::read(directory.path().join("ca.key")).unwrap();
        fs::remove_file(directory.path().join("ca.crt")).unwrap();
        Authority::open_or_create(directory.path(), now()).unwrap();
        assert_eq!(fs::read(directory.path().join("ca.key")).unwrap(), key);
    }

    #[test]
    fn another_authoritys_key_is_refused() {
        let directories = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        for directory in &directories {
            Authority::open_or_create(directory.path(), now()).unwrap();
        }
        fs::copy(directories[0].path().join("ca.key"), directories[1].path().join("ca.key")).unwrap();
        let refused = Authority::open_or_create(directories[1].path(), now()).err().unwrap();
        assert!(matches!(refused, TlsError::Mismatch { .. }), "{refused}");
    }

    #[test]
    fn an_authority_whose_time_is_over_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        Authority::open_or_create(directory.path(), now()).unwrap();
        let late = now() + LIFE + Duration::SECOND;
        let refused = Authority::open_or_create(directory.path(), late).err().unwrap();
        assert!(matches!(refused, TlsError::AuthorityExpired { .. }), "{refused}");
    }
}
