//! A name that a certificate vouches for: a host name or an address.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use super::TlsError;

/// A host name, in lower case, or an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CertifiedName {
    /// A host name; a leading `*.` stands for one label.
    Host(String),
    /// An address.
    Address(IpAddr),
}

impl FromStr for CertifiedName {
    type Err = TlsError;

    fn from_str(text: &str) -> Result<Self, TlsError> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        let host = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let labels = host.strip_prefix("*.").unwrap_or(&host);
        if host.len() <= 253 && labels.split('.').all(is_label) {
            Ok(Self::Host(host))
        } else {
            Err(TlsError::Name { name: text.to_owned() })
        }
    }
}

/// RFC 1123 §2.1, and underscores, which hosts have all the same.
fn is_label(label: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len()) && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
}

impl fmt::Display for CertifiedName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => formatter.write_str(host),
            Self::Address(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_are_told_apart_and_written_one_way() {
        for (text, printed) in [
            ("Registry.Example.org.", "registry.example.org"),
            ("*.example.org", "*.example.org"),
            ("build_01", "build_01"),
            ("10.0.0.7", "10.0.0.7"),
            ("[FD00::7]", "fd00::7"),
            ("::ffff:10.0.0.7", "10.0.0.7"),
        ] {
            assert_eq!(text.parse::<CertifiedName>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_host_name_is_refused() {
        for text in ["", "host:5000", "a..b", "-a", "a-", "bücher.example", "a b", "*", "a.*.b", "https://a"] {
            assert!(text.parse::<CertifiedName>().is_err(), "{text}");
        }
    }
}
