//! Where the directory's server is and how to speak to it, from checked settings.

use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::Arc;

use ldap3::LdapConnSettings;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;

use super::super::settings::Ldap as Settings;
use super::LdapProblem;
use super::limits::CONNECT;

/// A server.
pub(super) struct Server {
    /// Its address, with nothing secret in it.
    pub(super) url: String,
    /// How connections are made.
    pub(super) connecting: LdapConnSettings,
}

/// What is wrong, and with which setting.
type Wrong = (&'static str, LdapProblem);

const URL: &str = "auth.ldap.url";
const CA: &str = "auth.ldap.ca";

impl Server {
    pub(super) fn check(settings: &Settings) -> Result<Server, Wrong> {
        let address = Address::parse(&settings.url).ok_or((URL, LdapProblem::Url))?;
        if address.tls && settings.start_tls {
            return Err(("auth.ldap.starttls", LdapProblem::EncryptedTwice));
        }
        let connecting = LdapConnSettings::new().set_conn_timeout(CONNECT);
        let connecting = match (address.tls || settings.start_tls, &settings.ca) {
            (false, Some(_)) => return Err((CA, LdapProblem::NotEncrypted)),
            (false, None) => {
                tracing::warn!(
                    url = settings.url,
                    "passwords go to the LDAP server unencrypted: use ldaps:// or starttls"
                );
                connecting
            }
            (true, _) if address.is_ipv6 => return Err((URL, LdapProblem::Ipv6)),
            (true, ca) => {
                let configuration = tls(ca.as_deref()).map_err(|problem| (CA, problem))?;
                connecting.set_config(Arc::new(configuration)).set_starttls(settings.start_tls)
            }
        };
        Ok(Server { url: settings.url.clone(), connecting })
    }
}

/// What of an address has to be known.
#[derive(Debug, PartialEq, Eq)]
struct Address {
    tls: bool,
    is_ipv6: bool,
}

impl Address {
    /// Stricter than RFC 4516: no name of an entry, no user, nothing in percent signs.
    fn parse(url: &str) -> Option<Address> {
        let (tls, rest) = match (url.strip_prefix("ldap://"), url.strip_prefix("ldaps://")) {
            (Some(rest), _) => (false, rest),
            (None, rest) => (true, rest?),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (is_ipv6, port) = match rest.strip_prefix('[') {
            Some(bracketed) => {
                let (address, port) = bracketed.split_once(']')?;
                address.parse::<Ipv6Addr>().ok()?;
                (true, port)
            }
            None => {
                let (host, port) = rest.split_at(rest.find(':').unwrap_or(rest.len()));
                let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
                (!host.is_empty() && host.bytes().all(fits)).then_some(())?;
                (false, port)
            }
        };
        let port = port.strip_prefix(':').map_or((!port.is_empty()).then_some(""), Some);
        match port {
            None => {}
            Some(port) => {
                let number = port.bytes().all(|b| b.is_ascii_digit()).then(|| port.parse::<u16>().ok()).flatten()?;
                (number > 0).then_some(())?;
            }
        }
        Some(Address { tls, is_ipv6 })
    }
}

/// TLS that trusts the authorities of a file alone, or those of the system.
fn tls(ca: Option<&Path>) -> Result<ClientConfig, LdapProblem> {
    let roots = match ca {
        Some(path) => of_file(path)?,
        None => of_system()?,
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let configuration = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(LdapProblem::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(configuration)
}

fn of_file(path: &Path) -> Result<RootCertStore, LdapProblem> {
    let read = |source| LdapProblem::Read { path: path.to_owned(), source };
    let none = || LdapProblem::NoCertificate { path: path.to_owned() };
    let text = std::fs::read(path).map_err(read)?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let added = certificate.ok().map(|certificate| roots.add(certificate));
        added.and_then(Result::ok).ok_or_else(none)?;
    }
    if roots.is_empty() { Err(none()) } else { Ok(roots) }
}

fn of_system() -> Result<RootCertStore, LdapProblem> {
    let mut roots = RootCertStore::empty();
    // Some in such a store may be too old to be understood; the others will do.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() { Err(LdapProblem::NoAuthorities) } else { Ok(roots) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_a_host_and_perhaps_a_port() {
        let plain = Some(Address { tls: false, is_ipv6: false });
        for url in ["ldap://ldap.example.org", "ldap://10.0.0.1:3890", "ldap://dc_1:389/"] {
            assert_eq!(Address::parse(url), plain, "{url}");
        }
        assert_eq!(Address::parse("ldaps://ldap.example.org:636"), Some(Address { tls: true, is_ipv6: false }));
        assert_eq!(Address::parse("ldap://[fd00::7]:389"), Some(Address { tls: false, is_ipv6: true }));
        for url in [
            "",
            "ldap.example.org",
            "ldap://",
            "ldap:///",
            "ldapi:///run/slapd",
            "http://ldap",
            "LDAP://ldap",
            "ldap://ldap:",
            "ldap://ldap:0",
            "ldap://ldap:+1",
            "ldap://ldap:65536",
            "ldap://ldap/dc=example",
            "ldap://admin:secret@ldap",
            "ldap://a b",
            "ldap://[fd00::7",
            "ldap://[ldap]",
            "ldap://[fd00::7]x",
        ] {
            assert_eq!(Address::parse(url), None, "{url}");
        }
    }
}
