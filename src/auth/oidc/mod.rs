//! Workload identity: tokens of identity providers, taken as credentials (OpenID Connect Core, Discovery).
//!
//! A build on GitHub or GitLab, or a pod in Kubernetes, has a token that says what it is, signed by a provider whose keys are
//! public. What such a token says is made into a user and groups by rules of the operator's; a token that no rule fits is
//! refused. Providers are asked for keys and for nothing else, and never by a request more often than `keys` allows.

mod claim;
mod error;
mod fetch;
mod identity;
mod keys;
mod template;

use std::sync::Arc;

use time::OffsetDateTime;

pub use error::{FetchError, IdentityError, OidcError};
use fetch::Fetcher;
use identity::Rule;
use keys::Keys;

use super::jwt::{Algorithm, Claims, JwtError, Token, issuer_of};
use super::{Identity, OidcIssuer};

/// The identity providers that are trusted.
#[derive(Debug)]
pub struct Oidc {
    issuers: Vec<Issuer>,
}

#[derive(Debug)]
struct Issuer {
    name: String,
    audiences: Vec<String>,
    rules: Vec<Rule>,
    keys: Arc<Keys>,
}

/// Whom a token stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The user and groups.
    pub identity: Identity,
    /// Until when (`exp`). The token is still taken for a minute after that, since clocks differ.
    pub expires: OffsetDateTime,
}

impl Oidc {
    /// Makes ready to ask these providers. It reads the files of `ca`, and asks nobody yet.
    pub fn new(issuers: &[OidcIssuer]) -> Result<Oidc, OidcError> {
        let mut made: Vec<Issuer> = Vec::new();
        for settings in issuers {
            if made.iter().any(|issuer| issuer.name == settings.issuer) {
                return Err(OidcError::Twice { issuer: settings.issuer.clone() });
            }
            made.push(Issuer {
                name: settings.issuer.clone(),
                audiences: settings.audiences.clone(),
                rules: Rule::all(settings)?,
                keys: Arc::new(Keys::of(Fetcher::new(settings)?)),
            });
        }
        Ok(Oidc { issuers: made })
    }

    /// Whether a token says that it is from one of the providers. Nothing is verified.
    pub fn concerns(&self, token: &str) -> bool {
        self.issuer(token).is_some()
    }

    /// Whom a token stands for, if it is from one of the providers, for this registry and for this time. It may wait for the
    /// provider's keys, for up to 20 seconds.
    pub async fn verify(&self, token: &str, now: OffsetDateTime) -> Result<Verified, OidcError> {
        let issuer = self.issuer(token).ok_or(OidcError::UnknownIssuer)?;
        let claims = issuer.claims(&Token::read(token, &Algorithm::ALL)?, now).await?;
        let expires = claims.check(&issuer.name, &issuer.audiences, now)?;
        Ok(Verified { identity: identity::of(&issuer.rules, claims.all())?, expires })
    }

    fn issuer(&self, token: &str) -> Option<&Issuer> {
        let name = issuer_of(token)?;
        self.issuers.iter().find(|issuer| issuer.name == name)
    }
}

impl Issuer {
    /// What a token says, if the provider signed it. If its key is not known, there may be a new one.
    async fn claims(&self, token: &Token<'_>, now: OffsetDateTime) -> Result<Claims, OidcError> {
        let known = self.keys.current(now).await?;
        let refused = match known.set.verify(token) {
            Ok(claims) => return Ok(claims),
            Err(refused) => refused,
        };
        let is_new = match refused {
            JwtError::UnknownKey(_) => true,
            // Without a name, a new key looks like a wrong signature.
            JwtError::Signature | JwtError::NoKeyFits(_) => token.key_name().is_none(),
            _ => false,
        };
        if !is_new {
            return Err(refused.into());
        }
        match self.keys.newer_than(&known, now).await? {
            Some(newer) => Ok(newer.set.verify(token)?),
            None => Err(refused.into()),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
