//! YAML text into a tree of [`Node`]s. Knows no key.
//!
//! The text may be hostile: its depth and the values that its aliases unfold into are bounded, and a key that stands
//! twice in one mapping is refused, for one of the two would be ignored.

use std::borrow::Cow;
use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput, Tag};

use super::error::ConfigError;
use super::node::{Map, Node, Scalar, Value};
use super::origin::Source;

/// How deep values may be nested.
const MAX_DEPTH: usize = 64;

/// How many values there may be once every alias is unfolded.
const MAX_NODES: usize = 100_000;

/// Why a text is not the YAML that is wanted, and where.
#[derive(Debug)]
pub(super) struct YamlError {
    /// The line, counted from 1.
    pub(super) line: usize,
    /// The column, counted from 1.
    pub(super) column: usize,
    pub(super) reason: String,
}

/// Reads the one document of a text; an empty text is null.
pub(super) fn parse(text: &str, source: &Source) -> Result<Node, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { parser: Parser::new_from_str(text), source, anchors: HashMap::new(), budget: MAX_NODES };
    let mut document = None;
    loop {
        match reader.next()? {
            (Event::DocumentStart(_), span) if document.is_some() => {
                return Err(error(span, "a second document begins here; there may be only one"));
            }
            (Event::StreamEnd, _) => return Ok(document.unwrap_or_else(|| Node::null(source.at(1)))),
            (Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing, _) => {}
            (event, span) => document = Some(reader.node(event, span, 0)?),
        }
    }
}

/// The same, with the error that a configuration is refused with.
pub(super) fn read(text: &str, source: &Source) -> Result<Node, ConfigError> {
    parse(text, source).map_err(|error| ConfigError::NotYaml {
        origin: source.at(error.line),
        column: error.column,
        reason: error.reason,
    })
}

struct Reader<'t> {
    parser: Parser<'t, StrInput<'t>>,
    source: &'t Source,
    /// What each anchor stands for, once it has been read to its end.
    anchors: HashMap<usize, Node>,
    /// How many more values there may be.
    budget: usize,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), YamlError> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(YamlError {
                line: error.marker().line(),
                column: error.marker().col() + 1,
                reason: error.info().to_owned(),
            }),
            None => Err(YamlError { line: 1, column: 1, reason: "the text ends too early".to_owned() }),
        }
    }

    /// The value that begins with `event`.
    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, YamlError> {
        self.spend(1, span)?;
        if depth > MAX_DEPTH {
            return Err(error(span, "values are nested too deeply"));
        }
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.alias(anchor, span, depth),
            Event::Scalar(text, style, anchor, tag) => (scalar(text, style, tag.as_deref()), anchor),
            Event::SequenceStart(anchor, _) => (Value::List(self.list(depth)?), anchor),
            Event::MappingStart(anchor, _) => (Value::Map(self.map(depth)?), anchor),
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return Err(error(span, "expected a value")),
        };
        let node = Node { value, origin: self.source.at(span.start.line()) };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Span, depth: usize) -> Result<Node, YamlError> {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            return Err(error(span, "this alias stands for what it is a part of"));
        };
        let (nodes, height) = measure(&node);
        self.spend(nodes, span)?;
        if depth + height > MAX_DEPTH {
            return Err(error(span, "values are nested too deeply"));
        }
        Ok(node)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Node>, YamlError> {
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(items),
                (event, span) => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Map, YamlError> {
        let mut map = Map::default();
        let mut lines: HashMap<String, usize> = HashMap::new();
        let mut merged = Vec::new();
        loop {
            let (key, at) = match self.next()? {
                (Event::MappingEnd, _) => break,
                (event, span) => (self.node(event, span, depth + 1)?, span),
            };
            let (event, span) = self.next()?;
            let mut value = self.node(event, span, depth + 1)?;
            let line = at.start.line();
            value.origin = self.source.at(line);
            let key = match key.value {
                Value::Scalar(key) if key.text == "<<" && !key.quoted => {
                    merged.push((value, at));
                    continue;
                }
                Value::Scalar(key) => key.text,
                Value::Null => "null".to_owned(),
                Value::Secret(_) | Value::List(_) | Value::Map(_) => {
                    return Err(error(at, "a key must be one word"));
                }
            };
            if let Some(first) = lines.insert(key.clone(), line) {
                let reason = format!("the key {key:?} stands here a second time; the first is on line {first}");
                return Err(error(at, &reason));
            }
            map.entries.push((key, value));
        }
        for (value, at) in merged {
            merge(&mut map, value, at)?;
        }
        Ok(map)
    }

    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), YamlError> {
        match self.budget.checked_sub(nodes) {
            Some(rest) => {
                self.budget = rest;
                Ok(())
            }
            None => Err(error(span, "there are too many values")),
        }
    }
}

/// Takes over the keys of `<<: *other` that are not written out; of several mappings the first wins.
fn merge(map: &mut Map, value: Node, at: Span) -> Result<(), YamlError> {
    match value.value {
        Value::Map(other) => {
            for (key, node) in other.entries {
                if map.get(&key).is_none() {
                    map.entries.push((key, node));
                }
            }
            Ok(())
        }
        Value::List(others) => others.into_iter().try_for_each(|other| merge(map, other, at)),
        Value::Null | Value::Scalar(_) | Value::Secret(_) => Err(error(at, "only keys with values can be merged")),
    }
}

/// A scalar as YAML 1.1 and 1.2 agree on it; everything else about its type is left to who reads it.
fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    let tagged_text = tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
    let quoted = style != ScalarStyle::Plain || tagged_text;
    if !quoted && matches!(&*text, "" | "~" | "null" | "Null" | "NULL") {
        return Value::Null;
    }
    Value::Scalar(Scalar { text: text.into_owned(), quoted })
}

/// How many values there are in a value, and how deep they are nested.
fn measure(node: &Node) -> (usize, usize) {
    let all = |nodes: &mut dyn Iterator<Item = &Node>| {
        nodes.map(measure).fold((1, 0), |(count, height), (nodes, below)| (count + nodes, height.max(below + 1)))
    };
    match &node.value {
        Value::Null | Value::Scalar(_) | Value::Secret(_) => (1, 0),
        Value::List(items) => all(&mut items.iter()),
        Value::Map(map) => all(&mut map.entries.iter().map(|(_, node)| node)),
    }
}

fn error(at: Span, reason: &str) -> YamlError {
    YamlError { line: at.start.line(), column: at.start.col() + 1, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
