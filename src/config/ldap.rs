//! `auth.ldap`: the directory that knows users.

use std::path::{Path, PathBuf};

use secrecy::SecretString;

use super::document::Document;
use super::error::ConfigError;
use super::{named_file, url};
use crate::auth::LdapSettings;

const SECTION: &str = "auth.ldap";

/// The longest file with a password, in bytes.
const LONGEST_PASSWORD: u64 = 4096;

/// Reads the settings, if there is such a directory.
pub(super) fn settings(document: &mut Document) -> Result<Option<LdapSettings>, ConfigError> {
    if document.find(SECTION).is_none() {
        return Ok(None);
    }
    let start_tls = document.is_on("auth.ldap.starttls")?;
    Ok(Some(LdapSettings {
        url: url(document, start_tls)?,
        start_tls,
        ca: document.text("auth.ldap.ca").map(PathBuf::from),
        bind: bind(document)?,
        user_base: document
            .text("auth.ldap.users.base")
            .ok_or_else(|| document.conflict(SECTION, "auth.ldap.users.base is missing"))?
            .to_owned(),
        user_filter: filter(document, "auth.ldap.users.filter", "(uid={user})", &["{user}"])?,
        user_name: attribute(document, "auth.ldap.users.name", "uid")?,
        group_base: group_base(document)?,
        group_filter: filter(document, "auth.ldap.groups.filter", "(member={dn})", &["{dn}", "{user}"])?,
        group_name: attribute(document, "auth.ldap.groups.name", "cn")?,
    }))
}

/// Where the directory is. That passwords travel in the clear is remarked, unless they stay on this machine.
fn url(document: &mut Document, start_tls: bool) -> Result<String, ConfigError> {
    let key = "auth.ldap.url";
    let Some(text) = document.text(key).map(str::to_owned) else {
        return Err(document.conflict(SECTION, "auth.ldap.url is missing"));
    };
    let secure = text.starts_with("ldaps://");
    let host = text.strip_prefix(if secure { "ldaps://" } else { "ldap://" }).unwrap_or_default();
    let host = host.strip_suffix('/').unwrap_or(host);
    if !url::is_host(host) {
        return Err(document.expected(key, "an address such as ldaps://ldap.example.com or ldap://localhost:389"));
    }
    if secure && start_tls {
        let reason = "a connection to ldaps:// is encrypted from its first byte; remove this, or write ldap://";
        return Err(document.conflict("auth.ldap.starttls", reason));
    }
    if !secure && !start_tls && !url::is_loopback(host) {
        document.surprise(key, "passwords travel in the clear; use ldaps://, or set auth.ldap.starttls");
    }
    Ok(text)
}

/// Whom to search as. A name without a password would be nobody at all (RFC 4513 §5.1.2).
fn bind(document: &Document) -> Result<Option<(String, SecretString)>, ConfigError> {
    let (name_key, text_key, file_key) = ("auth.ldap.binddn", "auth.ldap.bindpassword", "auth.ldap.bindpasswordfile");
    let (text, file) = (document.text(text_key), document.text(file_key));
    let password = match (text, file) {
        (Some(_), Some(_)) => {
            return Err(document.conflict(file_key, format!("{text_key} is set too; remove one of the two")));
        }
        (Some(text), None) => Some((text_key, SecretString::from(text))),
        (None, Some(path)) => Some((file_key, password_in(document, file_key, Path::new(path))?)),
        (None, None) => None,
    };
    match (document.text(name_key), password) {
        (Some(name), Some((_, password))) => Ok(Some((name.to_owned(), password))),
        (Some(_), None) => {
            Err(document.conflict(name_key, format!("its password is missing: {text_key} or {file_key}")))
        }
        (None, Some((key, _))) => Err(document.conflict(key, format!("{name_key} is missing"))),
        (None, None) => Ok(None),
    }
}

/// The content of a file without the end of its line.
fn password_in(document: &Document, key: &str, path: &Path) -> Result<SecretString, ConfigError> {
    let text = named_file::read(path, LONGEST_PASSWORD).map_err(|source| ConfigError::NamedFile {
        origin: document.origin(key),
        key: key.to_owned(),
        path: path.to_owned(),
        source,
    })?;
    let password = text.strip_suffix('\n').unwrap_or(&text);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if password.is_empty() {
        return Err(document.conflict(key, format!("there is no password in {}", path.display())));
    }
    Ok(SecretString::from(password))
}

/// A filter (RFC 4515) in which one of these names stands; without any it would find the same for everybody.
fn filter(document: &Document, key: &str, default: &str, names: &[&str]) -> Result<String, ConfigError> {
    let filter = document.text(key).unwrap_or(default);
    let filled = names.iter().fold(filter.to_owned(), |filter, name| filter.replace(name, "x"));
    if filled == filter || filled.contains(['{', '}']) || ldap3::parse_filter(&filled).is_err() {
        return Err(document.expected(key, &format!("a filter with {} such as {default}", names.join(" or "))));
    }
    Ok(filter.to_owned())
}

/// The name of an attribute (RFC 4512 §1.4).
fn attribute(document: &Document, key: &str, default: &str) -> Result<String, ConfigError> {
    let name = document.text(key).unwrap_or(default);
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'))
        && name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
    {
        Ok(name.to_owned())
    } else {
        Err(document.expected(key, &format!("the name of an attribute such as {default}")))
    }
}

/// Where groups are. What finds them means nothing without it.
fn group_base(document: &Document) -> Result<Option<String>, ConfigError> {
    let section = "auth.ldap.groups";
    match (document.text("auth.ldap.groups.base"), document.find(section)) {
        (Some(base), _) => Ok(Some(base.to_owned())),
        (None, Some(_)) => Err(document.conflict(section, "auth.ldap.groups.base is missing")),
        (None, None) => Ok(None),
    }
}
