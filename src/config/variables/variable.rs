//! One variable on its way down the tree: how each part of its name finds a key, and how its value is read.

use super::spell_out;
use crate::config::error::ConfigError;
use crate::config::node::{Map, Node, Scalar, Value};
use crate::config::origin::{Origin, Source};
use crate::config::schema::{Field, Shape};
use crate::config::yaml;

/// The shape of a section or list that has fixed keys or indexes although those beside it are free.
fn own_shape(fields: &[Field], part: &str) -> Option<Shape> {
    let shape = fields.iter().find(|field| field.is_named_by(part))?.shape;
    matches!(shape, Shape::Struct(_) | Shape::List(_)).then_some(shape)
}

/// What became of a variable.
pub(super) enum Outcome {
    Done,
    NoSuchKey,
    InsideMapping { whole: String },
    IndexAlone { whole: String },
}

pub(super) struct Variable<'v> {
    pub(super) name: &'v str,
    pub(super) value: &'v str,
    pub(super) source: Source,
}

impl Variable<'_> {
    /// Goes down the parts of the name; there is at least one.
    pub(super) fn apply(&self, node: &mut Node, shape: Shape, path: &[&str]) -> Result<Outcome, ConfigError> {
        let Some((part, rest)) = path.split_first() else {
            return Ok(Outcome::NoSuchKey);
        };
        match shape {
            Shape::Value => Ok(Outcome::NoSuchKey),
            Shape::Struct(fields) => {
                let Some(field) = fields.iter().find(|field| field.is_named_by(part)) else {
                    return Ok(Outcome::NoSuchKey);
                };
                let Some(map) = self.open_map(node) else {
                    return Ok(Outcome::NoSuchKey);
                };
                if rest.is_empty() {
                    map.set(field.key, self.read(field.shape)?);
                    return Ok(Outcome::Done);
                }
                if map.get(field.key).is_none() {
                    map.set(field.key, Node::null(self.origin()));
                }
                match map.get_mut(field.key) {
                    Some(child) => self.apply(child, field.shape, rest),
                    None => Ok(Outcome::NoSuchKey),
                }
            }
            Shape::Map(fields, of) | Shape::Choice(fields, of) => match self.open_map(node) {
                Some(map) => self.apply_to_map(map, own_shape(fields, part).unwrap_or(*of), part, rest),
                None => Ok(Outcome::NoSuchKey),
            },
            Shape::List(of) => self.apply_to_list(node, *of, part, rest),
            Shape::Any(_) => self.apply_to_any(node, part, rest, path.len()),
        }
    }

    /// Free keys: the one whose capitals these are, if there is more to come, or else one in lower case, made anew.
    fn apply_to_map(&self, map: &mut Map, of: Shape, part: &str, rest: &[&str]) -> Result<Outcome, ConfigError> {
        let key = part.to_lowercase();
        if rest.is_empty() {
            map.set(&key, self.read(of)?);
            return Ok(Outcome::Done);
        }
        let there = map.entries.iter_mut().find(|(key, _)| key.to_uppercase() == part).map(|(_, node)| node);
        if let Some(child) = there.filter(|child| !child.is_null()) {
            return self.apply(child, of, rest);
        }
        let mut child = Node::null(self.origin());
        let outcome = self.apply(&mut child, of, rest)?;
        map.set(&key, child);
        Ok(outcome)
    }

    /// An index into a list; the one after the last makes an item. An item that is one value keeps none: with nothing
    /// left of the name, registry:2 does not get to the value.
    fn apply_to_list(&self, node: &mut Node, of: Shape, part: &str, rest: &[&str]) -> Result<Outcome, ConfigError> {
        if node.is_null() {
            *node = Node { value: Value::List(Vec::new()), origin: self.origin() };
        }
        let Value::List(items) = &mut node.value else {
            return Ok(Outcome::NoSuchKey);
        };
        let length = items.len();
        let index = part.parse::<usize>().ok().filter(|index| *index <= length).ok_or_else(|| ConfigError::Index {
            variable: self.origin(),
            index: part.to_owned(),
            length,
        })?;
        if index == length {
            items.push(match of {
                Shape::Value => Node::text("", self.origin()),
                Shape::List(_) | Shape::Struct(_) | Shape::Map(..) | Shape::Choice(..) | Shape::Any(_) => {
                    Node::null(self.origin())
                }
            });
        }
        match items.get_mut(index) {
            Some(item) if !rest.is_empty() => self.apply(item, of, rest),
            Some(_) | None => Ok(Outcome::IndexAlone { whole: self.without(1) }),
        }
    }

    /// A mapping that is written out has keys of any type in registry:2, and variables pass such mappings over. One
    /// that variables made, or that is not there yet, is like any other with free keys.
    fn apply_to_any(&self, node: &mut Node, part: &str, rest: &[&str], parts: usize) -> Result<Outcome, ConfigError> {
        match &node.value {
            Value::Map(map) if !map.by_path => {
                return Ok(Outcome::InsideMapping { whole: self.without(parts) });
            }
            Value::Map(_) | Value::Null => {}
            Value::Scalar(_) | Value::Secret(_) | Value::List(_) => return Ok(Outcome::NoSuchKey),
        }
        match self.open_map(node) {
            Some(map) => self.apply_to_map(map, Shape::Any(&[]), part, rest),
            None => Ok(Outcome::NoSuchKey),
        }
    }

    /// The mapping that this is, or that it becomes if it is null.
    fn open_map<'n>(&self, node: &'n mut Node) -> Option<&'n mut Map> {
        if node.is_null() {
            let map = Map { entries: Vec::new(), by_path: true };
            *node = Node { value: Value::Map(map), origin: self.origin() };
        }
        match &mut node.value {
            Value::Map(map) => Some(map),
            Value::Null | Value::Scalar(_) | Value::Secret(_) | Value::List(_) => None,
        }
    }

    /// The value, read as YAML. Where one value is wanted, what is not YAML or more than one value is that text itself.
    fn read(&self, shape: Shape) -> Result<Node, ConfigError> {
        let literal =
            Node { value: Value::Scalar(Scalar { text: self.value.to_owned(), quoted: false }), origin: self.origin() };
        match (yaml::parse(self.value, &self.source), shape) {
            (Ok(node), Shape::Value) => match node.value {
                Value::List(_) | Value::Map(_) => Ok(literal),
                Value::Null | Value::Scalar(_) | Value::Secret(_) => Ok(node),
            },
            (Ok(mut node), _) => {
                spell_out(&mut node, shape);
                Ok(node)
            }
            (Err(_), Shape::Value | Shape::Any(_)) => Ok(literal),
            (Err(error), _) => {
                Err(ConfigError::NotYaml { origin: self.origin(), column: error.column, reason: error.reason })
            }
        }
    }

    fn origin(&self) -> Origin {
        self.source.at(1)
    }

    /// The name without its last parts.
    fn without(&self, parts: usize) -> String {
        let all: Vec<&str> = self.name.split('_').collect();
        all[..all.len().saturating_sub(parts)].join("_")
    }
}
