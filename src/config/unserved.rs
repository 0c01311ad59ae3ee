//! What registry:2 serves and Wharf does not serve yet. Whoever wrote such a section relies on it, so Wharf does not
//! start without it.

use super::document::{Document, text_of, texts_of};
use super::error::ConfigError;
use super::node::{Node, Value};

const REMOVE: &str = "remove it to start without";

/// The first section that is wanted and not served.
pub(super) fn refuse(document: &Document) -> Result<(), ConfigError> {
    for kind in ["registry", "repository", "storage"] {
        list(document, &format!("middleware.{kind}"), "middlewares are")?;
    }
    list(document, "notifications.endpoints", "notifications are")?;
    list(document, "log.hooks", "log hooks are")?;
    if let Some(node) = document.find("proxy.remoteurl").filter(|node| !is_empty(node)) {
        return Err(not_served("proxy.remoteurl", node, "mirroring another registry is", REMOVE));
    }
    for key in ["cachefile", "email", "hosts"] {
        let key = format!("http.tls.letsencrypt.{key}");
        if let Some(node) = document.find(&key).filter(|node| !is_empty(node)) {
            let remedy = "remove the section and name certificate and key instead";
            return Err(not_served(&key, node, "certificates from Let's Encrypt are", remedy));
        }
    }
    list(document, "health.file", "checks of files are")?;
    list(document, "health.http", "checks of other servers are")?;
    list(document, "health.tcp", "checks of other servers are")
}

/// Refuses a storage driver other than the filesystem's.
pub(super) fn driver(name: &str, node: &Node) -> ConfigError {
    let remedy = "use storage.filesystem with a directory";
    not_served(&format!("storage.{name}"), node, "this storage driver is", remedy)
}

/// Refuses a list with an item that is not disabled.
fn list(document: &Document, key: &str, what: &'static str) -> Result<(), ConfigError> {
    let Some(Value::List(items)) = document.find(key).map(|node| &node.value) else {
        return Ok(());
    };
    match items.iter().find(|item| !item.is_null() && !is_disabled(item)) {
        Some(item) => Err(not_served(key, item, what, "remove it, or disable it to start without")),
        None => Ok(()),
    }
}

fn is_disabled(item: &Node) -> bool {
    item.find("disabled").and_then(text_of).is_some_and(super::document::is_true)
}

fn is_empty(node: &Node) -> bool {
    texts_of(node, "").is_ok_and(|texts| texts.iter().all(|text| text.is_empty()))
}

fn not_served(key: &str, node: &Node, what: &'static str, remedy: &'static str) -> ConfigError {
    ConfigError::NotServed { origin: node.origin.clone(), key: key.to_owned(), what, remedy }
}
