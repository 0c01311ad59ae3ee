//! A token as it was sent: three parts in base64url with dots between them (RFC 7515 §7.1).

use data_encoding::BASE64URL_NOPAD;
use serde::de::IgnoredAny;
use serde::{Deserialize, Deserializer};

use super::error::excerpt;
use super::{Algorithm, Claims, JwtError, Key};

/// The longest token, in bytes. It comes in a header, which is not longer.
const LONGEST: usize = 16 * 1024;

/// A token that was read and is not believed yet.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    header: Header,
    algorithm: Algorithm,
    /// The header and the payload, as they are signed.
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// What a header may say that means something here. `jku` and `x5u` mean nothing, and of `jwk` only its name does: whoever
/// sends a token does not say which key to trust.
#[derive(Debug, Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    x5c: Option<Vec<String>>,
    jwk: Option<Named>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
}

#[derive(Debug, Deserialize)]
struct Named {
    kid: Option<String>,
}

/// That something is there, whatever it is.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}

impl<'a> Token<'a> {
    /// Takes a token apart that is signed in one of these ways.
    pub(crate) fn read(text: &'a str, accepted: &[Algorithm]) -> Result<Token<'a>, JwtError> {
        let [header, payload, signature] = parts(text)?;
        let header: Header =
            serde_json::from_slice(&decoded(header, "header")?).map_err(|_| JwtError::Json("header"))?;
        if header.crit {
            return Err(JwtError::Critical);
        }
        let algorithm = Algorithm::from_name(&header.alg).filter(|algorithm| accepted.contains(algorithm));
        let algorithm = algorithm.ok_or_else(|| JwtError::Algorithm(excerpt(&header.alg)))?;
        // What is signed ends before the dot of the signature.
        let signed = &text[..text.len() - signature.len() - 1];
        decoded(signature, "signature")?;
        Ok(Token { header, algorithm, signed, payload, signature })
    }

    /// How it says that it is signed.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// What it calls its key (`kid`).
    pub(crate) fn key_name(&self) -> Option<&str> {
        self.header.kid.as_deref()
    }

    /// What the key that it brings along is called (`jwk.kid`); the key itself is not looked at.
    pub(crate) fn enclosed_key_name(&self) -> Option<&str> {
        self.header.jwk.as_ref()?.kid.as_deref()
    }

    /// The certificates that it brings along, in base64 (`x5c`).
    pub(crate) fn certificates(&self) -> &[String] {
        self.header.x5c.as_deref().unwrap_or_default()
    }

    /// What it says, if one of these keys signed it.
    pub(crate) fn verify(&self, keys: &[&Key]) -> Result<Claims, JwtError> {
        if !keys.iter().any(|key| key.fits(self.algorithm)) {
            return Err(JwtError::NoKeyFits(self.algorithm.as_str()));
        }
        if !keys.iter().any(|key| key.signed(self.algorithm, self.signed, self.signature)) {
            return Err(JwtError::Signature);
        }
        Claims::parse(&decoded(self.payload, "payload")?)
    }
}

/// Who a token says that it is from (`iss`). Nothing is verified: it says who is to verify it, and no more.
pub(crate) fn issuer_of(token: &str) -> Option<String> {
    let [_, payload, _] = parts(token).ok()?;
    let claims = Claims::parse(&decoded(payload, "payload").ok()?).ok()?;
    claims.text("iss").ok()?.map(str::to_owned)
}

fn parts(token: &str) -> Result<[&str; 3], JwtError> {
    if token.len() > LONGEST {
        return Err(JwtError::TooLong(LONGEST));
    }
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(payload), Some(signature), None) => Ok([header, payload, signature]),
        _ => Err(JwtError::NotThreeParts),
    }
}

fn decoded(part: &str, name: &'static str) -> Result<Vec<u8>, JwtError> {
    BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwtError::Encoding(name))
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
