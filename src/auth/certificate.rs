//! A client's certificate names a user.
//!
//! Whether the certificate is genuine was decided in the handshake; here it is only read.

use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::settings::CertificateName;
use super::{SubjectError, UserName};

/// How much of a name a message shows.
const SHOWN: usize = 80;

/// A certificate names nobody, although it should.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// It is no certificate, or its names cannot be read.
    #[error("the client's certificate cannot be read: {0}")]
    Unreadable(String),
    /// Its time is over. A session that is resumed brings the certificate of an earlier handshake.
    #[error("the client's certificate was good until {0}")]
    Expired(OffsetDateTime),
    /// It has more than one common name, and none of them is the right one.
    #[error("the client's certificate has several common names")]
    Several,
    /// Its name cannot be the name of a user.
    #[error("the client's certificate is for {name:?}, which cannot be a user")]
    Name {
        /// The beginning of the name.
        name: String,
        /// What is wrong with it.
        source: SubjectError,
    },
}

/// The user whom a certificate names, if it has a name of this kind.
///
/// # Errors
///
/// When it cannot be read or is no longer good, and when its name is not one that a user can have.
pub fn user_of(der: &[u8], name: CertificateName, now: OffsetDateTime) -> Result<Option<UserName>, CertificateError> {
    let certificate = match X509Certificate::from_der(der) {
        Ok(([], certificate)) => certificate,
        Ok(_) => return Err(CertificateError::Unreadable("there is more behind it".to_owned())),
        Err(error) => return Err(unreadable(error)),
    };
    let end = certificate.validity().not_after.to_datetime();
    if end < now {
        return Err(CertificateError::Expired(end));
    }
    let Some(found) = found(&certificate, name)? else {
        return Ok(None);
    };
    let user = found.parse().map_err(|source| {
        let name = found.chars().take(SHOWN).collect();
        CertificateError::Name { name, source }
    })?;
    Ok(Some(user))
}

fn found<'a>(certificate: &'a X509Certificate<'_>, name: CertificateName) -> Result<Option<&'a str>, CertificateError> {
    let pick: fn(&'a GeneralName<'_>) -> Option<&'a str> = match name {
        CertificateName::CommonName => return common_name(certificate),
        CertificateName::Email => |name| if let GeneralName::RFC822Name(email) = name { Some(email) } else { None },
        CertificateName::Dns => |name| if let GeneralName::DNSName(host) = name { Some(host) } else { None },
        CertificateName::Uri => |name| match name {
            GeneralName::URI(uri) => Some(uri),
            _ => None,
        },
    };
    let names = certificate.subject_alternative_name().map_err(unreadable)?;
    Ok(names.and_then(|names| names.value.general_names.iter().find_map(pick)))
}

fn common_name<'a>(certificate: &'a X509Certificate<'_>) -> Result<Option<&'a str>, CertificateError> {
    let mut names = certificate.subject().iter_common_name();
    match (names.next(), names.next()) {
        (None, _) => Ok(None),
        (Some(name), None) => name.as_str().map(Some).map_err(unreadable),
        (Some(_), Some(_)) => Err(CertificateError::Several),
    }
}

fn unreadable(error: impl std::fmt::Display) -> CertificateError {
    CertificateError::Unreadable(error.to_string())
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, CustomExtension, DnType, KeyPair, SanType};
    use time::Duration;

    use super::*;

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
    }

    fn params(common_names: &[&str], names: Vec<SanType>) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for name in common_names {
            params.distinguished_name.push(DnType::CommonName, *name);
        }
        params.subject_alt_names = names;
        params.not_after = now() + Duration::days(1);
        params
    }

    fn signed(params: &CertificateParams) -> Vec<u8> {
        params.self_signed(&KeyPair::generate().unwrap()).unwrap().der().to_vec()
    }

    fn named(common_names: &[&str], names: Vec<SanType>, name: CertificateName) -> Result<Option<String>, String> {
        let user = user_of(&signed(&params(common_names, names)), name, now());
        user.map(|user| user.map(String::from)).map_err(|error| error.to_string())
    }

    fn dns(name: &str) -> SanType {
        SanType::DnsName(name.try_into().unwrap())
    }

    fn email(name: &str) -> SanType {
        SanType::Rfc822Name(name.try_into().unwrap())
    }

    fn uri(name: &str) -> SanType {
        SanType::URI(name.try_into().unwrap())
    }

    #[test]
    fn each_kind_of_name_is_found_and_the_first_one_counts() {
        let names = || vec![dns("ci.example"), uri("spiffe://example/ci"), email("ci@example"), dns("b"), email("b@b")];
        for (name, expected) in [
            (CertificateName::CommonName, "Élodie Durand"),
            (CertificateName::Dns, "ci.example"),
            (CertificateName::Email, "ci@example"),
            (CertificateName::Uri, "spiffe://example/ci"),
        ] {
            assert_eq!(named(&["Élodie Durand"], names(), name), Ok(Some(expected.to_owned())), "{name:?}");
        }
    }

    #[test]
    fn without_a_name_of_the_kind_there_is_nobody() {
        for name in [CertificateName::CommonName, CertificateName::Email, CertificateName::Uri] {
            assert_eq!(named(&[], vec![dns("ci.example")], name), Ok(None), "{name:?}");
        }
        assert_eq!(named(&["ci"], vec![], CertificateName::Dns), Ok(None));
    }

    #[test]
    fn a_name_that_no_user_has_is_refused_with_the_reason() {
        for (common_name, name) in [
            ("group:admins", CertificateName::CommonName),
            ("alice\0", CertificateName::CommonName),
            ("", CertificateName::CommonName),
        ] {
            let refused = named(&[common_name], vec![], name).unwrap_err();
            assert!(refused.contains("cannot be a user"), "{refused}");
        }
        let long = named(&[&"a".repeat(300)], vec![], CertificateName::CommonName).unwrap_err();
        assert!(long.len() < 200, "{long}");
    }

    #[test]
    fn of_several_common_names_none_is_taken() {
        // Twice in one certificate, which rcgen does not write: another kind of name becomes a common name (2.5.4.3).
        let mut two = params(&["alice"], vec![]);
        two.distinguished_name.push(DnType::CustomDnType(vec![2, 5, 4, 3]), "bob");
        let refused = user_of(&signed(&two), CertificateName::CommonName, now());
        assert!(matches!(refused, Err(CertificateError::Several)), "{refused:?}");
    }

    #[test]
    fn what_cannot_be_read_and_what_is_over_is_refused() {
        let params = params(&["alice"], vec![dns("a")]);
        let whole = signed(&params);
        let read = |der: &[u8], now| user_of(der, CertificateName::Dns, now);
        for der in [&whole[..whole.len() - 1], &[&*whole, &[0]].concat(), b""] {
            assert!(matches!(read(der, now()), Err(CertificateError::Unreadable(_))));
        }
        assert!(matches!(read(&whole, params.not_after + Duration::SECOND), Err(CertificateError::Expired(_))));
        let mut twice = params.clone();
        twice.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 17], vec![0x30, 0]));
        assert!(matches!(read(&signed(&twice), now()), Err(CertificateError::Unreadable(_))));
    }
}
