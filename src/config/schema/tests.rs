//! What is written about the keys covers them all.

use super::*;
use crate::config::node::below;

const DOCUMENTATION: &str = include_str!("../../../docs/configuration.md");
const FULL: &str = include_str!("../../../config/full.yml");

/// Every key of a shape with dots, and whether it has keys below it. An item of a list stands under the list's key.
fn keys(shape: Shape, key: &str, found: &mut Vec<(String, bool)>) {
    let fields: &[Field] = match shape {
        Shape::Struct(fields) | Shape::Map(fields, _) | Shape::Choice(fields, _) | Shape::Any(fields) => fields,
        Shape::List(of) => return keys(*of, key, found),
        Shape::Value => &[],
    };
    for field in fields {
        let key = below(key, field.key);
        let before = found.len();
        keys(field.shape, &key, found);
        let is_section = found.len() > before;
        found.push((key, is_section));
    }
}

/// The keys that hold values.
fn leaves() -> Vec<String> {
    let mut found = Vec::new();
    keys(TOP, "", &mut found);
    found.into_iter().filter(|(_, is_section)| !is_section).map(|(key, _)| key).collect()
}

/// Whether the documentation has the key itself, or all that is below a section around it.
fn is_documented(key: &str) -> bool {
    let mut sections = key.match_indices('.').map(|(end, _)| format!("`{}.*`", &key[..end]));
    DOCUMENTATION.contains(&format!("`{key}`")) || sections.any(|section| DOCUMENTATION.contains(&section))
}

#[test]
fn every_key_is_documented() {
    let missing: Vec<String> = leaves().into_iter().filter(|key| !is_documented(key)).collect();
    assert_eq!(missing, [""; 0]);
    assert!(!is_documented("http.nonsense"));
}

#[test]
fn the_full_sample_has_every_key_that_has_a_meaning() {
    let served = |key: &&String| {
        let tables = DOCUMENTATION.split("## Accepted, without a meaning").next().unwrap_or_default();
        tables.contains(&format!("| `{key}` |"))
    };
    let older_names = ["loglevel", "validation.enabled"];
    let missing: Vec<String> = leaves()
        .iter()
        .filter(served)
        .filter(|key| !older_names.contains(&key.as_str()))
        .filter(|key| {
            let name = key.rsplit('.').next().unwrap_or(key);
            !FULL.lines().any(|line| {
                let line = line.trim_start_matches([' ', '#', '-']);
                line.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'))
            })
        })
        .cloned()
        .collect();
    assert_eq!(missing, [""; 0]);
}
