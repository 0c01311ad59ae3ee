//! `log` and `loglevel` into the settings of [`crate::telemetry`].

use std::collections::BTreeMap;

use tracing::Level;

use super::document::{Document, text_of};
use super::error::{ConfigError, Found};
use super::node::Node;
use crate::telemetry::{Format, Settings};

/// Reads the settings.
pub(super) fn settings(document: &Document) -> Result<Settings, ConfigError> {
    Ok(Settings {
        level: level(document)?,
        format: format(document)?,
        fields: fields(document)?,
        access_log: !document.is_on("log.accesslog.disabled")?,
    })
}

fn level(document: &Document) -> Result<Level, ConfigError> {
    let key = "log.level";
    match document.text(key).unwrap_or("info").to_lowercase().as_str() {
        "error" => Ok(Level::ERROR),
        "warn" => Ok(Level::WARN),
        "info" => Ok(Level::INFO),
        "debug" => Ok(Level::DEBUG),
        _ => Err(document.expected(key, "error, warn, info or debug")),
    }
}

fn format(document: &Document) -> Result<Format, ConfigError> {
    let key = "log.formatter";
    match document.text(key).unwrap_or("text") {
        "text" => Ok(Format::Text),
        "json" => Ok(Format::Json),
        "logstash" => Ok(Format::Logstash),
        _ => Err(document.expected(key, "text, json or logstash")),
    }
}

fn fields(document: &Document) -> Result<BTreeMap<String, String>, ConfigError> {
    let Some(map) = document.find("log.fields").and_then(Node::map) else {
        return Ok(BTreeMap::new());
    };
    let read = |(name, node): &(String, Node)| {
        if node.is_null() {
            return Ok((name.clone(), String::new()));
        }
        let text = text_of(node).ok_or_else(|| ConfigError::Expected {
            origin: node.origin.clone(),
            key: format!("log.fields.{name}"),
            expected: "one value".to_owned(),
            found: Found::from(node),
        })?;
        Ok((name.clone(), text.to_owned()))
    };
    map.entries.iter().map(read).collect()
}
