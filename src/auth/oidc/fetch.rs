//! Asks a provider for its keys.

use std::fs;
use std::time::Duration;

use reqwest::{Certificate, Client, Url, redirect};
use serde::Deserialize;

use super::{FetchError, OidcError};
use crate::auth::OidcIssuer;
use crate::auth::jwt::{KeySet, LARGEST};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a provider's keys are, and how to get there.
#[derive(Debug)]
pub(super) struct Fetcher {
    client: Client,
    issuer: String,
    /// Where the keys are, or else where the provider describes itself.
    place: Place,
    /// Whether connections need not be encrypted.
    plain: bool,
}

#[derive(Debug)]
enum Place {
    Keys(Url),
    Description(Url),
}

/// What a provider says about itself (OpenID Connect Discovery 1.0 §3).
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Fetcher {
    pub(super) fn new(settings: &OidcIssuer) -> Result<Fetcher, OidcError> {
        let issuer = settings.issuer.clone();
        let wrong = |key, url: &str| OidcError::Url { issuer: issuer.clone(), key, url: url.to_owned() };
        let own = Url::parse(&issuer).map_err(|_| wrong("issuer", &issuer))?;
        let plain = own.scheme() == "http";
        if !is_safe(&own, plain) {
            return Err(wrong("issuer", &issuer));
        }
        let place = match &settings.jwks {
            Some(keys) => {
                let url = Url::parse(keys).ok().filter(|url| is_safe(url, plain));
                Place::Keys(url.ok_or_else(|| wrong("jwks", keys))?)
            }
            None => {
                // OpenID Connect Discovery 1.0 §4.1: a slash at the end goes.
                let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
                Place::Description(Url::parse(&url).map_err(|_| wrong("issuer", &issuer))?)
            }
        };
        let client = client(settings, plain)?;
        Ok(Fetcher { client, issuer, place, plain })
    }

    /// The issuer's name.
    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Its keys now; at least one.
    pub(super) async fn keys(&self) -> Result<KeySet, FetchError> {
        let url = match &self.place {
            Place::Keys(url) => url.clone(),
            Place::Description(url) => self.described(url).await?,
        };
        let set = KeySet::parse(&self.get(&url).await?)
            .map_err(|source| FetchError::KeySet { url: url.to_string(), source })?;
        if set.is_empty() { Err(FetchError::NoKey { url: url.to_string() }) } else { Ok(set) }
    }

    async fn described(&self, url: &Url) -> Result<Url, FetchError> {
        let answer = self.get(url).await?;
        let url = || url.to_string();
        let description: Description =
            serde_json::from_slice(&answer).map_err(|source| FetchError::Description { url: url(), source })?;
        if description.issuer != self.issuer {
            return Err(FetchError::OtherIssuer { url: url(), said: description.issuer });
        }
        let keys = Url::parse(&description.jwks_uri).ok().filter(|keys| is_safe(keys, self.plain));
        keys.ok_or_else(|| FetchError::KeysUrl { url: url(), keys: description.jwks_uri })
    }

    async fn get(&self, url: &Url) -> Result<Vec<u8>, FetchError> {
        // The error says the URL itself otherwise, and a second time.
        let failed =
            |source: reqwest::Error| FetchError::Request { url: url.to_string(), source: source.without_url() };
        let mut answer = self.client.get(url.clone()).send().await.map_err(failed)?;
        if answer.status() != reqwest::StatusCode::OK {
            return Err(FetchError::Status { url: url.to_string(), status: answer.status().as_u16() });
        }
        let mut body = Vec::new();
        while let Some(part) = answer.chunk().await.map_err(failed)? {
            if body.len() + part.len() > LARGEST {
                return Err(FetchError::TooLarge { url: url.to_string(), most: LARGEST });
            }
            body.extend_from_slice(&part);
        }
        Ok(body)
    }
}

/// Whether nobody on the way can put other keys there, unless the provider is not protected from that anyway.
fn is_safe(url: &Url, plain: bool) -> bool {
    url.has_host() && (url.scheme() == "https" || plain && url.scheme() == "http")
}

fn client(settings: &OidcIssuer, plain: bool) -> Result<Client, OidcError> {
    let issuer = || settings.issuer.clone();
    let mut builder = Client::builder()
        .timeout(PATIENCE)
        .redirect(redirect::Policy::none())
        .https_only(!plain)
        .user_agent("wharf")
        // An hour passes until the next request.
        .pool_max_idle_per_host(0);
    if let Some(path) = &settings.ca {
        let content =
            fs::read(path).map_err(|source| OidcError::ReadCa { issuer: issuer(), path: path.clone(), source })?;
        let authorities = Certificate::from_pem_bundle(&content).ok().filter(|found| !found.is_empty());
        let wrong = || OidcError::Ca { issuer: issuer(), path: path.clone() };
        builder = builder.tls_certs_only(authorities.ok_or_else(wrong)?);
    } else if plain {
        // The system's authorities are not needed, and need not be there.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|source| OidcError::Client { issuer: issuer(), source })
}
