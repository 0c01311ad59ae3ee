//! The `REGISTRY_*` variables, applied to the tree as registry:2 applies them.
//!
//! The name is split at each `_`. Going down from the top, a part names a key: where the keys are fixed it must be one
//! of them, where they are free it is found among those that are there, or made in lower case. What is left when the
//! name ends is replaced by the variable's value, which is YAML. Shorter names come first, so that
//! `REGISTRY_STORAGE=filesystem` is in place before `REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY` looks for it.

mod variable;

use super::error::ConfigError;
use super::node::{Map, Node, Value};
use super::origin::Source;
use super::schema::{Shape, TOP};
use super::service_links::is_service_link;
use super::warning::Warning;

use variable::{Outcome, Variable};

const PREFIX: &str = "REGISTRY_";

/// The variable that names the file. It changes nothing in the tree.
pub(super) const PATH: &str = "REGISTRY_CONFIGURATION_PATH";

/// A variable of podman, skopeo and buildah. It would name a kind of authentication, as which registry:2 takes it.
const CLIENTS: &str = "REGISTRY_AUTH_FILE";

/// Applies every variable that begins with `REGISTRY_`, and says which of them had no effect.
pub(super) fn apply(
    root: &mut Node,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Vec<Warning>, ConfigError> {
    let mut variables: Vec<(String, String)> =
        variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX) && name != PATH).collect();
    variables.sort();
    let mut warnings = Vec::new();
    for (name, value) in variables {
        let path: Vec<&str> = name.split('_').skip(1).collect();
        if is_service_link(&name, &value) {
            warnings.push(Warning::ServiceVariable { name });
        } else if name == CLIENTS {
            warnings.push(Warning::ClientVariable { name });
        } else if path == ["VERSION"] {
            warnings.push(Warning::VersionVariable { name });
        } else {
            let variable = Variable { name: &name, value: &value, source: Source::Variable(name.as_str().into()) };
            // On a copy, so that a variable without effect leaves no empty sections on its way.
            let mut changed = root.clone();
            match variable.apply(&mut changed, TOP, &path)? {
                Outcome::Done => *root = changed,
                Outcome::NoSuchKey => warnings.push(Warning::UnknownVariable { name }),
                Outcome::InsideMapping { whole } => warnings.push(Warning::InsideMapping { name, whole }),
                Outcome::IndexAlone { whole } => {
                    *root = changed;
                    warnings.push(Warning::IndexAlone { name, whole });
                }
            }
        }
    }
    Ok(warnings)
}

/// Writes `filesystem` out as `{filesystem: {}}` where the shape allows the short form.
pub(super) fn spell_out(node: &mut Node, shape: Shape) {
    match (shape, &mut node.value) {
        (Shape::Choice(..), Value::Scalar(scalar)) => {
            let options = Node { value: Value::Map(Map::default()), origin: node.origin.clone() };
            let map = Map { entries: vec![(std::mem::take(&mut scalar.text), options)], by_path: false };
            node.value = Value::Map(map);
        }
        (Shape::Struct(fields), Value::Map(map)) => {
            for field in fields {
                if let Some(child) = map.get_mut(field.key) {
                    spell_out(child, field.shape);
                }
            }
        }
        (Shape::Value | Shape::List(_) | Shape::Struct(_) | Shape::Map(..) | Shape::Choice(..) | Shape::Any(_), _) => {}
    }
}

#[cfg(test)]
mod tests;
