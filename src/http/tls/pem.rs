//! Certificates and keys out of PEM.

use std::path::Path;

use rustls_pki_types::pem::{Error, PemObject as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::OffsetDateTime;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::TlsError;

/// All certificates of a file, in order; at least one.
pub(super) fn certificates(path: &Path, content: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let certificates = CertificateDer::pem_slice_iter(content)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::NotPem { path: path.to_owned(), source })?;
    if certificates.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(certificates)
}

/// The first private key of a file: PKCS#1, PKCS#8 or SEC1.
pub(super) fn key(path: &Path, content: &[u8]) -> Result<PrivateKeyDer<'static>, TlsError> {
    // PKCS#8 says so in its first line, the older forms in a header.
    let text = String::from_utf8_lossy(content);
    if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
        return Err(TlsError::LockedKey { path: path.to_owned() });
    }
    PrivateKeyDer::from_pem_slice(content).map_err(|source| {
        let path = path.to_owned();
        if matches!(source, Error::NoItemsFound) { TlsError::NoKey { path } } else { TlsError::NotPem { path, source } }
    })
}

/// A certificate taken apart.
pub(super) fn parsed<'a>(path: &Path, der: &'a CertificateDer<'_>) -> Result<X509Certificate<'a>, TlsError> {
    match X509Certificate::from_der(der) {
        Ok((_, certificate)) => Ok(certificate),
        Err(error) => Err(TlsError::BadCertificate { path: path.to_owned(), reason: error.to_string() }),
    }
}

/// From when until when a certificate is good.
pub(super) fn validity(certificate: &X509Certificate<'_>) -> (OffsetDateTime, OffsetDateTime) {
    let validity = certificate.validity();
    (validity.not_before.to_datetime(), validity.not_after.to_datetime())
}
