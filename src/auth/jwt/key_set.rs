//! The keys of an issuer: a JSON Web Key Set (RFC 7517 §5).

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde_json::Value;

use super::error::excerpt;
use super::{Algorithm, Claims, JwtError, Key, KeyError, Token};

/// The largest set that is read, in bytes.
pub(crate) const LARGEST: usize = 1024 * 1024;
/// As many keys may be in a set.
const MOST: usize = 256;
/// As many keys are tried for one token.
const MOST_TRIED: usize = 8;

/// A text is no set of keys.
#[derive(Debug, thiserror::Error)]
pub enum KeySetError {
    /// It is too large.
    #[error("a key set has at most {LARGEST} bytes")]
    TooLarge,
    /// It is not what RFC 7517 §5 says.
    #[error("it is not a JSON Web Key Set, an object with a list \"keys\"")]
    Json(#[source] serde_json::Error),
    /// It has too many keys.
    #[error("a key set has at most {MOST} keys")]
    TooMany,
}

/// Keys, each perhaps with a name. Several may have the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<(Option<String>, Key)>,
    passed_over: usize,
}

#[derive(Deserialize)]
struct Document {
    // One key that is damaged or of a new kind must not take the others with it.
    keys: Vec<Value>,
}

/// A key as RFC 7517 §4 and RFC 7518 §6 write it.
#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl KeySet {
    /// Reads a set. Keys that cannot have signed a token in a way that is accepted are passed over.
    pub(crate) fn parse(json: &[u8]) -> Result<KeySet, KeySetError> {
        if json.len() > LARGEST {
            return Err(KeySetError::TooLarge);
        }
        let document: Document = serde_json::from_slice(json).map_err(KeySetError::Json)?;
        if document.keys.len() > MOST {
            return Err(KeySetError::TooMany);
        }
        let mut set = KeySet::default();
        for value in document.keys {
            match serde_json::from_value::<Jwk>(value).ok().and_then(|jwk| Some((jwk.key()?, jwk.kid))) {
                Some((key, name)) => set.keys.push((name, key)),
                None => set.passed_over += 1,
            }
        }
        Ok(set)
    }

    /// With one more key.
    pub(crate) fn add(&mut self, name: String, key: Key) {
        self.keys.push((Some(name), key));
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// How many could not be used.
    pub(crate) fn passed_over(&self) -> usize {
        self.passed_over
    }

    /// The claims of a token that one of the keys signed: the one that it names, or, if it names none, any.
    pub(crate) fn verify(&self, token: &Token<'_>) -> Result<Claims, JwtError> {
        self.verify_named(token, token.key_name())
    }

    /// The claims of a token that a key with this name signed, or, without a name, any.
    pub(crate) fn verify_named(&self, token: &Token<'_>, name: Option<&str>) -> Result<Claims, JwtError> {
        token.verify(&self.candidates(name, token.algorithm())?)
    }

    fn candidates(&self, name: Option<&str>, algorithm: Algorithm) -> Result<Vec<&Key>, JwtError> {
        let named = |(own, _): &&(Option<String>, Key)| name.is_none_or(|name| own.as_deref() == Some(name));
        let mut named = self.keys.iter().filter(named).map(|(_, key)| key).peekable();
        if let (Some(name), None) = (name, named.peek()) {
            return Err(JwtError::UnknownKey(excerpt(name)));
        }
        let fitting: Vec<&Key> = named.filter(|key| key.fits(algorithm)).take(MOST_TRIED + 1).collect();
        match fitting.len() {
            0 => Err(JwtError::NoKeyFits(algorithm.as_str())),
            1..=MOST_TRIED => Ok(fitting),
            _ => Err(JwtError::TooManyKeys(MOST_TRIED)),
        }
    }
}

impl Jwk {
    /// The key, if tokens may be signed with it.
    fn key(&self) -> Option<Key> {
        let verifies = self.key_ops.as_ref().is_none_or(|operations| operations.iter().any(|name| name == "verify"));
        if !verifies || self.usage.as_deref().is_some_and(|usage| usage != "sig") {
            return None;
        }
        let key = self.material()?.ok()?;
        let Some(name) = &self.alg else { return Some(key) };
        let algorithm = Algorithm::from_name(name)?;
        key.fits(algorithm).then(|| key.only(algorithm))
    }

    fn material(&self) -> Option<Result<Key, KeyError>> {
        let bytes = |text: &Option<String>| BASE64URL_NOPAD.decode(text.as_ref()?.as_bytes()).ok();
        match (self.kty.as_str(), self.crv.as_deref()) {
            ("RSA", _) => Some(Key::rsa(&bytes(&self.n)?, &bytes(&self.e)?)),
            ("EC", Some("P-256")) => Some(Key::p256(&bytes(&self.x)?, &bytes(&self.y)?)),
            ("EC", Some("P-384")) => Some(Key::p384(&bytes(&self.x)?, &bytes(&self.y)?)),
            ("OKP", Some("Ed25519")) => Some(Key::ed25519(&bytes(&self.x)?)),
            _ => None,
        }
    }
}

#[cfg(test)]
#[path = "key_set_tests.rs"]
mod tests;
