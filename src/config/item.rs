//! A mapping that stands in a list, read by key as a [`Document`](super::document::Document) is.

use std::error::Error;
use std::str::FromStr;

use super::document::{text_of, texts_of};
use super::error::{ConfigError, Found};
use super::node::{Node, Value, below, item_of};
use super::warning::Warning;

/// An item, and the key that errors call it by: `access[2]`.
pub(super) struct Item<'n> {
    pub(super) key: String,
    pub(super) node: &'n Node,
}

/// The items of the list under a key; one value alone is an item too.
pub(super) fn items<'n>(list: Option<&'n Node>, key: &str) -> Vec<Item<'n>> {
    let nodes = match list.map(|list| (&list.value, list)) {
        Some((Value::List(items), _)) => items.as_slice(),
        Some((Value::Null, _)) | None => &[],
        Some((Value::Scalar(_) | Value::Secret(_) | Value::Map(_), list)) => std::slice::from_ref(list),
    };
    nodes.iter().enumerate().map(|(index, node)| Item { key: item_of(key, index), node }).collect()
}

impl<'n> Item<'n> {
    pub(super) fn find(&self, name: &str) -> Option<&'n Node> {
        self.node.map()?.get(name).filter(|node| !node.is_null())
    }

    /// A text that is not empty.
    pub(super) fn text(&self, name: &str) -> Option<&'n str> {
        self.find(name).and_then(text_of).filter(|text| !text.is_empty())
    }

    /// A list of texts; one text alone is a list too.
    pub(super) fn texts(&self, name: &str) -> Result<Vec<&'n str>, ConfigError> {
        self.find(name).map_or(Ok(Vec::new()), |node| texts_of(node, &below(&self.key, name)))
    }

    /// A list of texts, of which there must be one; `what` may stand there.
    pub(super) fn some_texts(&self, name: &str, what: &str) -> Result<Vec<&'n str>, ConfigError> {
        let texts = self.texts(name)?;
        if texts.is_empty() || texts.contains(&"") { Err(self.expected(name, what)) } else { Ok(texts) }
    }

    /// Texts as the values that they are; an error quotes the one that is none.
    pub(super) fn parsed<T>(&self, name: &str, texts: &[&str]) -> Result<Vec<T>, ConfigError>
    where
        T: FromStr<Err: Error>,
    {
        let read = |text: &&str| text.parse().map_err(|error| self.conflict(name, format!("{text:?}: {error}")));
        texts.iter().map(read).collect()
    }

    /// The error that something else should stand under a key.
    pub(super) fn expected(&self, name: &str, what: &str) -> ConfigError {
        ConfigError::Expected {
            origin: self.find(name).unwrap_or(self.node).origin.clone(),
            key: below(&self.key, name),
            expected: what.to_owned(),
            found: self.find(name).map_or_else(Found::nothing, Found::from),
        }
    }

    /// The error that the value under a key cannot be used.
    pub(super) fn conflict(&self, name: &str, reason: impl Into<String>) -> ConfigError {
        ConfigError::Conflict {
            origin: self.find(name).unwrap_or(self.node).origin.clone(),
            key: below(&self.key, name),
            reason: reason.into(),
        }
    }

    /// The remark that the value under a key does something else than it seems to.
    pub(super) fn surprise(&self, name: &str, what: impl Into<String>) -> Warning {
        let origin = self.find(name).unwrap_or(self.node).origin.clone();
        Warning::Surprise { origin, key: below(&self.key, name), what: what.into() }
    }
}
