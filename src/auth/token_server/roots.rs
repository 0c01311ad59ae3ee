//! The certificates of `rootcertbundle`, and chains of certificates that lead to them.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use data_encoding::BASE64;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use time::OffsetDateTime;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};
use x509_parser::prelude::{FromDer as _, X509Certificate, X509Version};

use super::TokenServerError;
use crate::auth::jwt::{JwtError, Key, KeyError};

/// As many certificates may be in a chain.
const MOST: usize = 8;

/// Certificates that an operator trusts.
#[derive(Debug, Default)]
pub(super) struct Roots(Vec<Root>);

struct Root {
    der: CertificateDer<'static>,
    /// The public key, as it stands in the certificate.
    public: Vec<u8>,
    key: Result<Key, KeyError>,
    /// What others are checked against, if it may sign certificates.
    anchor: Option<TrustAnchor<'static>>,
    begins: OffsetDateTime,
    ends: OffsetDateTime,
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Root").field("key", &self.key).field("ends", &self.ends).finish_non_exhaustive()
    }
}

impl Root {
    fn parse(der: CertificateDer<'static>) -> Result<Root, x509_parser::error::X509Error> {
        let (_, certificate) = X509Certificate::from_der(&der).map_err(|error| match error {
            x509_parser::nom::Err::Error(error) | x509_parser::nom::Err::Failure(error) => error,
            x509_parser::nom::Err::Incomplete(_) => x509_parser::error::X509Error::InvalidCertificate,
        })?;
        // Certificates from before version 3 do not say whether they may sign others; Go takes them for roots.
        let signs = certificate.version() != X509Version::V3 || certificate.is_ca();
        let anchor = || webpki::anchor_from_trusted_cert(&der).ok().map(|anchor| anchor.to_owned());
        Ok(Root {
            public: certificate.public_key().raw.to_vec(),
            key: Key::of_certificate(certificate.public_key()),
            anchor: signs.then(anchor).flatten(),
            begins: certificate.validity().not_before.to_datetime(),
            ends: certificate.validity().not_after.to_datetime(),
            der,
        })
    }

    fn is_current(&self, now: OffsetDateTime) -> bool {
        (self.begins..=self.ends).contains(&now)
    }
}

impl Roots {
    /// All certificates of a file; what else is in it is passed over.
    pub(super) fn parse(path: &Path, content: &[u8]) -> Result<Roots, TokenServerError> {
        let mut roots = Vec::new();
        for der in CertificateDer::pem_slice_iter(content) {
            let der = der.map_err(|source| TokenServerError::NotPem { path: path.to_owned(), source })?;
            let number = roots.len() + 1;
            let root = Root::parse(der);
            roots.push(root.map_err(|source| TokenServerError::Certificate {
                path: path.to_owned(),
                number,
                source,
            })?);
        }
        Ok(Roots(roots))
    }

    /// Whether none can say anything about a token.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|root| root.key.is_err() && root.anchor.is_none())
    }

    /// How many have a key that cannot sign tokens, and may not sign certificates either.
    pub(super) fn without_key(&self) -> usize {
        self.0.iter().filter(|root| root.key.is_err() && root.anchor.is_none()).count()
    }

    /// The keys that can sign tokens, and how their certificates write them.
    pub(super) fn keys(&self) -> impl Iterator<Item = (&Key, &[u8])> {
        self.0.iter().filter_map(|root| Some((root.key.as_ref().ok()?, root.public.as_slice())))
    }

    /// The key of the first certificate of a chain (`x5c`, RFC 7515 §4.1.6), if that is one of ours or leads to one of ours.
    pub(super) fn key_of(&self, chain: &[String], now: OffsetDateTime) -> Result<Key, JwtError> {
        if chain.len() > MOST {
            return Err(JwtError::TooManyCertificates(MOST));
        }
        let decoded = chain.iter().map(|text| BASE64.decode(text.as_bytes()).map(CertificateDer::from));
        let chain: Vec<_> = decoded.collect::<Result<_, _>>().map_err(|_| JwtError::Certificate)?;
        let (leaf, between) = chain.split_first().ok_or(JwtError::Certificate)?;
        if let Some(root) = self.0.iter().find(|root| root.der == *leaf) {
            // A server that signs with a certificate of the bundle itself.
            return match (&root.key, root.is_current(now)) {
                (Ok(key), true) => Ok(key.clone()),
                (Err(_), _) => Err(JwtError::CertificateKey),
                (_, false) => Err(JwtError::CertificateTime),
            };
        }
        let anchors: Vec<TrustAnchor<'_>> =
            self.0.iter().filter(|root| root.is_current(now)).filter_map(|root| root.anchor.clone()).collect();
        let seconds = u64::try_from(now.unix_timestamp()).unwrap_or_default();
        let time = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = webpki::ALL_VERIFICATION_ALGS;
        EndEntityCert::try_from(leaf)
            .and_then(|end| end.verify_for_usage(algorithms, &anchors, between, time, AnyUsage, None, None).map(|_| ()))
            .map_err(JwtError::Chain)?;
        let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| JwtError::Certificate)?;
        Key::of_certificate(certificate.public_key()).map_err(|_| JwtError::CertificateKey)
    }
}

/// What certificates are for is not looked at, as in registry:2: there is no extended key usage that is for tokens.
struct AnyUsage;

impl ExtendedKeyUsageValidator for AnyUsage {
    fn validate(&self, mut usages: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        // They must be read to the end to be well-formed.
        usages.try_for_each(|usage| usage.map(|_| ()))
    }
}
