//! Whether a tree has only keys that there are, each with the kind of value that belongs there.

use super::error::{ConfigError, Found};
use super::node::{Map, Node, Value, below, item_of};
use super::origin::Origin;
use super::schema::{Field, Shape};
use super::warning::Warning;

/// Checks a tree. A key that is not known is an error where it was written in a file and a warning where a variable
/// wrote it, for others than the operator set variables too.
pub(super) fn check(root: &Node, shape: Shape) -> Result<Vec<Warning>, ConfigError> {
    let mut warnings = Vec::new();
    node(root, shape, "", &mut warnings)?;
    Ok(warnings)
}

fn node(at: &Node, shape: Shape, key: &str, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    match (shape, &at.value) {
        (_, Value::Null) | (Shape::Value, Value::Scalar(_) | Value::Secret(_)) => Ok(()),
        (Shape::Value, Value::List(_) | Value::Map(_)) => Err(expected(at, key, "one value")),
        (Shape::List(of @ Shape::Struct(_)), Value::List(items)) => {
            let mut numbered = items.iter().enumerate();
            numbered.try_for_each(|(index, item)| node(item, *of, &item_of(key, index), warnings))
        }
        (Shape::List(of), Value::List(items)) => items.iter().try_for_each(|item| node(item, *of, key, warnings)),
        (Shape::List(Shape::Value), Value::Scalar(_) | Value::Secret(_)) => Ok(()),
        (Shape::List(_), _) => Err(expected(at, key, "a list")),
        (Shape::Any([]), _) => Ok(()),
        (Shape::Map([], of), Value::Map(map)) => {
            map.entries.iter().try_for_each(|(name, child)| node(child, *of, &below(key, name), warnings))
        }
        (
            Shape::Struct(fields) | Shape::Map(fields, _) | Shape::Choice(fields, _) | Shape::Any(fields),
            Value::Map(map),
        ) => known_keys(map, fields, key, warnings),
        (Shape::Struct(_) | Shape::Map(..) | Shape::Choice(..) | Shape::Any(_), _) => {
            Err(expected(at, key, "keys with values"))
        }
    }
}

fn known_keys(map: &Map, fields: &'static [Field], key: &str, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    for (name, child) in &map.entries {
        let key = below(key, name);
        match fields.iter().find(|field| field.key == name) {
            Some(field) => node(child, field.shape, &key, warnings)?,
            None => {
                let nearest = nearest(name, fields);
                let origin = child.origin.clone();
                if matches!(origin, Origin::Variable(_)) {
                    warnings.push(Warning::UnknownKey { origin, key, nearest });
                } else {
                    let known = fields.iter().map(|field| field.key).collect();
                    return Err(ConfigError::UnknownKey { origin, key, nearest, known });
                }
            }
        }
    }
    Ok(())
}

/// The key that a slip of the pen may have turned into `name`.
fn nearest(name: &str, fields: &'static [Field]) -> Option<&'static str> {
    let name = name.to_lowercase();
    fields
        .iter()
        .map(|field| (strsim::damerau_levenshtein(&name, field.key), field.key))
        .filter(|(distance, key)| *distance <= key.len().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, key)| key)
}

fn expected(at: &Node, key: &str, what: &str) -> ConfigError {
    let key = if key.is_empty() { "the configuration" } else { key };
    ConfigError::Expected {
        origin: at.origin.clone(),
        key: key.to_owned(),
        expected: what.to_owned(),
        found: Found::from(at),
    }
}
