//! Tokens of a server elsewhere that decides who may do what: `auth.token` of registry:2 and registry:3.
//!
//! A token is believed if a key signed it that the operator has put into a file: the key of a certificate in
//! `rootcertbundle`, named by the token's `kid`; the key of a certificate that one of those signed, brought along in `x5c`;
//! or a key in `jwks`. Which key that is, the token may name; it is never one that the token brings along by itself.
//!
//! registry:2 reads the files once. Here they are read again when they change, so that keys can be exchanged without a
//! restart.

mod access;
mod error;
mod files;
mod key_name;
mod roots;

use std::sync::{Mutex, PoisonError};

use arc_swap::ArcSwap;
use time::OffsetDateTime;

pub use error::TokenServerError;
use files::{Content, Keys};

use super::jwt::{Algorithm, JwtError, Token};
use super::scope::Access;
use super::{Fingerprint, settings};

/// Algorithms that registry:3 has and we do not: no secret verifies here, and P-521 is not supported.
const REFUSED: [&str; 4] = ["HS256", "HS384", "HS512", "ES512"];

/// A token server that is trusted.
#[derive(Debug)]
pub struct TokenServer {
    settings: settings::TokenServer,
    algorithms: Vec<Algorithm>,
    keys: ArcSwap<Keys>,
    seen: Mutex<Seen>,
}

/// What the last look found.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// This content, whether or not it could be used.
    Content(Fingerprint),
    /// That a file could not be read.
    Nothing,
}

/// What a token of the server says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct External {
    /// Whom it is for (`sub`); empty if it does not say, as for somebody who has not logged in.
    pub subject: String,
    /// What it opens (`access`).
    pub access: Vec<Access>,
    /// Until when (`exp`). It is still taken for a minute after that, since clocks differ.
    pub expires: OffsetDateTime,
}

impl TokenServer {
    /// Reads the keys. The files must be there and make sense. It blocks.
    pub fn open(settings: &settings::TokenServer) -> Result<TokenServer, TokenServerError> {
        let algorithms = algorithms(&settings.algorithms)?;
        let content = Content::read(settings)?;
        let keys = content.keys(settings)?;
        warn_of(&keys);
        Ok(TokenServer {
            settings: settings.clone(),
            algorithms,
            keys: ArcSwap::from_pointee(keys),
            seen: Mutex::new(Seen::Content(content.fingerprint())),
        })
    }

    /// Looks whether the files have changed, and uses them from then on. What cannot be used is said once in the log, and the
    /// old keys stay. It reads files, so it blocks; about once a second is often enough.
    pub fn look(&self) {
        let content = Content::read(&self.settings);
        let now = content.as_ref().map_or(Seen::Nothing, |content| Seen::Content(content.fingerprint()));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *seen == now {
            return;
        }
        *seen = now;
        match content.and_then(|content| content.keys(&self.settings)) {
            Ok(keys) => {
                tracing::info!("new keys of the token server are in use");
                warn_of(&keys);
                self.keys.store(keys.into());
            }
            Err(error) => {
                let error: &dyn std::error::Error = &error;
                tracing::error!(error, "the token server's new keys cannot be used, the old ones stay in use");
            }
        }
    }

    /// What a token says, if it is from the server, for this registry and for this time.
    pub fn verify(&self, token: &str, now: OffsetDateTime) -> Result<External, JwtError> {
        let token = Token::read(token, &self.algorithms)?;
        let keys = self.keys.load();
        let claims = match token.certificates() {
            [] => {
                // libtrust's servers name their key inside the key that they enclose.
                let name = token.key_name().or_else(|| token.enclosed_key_name()).ok_or(JwtError::NoKeyName)?;
                keys.named.verify_named(&token, Some(name))?
            }
            chain => token.verify(&[&keys.roots.key_of(chain, now)?])?,
        };
        let audience = std::slice::from_ref(&self.settings.service);
        let expires = claims.check(&self.settings.issuer, audience, now)?;
        Ok(External {
            subject: claims.text("sub")?.unwrap_or_default().to_owned(),
            access: access::of(&claims)?,
            expires,
        })
    }

    /// Where clients get tokens (`realm`).
    pub fn realm(&self) -> &str {
        &self.settings.realm
    }

    /// What tokens must be meant for (`service`).
    pub fn service(&self) -> &str {
        &self.settings.service
    }

    /// The path on this registry's own host where clients get tokens instead of at [`TokenServer::realm`], if there is one.
    pub fn redirect_path(&self) -> Option<&str> {
        self.settings.redirect_path.as_deref()
    }
}

/// The algorithms of `signingalgorithms`; all, if it is empty.
fn algorithms(names: &[String]) -> Result<Vec<Algorithm>, TokenServerError> {
    if names.is_empty() {
        return Ok(Algorithm::ALL.to_vec());
    }
    let mut algorithms = Vec::new();
    for name in names {
        match Algorithm::from_name(name) {
            Some(algorithm) => algorithms.push(algorithm),
            None if REFUSED.contains(&name.as_str()) => {
                tracing::warn!(
                    "auth.token.signingalgorithms: {name} is not supported, tokens signed with it are refused"
                );
            }
            None => return Err(TokenServerError::Algorithm { name: name.clone() }),
        }
    }
    if algorithms.is_empty() { Err(TokenServerError::NoAlgorithm) } else { Ok(algorithms) }
}

fn warn_of(keys: &Keys) {
    if keys.passed_over > 0 {
        tracing::warn!(
            "auth.token: {} of the token server's keys cannot verify tokens; those can that are RSA of 2048 bits or more, \
             P-256, P-384 or Ed25519",
            keys.passed_over
        );
    }
}

#[cfg(test)]
#[path = "forgery_tests.rs"]
mod forgery_tests;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
