//! A server: over the network with docker's credentials, or through its operator's socket with none.

use std::path::Path;
use std::time::Duration;

use axum::http::{Method, header};
use bytes::{Bytes, BytesMut};
use reqwest::{Certificate, Client, Response, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::http::listen::SocketPath;

use super::ReachError;
use super::credentials::{self, Credentials};
use super::exchange::{LONGEST, Reply};

/// How long a server may take to be connected to.
const CONNECT: Duration = Duration::from_secs(10);
/// How long one answer may take: what takes longer is a job.
const PATIENCE: Duration = Duration::from_secs(300);

/// A server that answers.
pub(in crate::cli) struct Server {
    client: Client,
    /// With a slash at the end.
    base: Url,
    credentials: Option<Credentials>,
    /// What the client goes through, for a socket with a long path.
    _way: Option<SocketPath>,
}

/// An answer of a token server.
#[derive(Deserialize)]
struct Token {
    #[serde(alias = "access_token")]
    token: String,
}

impl Server {
    /// A server on the network, with the credentials that docker has for it.
    pub(super) async fn remote(url: &str, ca_file: Option<&Path>) -> Result<Server, ReachError> {
        let wrong = || ReachError::Url(url.to_owned());
        let base = Url::parse(&format!("{}/", url.trim_end_matches('/'))).map_err(|_| wrong())?;
        let host = base.host_str().filter(|_| matches!(base.scheme(), "http" | "https")).ok_or_else(wrong)?;
        let plain = base.username().is_empty() && base.password().is_none() && base.query().is_none();
        if !plain {
            return Err(wrong());
        }
        let host = base.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let mut client = client();
        if let Some(path) = ca_file {
            client = client.tls_certs_merge(authorities(path)?);
        }
        // A helper is a program, which takes the time that it takes.
        let found = tokio::task::spawn_blocking(move || credentials::of(&host)).await;
        let credentials = found.map_err(std::io::Error::other)??;
        let client = built(client, &base)?;
        Ok(Server { client, base, credentials, _way: None })
    }

    /// The server whose operator's socket this is.
    pub(super) fn local(way: SocketPath, prefix: &str) -> Result<Server, ReachError> {
        let url = format!("http://localhost{prefix}");
        let base = Url::parse(&url).map_err(|_| ReachError::Url(url))?;
        // Nothing is encrypted there, so the system's authorities, which may be missing, are not looked for.
        let client = client().unix_socket(way.as_path()).tls_certs_only(Vec::new());
        let client = built(client, &base)?;
        Ok(Server { client, base, credentials: None, _way: Some(way) })
    }

    /// Sends a request. A password goes with it; where the server takes none, or docker has kept a token in its place, the
    /// server says where to get what it takes.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Reply, ReachError> {
        let password = match &self.credentials {
            Some(Credentials::Password { user, password }) => Some(basic(user, password)),
            Some(Credentials::IdentityToken(_)) | None => None,
        };
        let answer = self.send(&method, path, body.as_deref(), password.as_ref()).await?;
        let challenge = answer.headers().get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let challenge = challenge.filter(|_| answer.status() == 401).and_then(Challenge::parse);
        let answer = match (&self.credentials, challenge) {
            (Some(credentials), Some(challenge)) => {
                let token = self.token(credentials, &challenge).await?;
                self.send(&method, path, body.as_deref(), Some(&token)).await?
            }
            _ => answer,
        };
        let status = answer.status().as_u16();
        Ok(Reply { status, body: self.whole(answer).await? })
    }

    async fn send(
        &self,
        method: &Method,
        path: &str,
        body: Option<&str>,
        authorization: Option<&SecretString>,
    ) -> Result<Response, ReachError> {
        let url = self.base.join(&format!("api/v1/{path}")).map_err(|_| ReachError::Url(path.to_owned()))?;
        let mut request = self.client.request(method.clone(), url);
        if let Some(value) = authorization {
            request = request.header(header::AUTHORIZATION, value.expose_secret());
        }
        if let Some(body) = body {
            request = request.header(header::CONTENT_TYPE, "application/json").body(body.to_owned());
        }
        request.send().await.map_err(|source| self.unreachable(source))
    }

    async fn whole(&self, mut answer: Response) -> Result<Bytes, ReachError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = answer.chunk().await.map_err(|source| self.unreachable(source))? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > LONGEST {
                return Err(ReachError::Strange(format!("it answers with more than {LONGEST} bytes")));
            }
        }
        Ok(bytes.freeze())
    }

    /// A token for what the challenge is about (Docker Registry v2 authentication).
    async fn token(&self, credentials: &Credentials, challenge: &Challenge) -> Result<SecretString, ReachError> {
        let none = || ReachError::NoToken(challenge.realm.clone());
        let realm = Url::parse(&challenge.realm).map_err(|_| none())?;
        // What may not be read on the way to the server may not be on the way to where it sends us.
        if realm.scheme() != "https" && self.base.scheme() == "https" {
            return Err(none());
        }
        let request = match credentials {
            Credentials::Password { user, password } => {
                let mut realm = realm;
                realm.query_pairs_mut().append_pair("service", &challenge.service).extend_pairs(
                    challenge.scope.split(' ').filter(|scope| !scope.is_empty()).map(|scope| ("scope", scope)),
                );
                self.client.get(realm).header(header::AUTHORIZATION, basic(user, password).expose_secret())
            }
            Credentials::IdentityToken(token) => {
                let form = form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("refresh_token", token.expose_secret())
                    .append_pair("service", &challenge.service)
                    .append_pair("scope", &challenge.scope)
                    .append_pair("client_id", "wharf")
                    .finish();
                let request = self.client.post(realm);
                request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form)
            }
        };
        let answer = request.send().await.map_err(|source| self.unreachable(source))?;
        if !answer.status().is_success() {
            return Err(none());
        }
        let token: Token = serde_json::from_slice(&self.whole(answer).await?).map_err(|_| none())?;
        Ok(SecretString::from(format!("Bearer {}", token.token)))
    }

    fn unreachable(&self, source: reqwest::Error) -> ReachError {
        ReachError::Unreachable { url: self.base.to_string(), source: source.without_url() }
    }
}

fn client() -> reqwest::ClientBuilder {
    let agent = concat!("wharf/", env!("CARGO_PKG_VERSION"));
    // A password is for the server that was named, not for one that it points to.
    Client::builder().user_agent(agent).connect_timeout(CONNECT).timeout(PATIENCE).redirect(redirect::Policy::none())
}

fn built(client: reqwest::ClientBuilder, base: &Url) -> Result<Client, ReachError> {
    client.build().map_err(|source| ReachError::Unreachable { url: base.to_string(), source })
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, ReachError> {
    let wrong = |source| ReachError::Authorities { path: path.to_owned(), source };
    let pem = std::fs::read(path).map_err(|error| wrong(error.into()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| wrong(error.into()))?;
    if certificates.is_empty() { Err(wrong("there is no certificate in it".into())) } else { Ok(certificates) }
}

fn basic(user: &str, password: &SecretString) -> SecretString {
    let pair = SecretString::from(format!("{user}:{}", password.expose_secret()));
    SecretString::from(format!("Basic {}", data_encoding::BASE64.encode(pair.expose_secret().as_bytes())))
}

/// Where tokens are to be had (RFC 9110 §11.6.1, scheme `Bearer`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Challenge {
    realm: String,
    service: String,
    scope: String,
}

impl Challenge {
    /// Reads one with quoted values; none if it is of another scheme or names no place.
    fn parse(value: &str) -> Option<Challenge> {
        let (scheme, mut rest) = value.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut challenge = Challenge::default();
        while let Some((name, behind)) = rest.split_once("=\"") {
            let (text, behind) = quoted(behind)?;
            match name.trim_matches([' ', ',']) {
                "realm" => challenge.realm = text,
                "service" => challenge.service = text,
                "scope" => challenge.scope = text,
                _ => {}
            }
            rest = behind;
        }
        (!challenge.realm.is_empty()).then_some(challenge)
    }
}

/// What stands before the closing quote, and what behind it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut found = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '"' => return Some((found, &text[at + 1..])),
            '\\' => found.push(signs.next()?.1),
            sign => found.push(sign),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_as_servers_write_them() {
        let written = "Bearer realm=\"https://a/token\",service=\"wh\\\"arf\", scope=\"repository:a:pull,push registry:catalog:*\",error=\"invalid_token\"";
        let challenge = Challenge::parse(written).unwrap();
        assert_eq!(challenge.realm, "https://a/token");
        assert_eq!(challenge.service, "wh\"arf");
        assert_eq!(challenge.scope, "repository:a:pull,push registry:catalog:*");
        for other in ["", "Bearer", "Basic realm=\"wharf\"", "Bearer service=\"a\"", "Bearer realm=\"a"] {
            assert_eq!(Challenge::parse(other), None, "{other}");
        }
    }
}
