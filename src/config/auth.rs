//! `auth` and `access` into the settings of [`crate::auth`]: which ways there are to log in, and what goes with what.

use std::path::{Path, PathBuf};

use super::document::{Document, text_of};
use super::error::ConfigError;
use super::node::{Node, below};
use super::{access, ldap, oidc, token_server};
use crate::auth::{CertificateName, Settings};
use crate::http::{self, ClientCertificates};

/// What this registry is called where nobody named it.
const REALM: &str = "wharf";

/// Every way to log in that is served.
const KINDS: [&str; 5] = ["htpasswd", "token", "ldap", "oidc", "certificate"];

/// Reads the settings; `root` is the volume, and `door` says whether clients are asked for certificates.
pub(super) fn settings(document: &mut Document, root: &Path, door: &http::Settings) -> Result<Settings, ConfigError> {
    kinds(document)?;
    if document.is_empty("auth") {
        let what = "is empty, so nobody has to log in; name a way to log in, such as htpasswd, or remove it";
        document.surprise("auth", what);
    }
    let htpasswd = htpasswd(document)?;
    let mut settings = Settings {
        directory: root.join("wharf").join("auth"),
        realm: realm(document)?,
        htpasswd,
        ldap: ldap::settings(document)?,
        oidc: oidc::settings(document)?,
        certificate: certificate(document, door)?,
        token_server: token_server::settings(document)?,
        access: None,
    };
    settings.access = access::settings(document, &settings)?;
    if settings.access.is_none() {
        for key in
            ["auth.oidc", "auth.certificate"].into_iter().filter(|key| document.find(key).is_some()).collect::<Vec<_>>()
        {
            let what =
                "lets whoever is known by it do everything, since there are no rules; write what each may into access";
            document.surprise(key, what);
        }
    }
    Ok(settings)
}

/// Refuses kinds that are not there, that are empty, and that do not go together. To pass one over would leave open what
/// somebody meant to close.
fn kinds(document: &Document) -> Result<(), ConfigError> {
    let Some(map) = document.find("auth").and_then(Node::map) else {
        return Ok(());
    };
    for (name, node) in &map.entries {
        let (origin, key) = (node.origin.clone(), below("auth", name));
        let conflict = |reason: &str| {
            Err(ConfigError::Conflict { origin: origin.clone(), key: key.clone(), reason: reason.to_owned() })
        };
        if name == "silly" {
            return conflict(
                "it lets in everybody with any password; use auth.htpasswd, or remove it to serve everyone",
            );
        }
        if !KINDS.contains(&name.as_str()) {
            return Err(ConfigError::UnknownKey { origin, key, nearest: None, known: KINDS.to_vec() });
        }
        if node.is_null() {
            return conflict("is empty, which would let nobody in this way; write what belongs there, or remove it");
        }
        if name != "token" && document.find("auth.token").is_some() {
            return conflict("does not go with auth.token, whose tokens decide alone; remove one of the two");
        }
    }
    if document.find("auth.token").is_some() && document.find("access").is_some() {
        let reason = "does not go with auth.token, whose tokens decide alone who may do what; remove one of the two";
        return Err(document.conflict("access", reason));
    }
    Ok(())
}

/// The file of `auth.htpasswd`. As in registry:2, it needs a realm too.
fn htpasswd(document: &Document) -> Result<Option<PathBuf>, ConfigError> {
    let section = "auth.htpasswd";
    if document.find(section).is_none() {
        return Ok(None);
    }
    if document.find("auth.htpasswd.realm").and_then(text_of).is_none() {
        return Err(document.conflict(section, "auth.htpasswd.realm is missing"));
    }
    match document.text("auth.htpasswd.path") {
        Some(path) => Ok(Some(PathBuf::from(path))),
        None => Err(document.conflict(section, "auth.htpasswd.path is missing")),
    }
}

fn realm(document: &Document) -> Result<String, ConfigError> {
    let key = "auth.htpasswd.realm";
    let realm = document.text(key).unwrap_or(REALM);
    if realm.chars().any(char::is_control) {
        return Err(document.expected(key, "a text that can be printed"));
    }
    Ok(realm.to_owned())
}

/// What of a certificate is the user's name, if clients are asked for one at all.
fn certificate(document: &Document, door: &http::Settings) -> Result<Option<CertificateName>, ConfigError> {
    let section = "auth.certificate";
    if document.find(section).is_none() {
        return Ok(None);
    }
    let asks = |listener: &http::Listener| match listener.tls.as_ref().map(|tls| &tls.clients) {
        Some(ClientCertificates::Required(_) | ClientCertificates::Optional(_)) => true,
        Some(ClientCertificates::NotAsked) | None => false,
    };
    if !door.listeners.iter().any(asks) {
        let reason =
            "no client is asked for a certificate; name who signs them in http.tls.clientcas or https.clientcas";
        return Err(document.conflict(section, reason));
    }
    let key = "auth.certificate.user";
    match document.text(key).unwrap_or("commonname") {
        "commonname" => Ok(Some(CertificateName::CommonName)),
        "email" => Ok(Some(CertificateName::Email)),
        "dns" => Ok(Some(CertificateName::Dns)),
        "uri" => Ok(Some(CertificateName::Uri)),
        _ => Err(document.expected(key, "commonname, email, dns or uri")),
    }
}
