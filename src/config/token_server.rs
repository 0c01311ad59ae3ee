//! `auth.token`: the token server that decides instead of rules, as in registry:2.

use std::path::PathBuf;

use super::document::Document;
use super::error::ConfigError;
use super::http::is_path;
use super::url;
use crate::auth::TokenServer;

const SECTION: &str = "auth.token";

/// Algorithms by which a token can be signed with a key that is not told to those who read it (RFC 7518 §3.1, RFC 8037).
const ALGORITHMS: [&str; 9] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA"];

/// Reads the settings, if there is such a server.
pub(super) fn settings(document: &mut Document) -> Result<Option<TokenServer>, ConfigError> {
    if document.find(SECTION).is_none() {
        return Ok(None);
    }
    let root_certificates = document.text("auth.token.rootcertbundle").map(PathBuf::from);
    let jwks = document.text("auth.token.jwks").map(PathBuf::from);
    if root_certificates.is_none() && jwks.is_none() {
        let reason = "nothing says whose tokens are good; auth.token.rootcertbundle or auth.token.jwks is missing";
        return Err(document.conflict(SECTION, reason));
    }
    let server = TokenServer {
        realm: needed(document, "realm")?,
        service: needed(document, "service")?,
        issuer: needed(document, "issuer")?,
        root_certificates,
        jwks,
        algorithms: algorithms(document)?,
        redirect_path: redirect_path(document)?,
    };
    if !url::is_url(&server.realm) && server.redirect_path.is_none() {
        document.surprise("auth.token.realm", "clients ask for tokens there, so it should be a URL of http or https");
    }
    Ok(Some(server))
}

/// A text that registry:2 demands too. All of them go into a header.
fn needed(document: &Document, name: &str) -> Result<String, ConfigError> {
    let key = format!("{SECTION}.{name}");
    match document.text(&key) {
        Some(text) if text.chars().any(char::is_control) => Err(document.expected(&key, "a text that can be printed")),
        Some(text) => Ok(text.to_owned()),
        None => Err(document.conflict(SECTION, format!("{key} is missing"))),
    }
}

fn algorithms(document: &Document) -> Result<Vec<String>, ConfigError> {
    let key = "auth.token.signingalgorithms";
    let names = document.texts(key)?;
    match names.iter().find(|name| !ALGORITHMS.contains(*name)) {
        Some(name) => {
            let known = ALGORITHMS.join(", ");
            Err(document.conflict(key, format!("{name:?} cannot be checked with a public key; there are {known}")))
        }
        None => Ok(names.into_iter().map(str::to_owned).collect()),
    }
}

fn redirect_path(document: &Document) -> Result<Option<String>, ConfigError> {
    let key = "auth.token.autoredirectpath";
    if !document.is_on("auth.token.autoredirect")? {
        return Ok(None);
    }
    let path = document.text(key).unwrap_or("/auth/token");
    if is_path(path) { Ok(Some(path.to_owned())) } else { Err(document.expected(key, "a path such as /auth/token")) }
}
