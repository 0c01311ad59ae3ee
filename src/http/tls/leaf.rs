//! The server's own certificate, signed by our authority and renewed long before it ends.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;

use rcgen::{CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose, SanType};
use time::{Duration, OffsetDateTime};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::X509Certificate;

use super::authority::LATE_CLOCKS;
use super::keep::{self, Secrecy};
use super::{Authority, CertifiedName, TlsError, host, pem};

/// How long a certificate is good for, its early begin included: no client accepts much more.
const LIFE: Duration = Duration::days(397);

/// A certificate for this host with its key, both as PEM.
#[derive(Clone)]
pub(super) struct Leaf {
    pub(super) certificate: String,
    pub(super) key: String,
    names: BTreeSet<CertifiedName>,
    begin: OffsetDateTime,
    end: OffsetDateTime,
}

impl Leaf {
    /// The certificate that is kept in a directory (`server.crt`, `server.key`), if it is one of this authority's.
    ///
    /// Whatever is wrong with it, another can be made, so there are no errors but only `None`.
    pub(super) fn open(directory: &Path, authority: &Authority) -> Option<Self> {
        let path = directory.join("server.crt");
        let certificate = keep::read(&path).ok()??;
        let key = keep::read(&directory.join("server.key")).ok()??;
        let der = pem::certificates(&path, certificate.as_bytes()).ok()?.swap_remove(0);
        let parsed = pem::parsed(&path, &der).ok()?;
        let pair = KeyPair::from_pem(&key).ok()?;
        let ours = authority.signed(&parsed)
            && parsed.public_key().raw == rcgen::PublicKeyData::subject_public_key_info(&pair);
        let (begin, end) = pem::validity(&parsed);
        let names = names(&parsed);
        ours.then_some(Self { certificate, key, names, begin, end })
    }

    /// Makes a certificate for some names and keeps it in a directory.
    pub(super) fn make(
        directory: &Path,
        authority: &Authority,
        names: BTreeSet<CertifiedName>,
        now: OffsetDateTime,
    ) -> Result<Self, TlsError> {
        let begin = now - LATE_CLOCKS;
        let end = (begin + LIFE).min(authority.end());
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
        let certificate = authority.sign(&params(&names, begin, end)?, &key)?.pem();
        let key = key.serialize_pem();
        keep::put(&directory.join("server.key"), key.as_bytes(), Secrecy::Secret)?;
        keep::put(&directory.join("server.crt"), certificate.as_bytes(), Secrecy::Public)?;
        Ok(Self { certificate, key, names, begin, end })
    }

    /// Whether it is time for another: a third of its life is left, or the host is called otherwise by now.
    pub(super) fn is_due(&self, names: &BTreeSet<CertifiedName>, now: OffsetDateTime) -> bool {
        let life = self.end - self.begin;
        self.names != *names || now < self.begin || now >= self.end - life / 3
    }
}

fn params(
    names: &BTreeSet<CertifiedName>,
    begin: OffsetDateTime,
    end: OffsetDateTime,
) -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // At most 64 characters (RFC 5280, ub-common-name); clients look at the names below and not at this one.
    let common: String = host::hostname().chars().take(64).collect();
    params.distinguished_name.push(DnType::CommonName, common);
    for name in names {
        params.subject_alt_names.push(match name {
            CertifiedName::Host(host) => SanType::DnsName(host.as_str().try_into()?),
            CertifiedName::Address(address) => SanType::IpAddress(*address),
        });
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = begin;
    params.not_after = end;
    Ok(params)
}

/// The names that a certificate vouches for.
fn names(certificate: &X509Certificate<'_>) -> BTreeSet<CertifiedName> {
    let alternatives = certificate.subject_alternative_name().ok().flatten();
    let names = alternatives.map(|extension| &extension.value.general_names);
    names.into_iter().flatten().filter_map(certified_name).collect()
}

fn certified_name(name: &GeneralName<'_>) -> Option<CertifiedName> {
    if let GeneralName::DNSName(host) = name {
        return Some(CertifiedName::Host((*host).to_owned()));
    }
    let GeneralName::IPAddress(bytes) = name else {
        return None;
    };
    let address = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(*bytes).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(*bytes).ok()?),
        _ => return None,
    };
    Some(CertifiedName::Address(address))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    fn some_names() -> BTreeSet<CertifiedName> {
        ["build", "build.example.org", "10.0.0.7", "fd00::7"].map(|name| name.parse().unwrap()).into()
    }

    fn made(directory: &Path) -> (Authority, Leaf) {
        let authority = Authority::open_or_create(directory, now()).unwrap();
        let leaf = Leaf::make(directory, &authority, some_names(), now()).unwrap();
        (authority, leaf)
    }

    #[test]
    fn a_certificate_is_found_again_with_its_names_and_times() {
        let directory = tempfile::tempdir().unwrap();
        let (authority, leaf) = made(directory.path());
        let again = Leaf::open(directory.path(), &authority).unwrap();
        assert_eq!(again.names, some_names());
        assert_eq!((again.begin, again.end), (leaf.begin, leaf.end));
        assert!(!again.is_due(&some_names(), now()));
    }

    #[test]
    fn a_certificate_is_due_when_a_third_of_its_life_is_left() {
        let directory = tempfile::tempdir().unwrap();
        let (_, leaf) = made(directory.path());
        assert!(!leaf.is_due(&some_names(), leaf.begin + Duration::days(264)));
        assert!(leaf.is_due(&some_names(), leaf.begin + Duration::days(265)));
    }

    #[test]
    fn a_certificate_is_due_when_the_names_are_others() {
        let directory = tempfile::tempdir().unwrap();
        let (_, leaf) = made(directory.path());
        let mut more = some_names();
        more.insert("another".parse().unwrap());
        assert!(leaf.is_due(&more, now()));
        let mut fewer = some_names();
        fewer.pop_first();
        assert!(leaf.is_due(&fewer, now()));
    }

    #[test]
    fn no_certificate_outlives_its_authority_or_what_clients_accept() {
        let directory = tempfile::tempdir().unwrap();
        let (authority, leaf) = made(directory.path());
        assert!(leaf.end - leaf.begin <= Duration::days(397));
        let late = authority.end() - Duration::days(10);
        let last = Leaf::make(directory.path(), &authority, some_names(), late).unwrap();
        assert_eq!(last.end, authority.end());
    }

    #[test]
    fn another_authoritys_certificate_or_another_key_does_not_count() {
        let directory = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        let (authority, _) = made(directory.path());
        let (other, _) = made(elsewhere.path());
        assert!(Leaf::open(directory.path(), &other).is_none());
        fs::copy(elsewhere.path().join("server.key"), directory.path().join("server.key")).unwrap();
        assert!(Leaf::open(directory.path(), &authority).is_none());
    }
}
