//! A checked tree, read by key: each value as the type that it should be, or the error that says what it is instead.

use std::time::Duration;

use regex::Regex;

use super::duration;
use super::error::{ConfigError, Found};
use super::node::{Map, Node, Scalar, Value};
use super::origin::Origin;
use super::warning::Warning;

/// A checked tree and what was noticed while reading it.
pub(super) struct Document {
    pub(super) root: Node,
    pub(super) warnings: Vec<Warning>,
}

/// What YAML 1.1, and so registry:2, takes for true and for false.
const TRUE: [&str; 11] = ["true", "True", "TRUE", "yes", "Yes", "YES", "on", "On", "ON", "y", "Y"];
const FALSE: [&str; 11] = ["false", "False", "FALSE", "no", "No", "NO", "off", "Off", "OFF", "n", "N"];

impl Document {
    /// The value under a key; nothing if it is absent or null.
    pub(super) fn find(&self, key: &str) -> Option<&Node> {
        self.root.find(key)
    }

    /// Whether a key of the topmost level is there with nothing behind it: null, or a mapping without keys.
    pub(super) fn is_empty(&self, key: &str) -> bool {
        let node = self.root.map().and_then(|map| map.get(key));
        node.is_some_and(|node| node.is_null() || node.map().is_some_and(|map| map.entries.is_empty()))
    }

    /// Where a key was written, or else where the configuration begins.
    pub(super) fn origin(&self, key: &str) -> Origin {
        let written = || self.root.map()?.get(key);
        self.find(key).or_else(written).unwrap_or(&self.root).origin.clone()
    }

    /// Puts `loglevel`, the older name, where `log.level` is silent.
    pub(super) fn older_names(&mut self) {
        let Some(level) = self.find("loglevel").cloned() else {
            return;
        };
        let log = Map { entries: vec![("level".to_owned(), level.clone())], by_path: false };
        let log = Node { value: Value::Map(log), origin: level.origin.clone() };
        let root = Map { entries: vec![("log".to_owned(), log)], by_path: false };
        self.root.fill(&Node { value: Value::Map(root), origin: level.origin });
    }

    /// A text that is not empty.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.find(key).and_then(text_of).filter(|text| !text.is_empty())
    }

    /// A truth; false if it is absent.
    pub(super) fn is_on(&self, key: &str) -> Result<bool, ConfigError> {
        let Some(node) = self.find(key) else {
            return Ok(false);
        };
        match &node.value {
            Value::Scalar(Scalar { text, quoted: false }) if TRUE.contains(&text.as_str()) => Ok(true),
            Value::Scalar(Scalar { text, quoted: false }) if FALSE.contains(&text.as_str()) => Ok(false),
            Value::Scalar(Scalar { text, quoted: true }) if TRUE.contains(&text.as_str()) => {
                Err(self.expected(key, "true or false without quotes"))
            }
            Value::Null | Value::Scalar(_) | Value::Secret(_) | Value::List(_) | Value::Map(_) => {
                Err(self.expected(key, "true or false"))
            }
        }
    }

    /// A whole number.
    pub(super) fn number(&self, key: &str) -> Result<Option<i64>, ConfigError> {
        let Some(node) = self.find(key) else {
            return Ok(None);
        };
        let number = text_of(node).and_then(|text| text.replace('_', "").parse().ok());
        number.map(Some).ok_or_else(|| self.expected(key, "a whole number"))
    }

    /// A duration. A number without a unit is nanoseconds, which is noted.
    pub(super) fn duration(&mut self, key: &str) -> Result<Option<Duration>, ConfigError> {
        let Some(node) = self.find(key) else {
            return Ok(None);
        };
        let text = text_of(node).unwrap_or_default();
        let Some(read) = duration::parse(text) else {
            return Err(self.expected(key, "a duration such as 168h, 1m30s or 500ms"));
        };
        if duration::lacks_unit(text) {
            let what = format!("{text} without a unit is nanoseconds, as in registry:2; write {text}s for seconds");
            let (origin, key) = (node.origin.clone(), key.to_owned());
            self.warnings.push(Warning::Surprise { origin, key, what });
        }
        Ok(Some(read))
    }

    /// A list of texts; one text alone is a list too.
    pub(super) fn texts(&self, key: &str) -> Result<Vec<&str>, ConfigError> {
        self.find(key).map_or(Ok(Vec::new()), |node| texts_of(node, key))
    }

    /// A list of regular expressions.
    pub(super) fn regexes(&self, key: &str) -> Result<Vec<Regex>, ConfigError> {
        let read = |text| {
            Regex::new(text).map_err(|source| ConfigError::NotARegex {
                origin: self.origin(key),
                key: key.to_owned(),
                source,
            })
        };
        self.texts(key)?.into_iter().map(read).collect()
    }

    /// The error that something else should stand under a key.
    pub(super) fn expected(&self, key: &str, what: &str) -> ConfigError {
        ConfigError::Expected {
            origin: self.origin(key),
            key: key.to_owned(),
            expected: what.to_owned(),
            found: self.find(key).map_or_else(Found::nothing, Found::from),
        }
    }

    /// The error that the value under a key does not go with others.
    pub(super) fn conflict(&self, key: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Conflict { origin: self.origin(key), key: key.to_owned(), reason: reason.into() }
    }

    /// Notes that the value under a key does something else than it seems to.
    pub(super) fn surprise(&mut self, key: &str, what: impl Into<String>) {
        let origin = self.origin(key);
        self.warnings.push(Warning::Surprise { origin, key: key.to_owned(), what: what.into() });
    }
}

/// Whether a text is one of those that mean true.
pub(super) fn is_true(text: &str) -> bool {
    TRUE.contains(&text)
}

/// The text of a single value.
pub(super) fn text_of(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        Value::Secret(secret) => Some(secret.reveal()),
        Value::Null | Value::List(_) | Value::Map(_) => None,
    }
}

/// The texts of a list, or of a single value.
pub(super) fn texts_of<'n>(node: &'n Node, key: &str) -> Result<Vec<&'n str>, ConfigError> {
    let items = match &node.value {
        Value::List(items) => items.as_slice(),
        Value::Null => &[],
        Value::Scalar(_) | Value::Secret(_) | Value::Map(_) => std::slice::from_ref(node),
    };
    let read = |item: &'n Node| match item.value {
        Value::Null => Ok(""),
        Value::Scalar(_) | Value::Secret(_) | Value::List(_) | Value::Map(_) => {
            text_of(item).ok_or_else(|| ConfigError::Expected {
                origin: item.origin.clone(),
                key: key.to_owned(),
                expected: "one value".to_owned(),
                found: Found::from(item),
            })
        }
    };
    items.iter().map(read).collect()
}
