//! Values that are never printed: the type, and which keys hold them.

use std::borrow::Cow;
use std::fmt;

/// A text that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Secret(String);

/// What is shown in the place of a secret.
pub(super) const MASK: &str = "***";

/// Keys whose value is a secret, wherever they stand: drivers and hooks have options of their own making.
const KEYS: [&str; 15] = [
    "accesskey",
    "accesskeyid",
    "accesskeysecret",
    "accountkey",
    "apikey",
    "authtoken",
    "bindpassword",
    "encryptionkey",
    "licensekey",
    "password",
    "private_key",
    "secret",
    "secretkey",
    "sentinelpassword",
    "sessiontoken",
];

impl Secret {
    pub(super) fn new(text: String) -> Secret {
        Secret(text)
    }

    /// The text itself, for whoever needs it to do its work.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(MASK)
    }
}

/// Whether all that stands under `key`, a key with dots from the top, is secret. The headers that are sent to others
/// (`notifications`, `health.http`) are too, as `Authorization` is one of them; those of `http` are public.
pub(super) fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
    KEYS.contains(&name.as_str()) || (name == "headers" && key != "http.headers")
}

/// A URL without the password that may stand in it (RFC 3986 §3.2.1); any other text as it is.
pub(super) fn without_userinfo(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return Cow::Borrowed(text) };
    let authority = rest.find(['/', '?', '#']).map_or(rest, |end| &rest[..end]);
    match authority.rfind('@') {
        Some(at) => Cow::Owned(format!("{scheme}://{MASK}{}", &rest[at..])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::new("hunter2".to_owned());
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.reveal(), "hunter2");
    }

    #[test]
    fn keys_that_hold_secrets_are_known_wherever_they_stand() {
        for key in [
            "http.secret",
            "redis.password",
            "storage.s3.secretkey",
            "storage.azure.credentials.secret",
            "notifications.endpoints.headers",
            "auth.ldap.bindpassword",
            "health.http.headers",
        ] {
            assert!(is_secret(key), "{key}");
        }
        for key in ["http.headers", "http.tls.key", "log.fields.service", "auth.ldap.bindpasswordfile"] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
