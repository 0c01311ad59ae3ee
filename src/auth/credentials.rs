//! What a request says about who sends it: `Authorization`, read once.

use data_encoding::{BASE64, BASE64_NOPAD};
use secrecy::{ExposeSecret, SecretString};

/// The longest value that is read, in bytes: a password may be a token of an identity provider.
const LONGEST: usize = 32 * 1024;

/// What a client shows to prove who it is (RFC 7617, RFC 6750).
#[derive(Clone, Debug)]
pub enum Credentials {
    /// A name and a password, or a token in its place.
    Basic {
        /// The name.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token.
    Bearer(SecretString),
}

/// A value of `Authorization` that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// Neither Basic nor Bearer.
    #[error("Authorization is Basic or Bearer here")]
    Scheme,
    /// Not as its scheme has it.
    #[error("Authorization cannot be read: Basic is the base64 of USER:PASSWORD, Bearer a token")]
    Form,
    /// Too long.
    #[error("Authorization is longer than {LONGEST} bytes")]
    Length,
}

impl Credentials {
    /// Whether a value of `Authorization` is there and says nothing: Basic with neither a name nor a password, which is what
    /// some clients send for nobody.
    pub fn are_none(value: &[u8]) -> bool {
        // Longer than this is something, and need not be read twice.
        value.len() <= "Basic Og==".len() + 2
            && matches!(
                Credentials::parse(value),
                Ok(Credentials::Basic { user, password }) if user.is_empty() && password.expose_secret().is_empty()
            )
    }

    /// Reads the value of `Authorization`.
    pub fn parse(value: &[u8]) -> Result<Credentials, CredentialsError> {
        if value.len() > LONGEST {
            return Err(CredentialsError::Length);
        }
        let text = std::str::from_utf8(value).map_err(|_| CredentialsError::Form)?;
        let (scheme, rest) = text.trim().split_once(' ').ok_or(CredentialsError::Scheme)?;
        let rest = rest.trim_start();
        if scheme.eq_ignore_ascii_case("bearer") {
            let plain = |b: u8| b.is_ascii_graphic();
            return match !rest.is_empty() && rest.bytes().all(plain) {
                true => Ok(Credentials::Bearer(rest.into())),
                false => Err(CredentialsError::Form),
            };
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return Err(CredentialsError::Scheme);
        }
        let decoded = BASE64.decode(rest.as_bytes()).or_else(|_| BASE64_NOPAD.decode(rest.as_bytes()));
        let decoded = decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()).ok_or(CredentialsError::Form)?;
        let (user, password) = decoded.split_once(':').ok_or(CredentialsError::Form)?;
        Ok(Credentials::Basic { user: user.to_owned(), password: password.into() })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn basic(value: &str) -> Option<(String, String)> {
        match Credentials::parse(value.as_bytes()).ok()? {
            Credentials::Basic { user, password } => Some((user, password.expose_secret().to_owned())),
            Credentials::Bearer(_) => None,
        }
    }

    #[test]
    fn a_password_may_hold_colons_and_be_empty() {
        assert_eq!(basic("Basic YWxpY2U6YTpi"), Some(("alice".into(), "a:b".into())));
        assert_eq!(basic("basic YWxpY2U6"), Some(("alice".into(), String::new())));
        assert_eq!(basic("Basic OnB3"), Some((String::new(), "pw".into())));
    }

    #[test]
    fn neither_a_name_nor_a_password_is_nobody() {
        assert!(Credentials::are_none(b"Basic Og=="));
        for value in ["Basic YWxpY2U6", "Basic OnB3", "Bearer x", "nonsense"] {
            assert!(!Credentials::are_none(value.as_bytes()), "{value}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_refused() {
        for (value, error) in [
            ("", CredentialsError::Scheme),
            ("Digest x", CredentialsError::Scheme),
            ("Basic", CredentialsError::Scheme),
            ("Basic %%%", CredentialsError::Form),
            ("Basic YWxpY2U=", CredentialsError::Form),
            ("Bearer a b", CredentialsError::Form),
        ] {
            assert_eq!(Credentials::parse(value.as_bytes()).err(), Some(error), "{value}");
        }
        assert_eq!(Credentials::parse(&vec![b'a'; LONGEST + 1]).err(), Some(CredentialsError::Length));
    }

    #[test]
    fn neither_password_nor_token_prints() {
        for value in ["Basic YWxpY2U6aHVudGVyMg==", "Bearer hunter2"] {
            assert!(!format!("{:?}", Credentials::parse(value.as_bytes())).contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(value in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Credentials::parse(&value);
        }
    }
}
