//! The tree of values that files and variables are read into. Knows neither YAML nor any key.

use std::fmt;

use super::origin::Origin;
use super::secret::{Secret, is_secret};

/// A value and where it was written. In a mapping that is where its key was written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

/// What a value may be.
#[derive(Clone, Debug)]
pub(super) enum Value {
    /// Nothing was written; everywhere the same as if the key were absent.
    Null,
    Scalar(Scalar),
    Secret(Secret),
    List(Vec<Node>),
    Map(Map),
}

/// A single value as it was written. What it means is decided by who reads it.
#[derive(Clone, Debug)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Whether it was written as text, so that `"true"` is not `true`.
    pub(super) quoted: bool,
}

/// Keys and values in the order in which they were written.
#[derive(Clone, Debug, Default)]
pub(super) struct Map {
    pub(super) entries: Vec<(String, Node)>,
    /// Whether the path of a variable made it, rather than a text in which it was written out.
    pub(super) by_path: bool,
}

impl Node {
    pub(super) fn null(origin: Origin) -> Node {
        Node { value: Value::Null, origin }
    }

    pub(super) fn text(text: &str, origin: Origin) -> Node {
        Node { value: Value::Scalar(Scalar { text: text.to_owned(), quoted: true }), origin }
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.value, Value::Null)
    }

    /// The mapping that this is, if it is one.
    pub(super) fn map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            Value::Null | Value::Scalar(_) | Value::Secret(_) | Value::List(_) => None,
        }
    }

    /// The value under a key with dots; nothing if it is absent or null, or if what is above it is no mapping.
    pub(super) fn find(&self, key: &str) -> Option<&Node> {
        let node = key.split('.').try_fold(self, |node, part| node.map()?.get(part))?;
        (!node.is_null()).then_some(node)
    }

    /// Replaces every secret under this value by one that does not print; `key` is its own key with dots.
    pub(super) fn mask(&mut self, key: &str) {
        self.mask_within(key, is_secret(key));
    }

    fn mask_within(&mut self, key: &str, secret: bool) {
        match &mut self.value {
            Value::Scalar(scalar) if secret => {
                self.value = Value::Secret(Secret::new(std::mem::take(&mut scalar.text)));
            }
            Value::Null | Value::Scalar(_) | Value::Secret(_) => {}
            Value::List(items) => items.iter_mut().for_each(|item| item.mask_within(key, secret)),
            Value::Map(map) => {
                for (name, node) in &mut map.entries {
                    let key = below(key, name);
                    node.mask_within(&key, secret || is_secret(&key));
                }
            }
        }
    }

    /// Puts in what `defaults` has and this does not, key by key.
    pub(super) fn fill(&mut self, defaults: &Node) {
        match (&mut self.value, &defaults.value) {
            (Value::Null, _) => *self = defaults.clone(),
            (Value::Map(map), Value::Map(defaults)) => {
                for (key, default) in &defaults.entries {
                    match map.get_mut(key) {
                        Some(node) => node.fill(default),
                        None => map.entries.push((key.clone(), default.clone())),
                    }
                }
            }
            (Value::Map(_) | Value::Scalar(_) | Value::Secret(_) | Value::List(_), _) => {}
        }
    }
}

/// What was found where something else was expected; never a secret.
impl fmt::Display for Node {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Value::Null => out.write_str("nothing"),
            Value::Scalar(scalar) => write!(out, "{:?}", scalar.text),
            Value::Secret(_) => out.write_str("a secret"),
            Value::List(_) => out.write_str("a list"),
            Value::Map(_) => out.write_str("keys with values"),
        }
    }
}

impl Map {
    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries.iter().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.entries.iter_mut().find(|(name, _)| name == key).map(|(_, node)| node)
    }

    /// Puts a value under a key, in the place of what was there.
    pub(super) fn set(&mut self, key: &str, node: Node) {
        match self.get_mut(key) {
            Some(old) => *old = node,
            None => self.entries.push((key.to_owned(), node)),
        }
    }
}

/// The key of an item in the list under `key`, counted from 0 as in the names of variables.
pub(super) fn item_of(key: &str, index: usize) -> String {
    format!("{key}[{index}]")
}

/// The key of what stands under `name` in what stands under `key`.
pub(super) fn below(key: &str, name: &str) -> String {
    if key.is_empty() { name.to_owned() } else { format!("{key}.{name}") }
}
