//! Claims by name, and patterns of what they say.

use serde_json::{Map, Value};

/// The claim with this name. Dots lead into what is nested, but they are also in names (`kubernetes.io`): of the names that
/// are there, the longest is tried first.
pub(super) fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    name.rmatch_indices('.').find_map(|(dot, _)| match claims.get(&name[..dot]) {
        Some(Value::Object(inner)) => find(inner, &name[dot + 1..]),
        _ => None,
    })
}

/// A claim as a text; lists, objects and null are none.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Whether a claim, or an item of it if it is a list, matches one of the patterns.
pub(super) fn fits(value: &Value, patterns: &[String]) -> bool {
    let one = |value: &Value| text(value).is_some_and(|text| patterns.iter().any(|pattern| matches(pattern, &text)));
    match value {
        Value::Array(items) => items.iter().any(one),
        other => one(other),
    }
}

/// Whether a text matches a pattern as a whole; `*` stands for any text, slashes too.
fn matches(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let Some(rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    // Each piece where it is found first leaves most for the others.
    let rest = pieces.try_fold(rest, |rest, piece| rest.split_once(piece).map(|(_, rest)| rest));
    rest.is_some_and(|rest| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn names_with_dots_lead_into_objects_and_are_names_too() {
        let claims = json!({
            "sub": "x",
            "a": { "b": { "c": 1 }, "d.e": 2 },
            "a.b": { "f": 3 },
            "kubernetes.io": { "namespace": "ci", "serviceaccount": { "name": "build" } },
            "https://example.com/team": "blue",
        });
        let claims = claims.as_object().unwrap();
        for (name, expected) in [
            ("sub", Some(json!("x"))),
            ("kubernetes.io.namespace", Some(json!("ci"))),
            ("kubernetes.io.serviceaccount.name", Some(json!("build"))),
            ("https://example.com/team", Some(json!("blue"))),
            ("a.b.f", Some(json!(3))),
            ("a.b.c", Some(json!(1))),
            ("a.d.e", Some(json!(2))),
            ("a.b", Some(json!({ "f": 3 }))),
            ("sub.x", None),
            ("a.x", None),
            ("", None),
            (".", None),
            ("kubernetes.io.", None),
        ] {
            assert_eq!(find(claims, name), expected.as_ref(), "{name}");
        }
    }

    #[test]
    fn patterns_match_whole_texts() {
        for (pattern, text, expected) in [
            ("acme/app", "acme/app", true),
            ("acme/app", "acme/app2", false),
            ("acme/*", "acme/app", true),
            ("acme/*", "acme/", true),
            ("acme/*", "acme2/app", false),
            ("acme/*", "acme/a/b", true),
            ("*", "", true),
            ("", "", true),
            ("", "x", false),
            ("*/main", "refs/heads/main", true),
            ("*/main", "main", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*ab*ab*", "xabyab", true),
            ("*ab*ab*", "xab", false),
            ("refs/*/v*.0", "refs/tags/v1.0", true),
            ("refs/*/v*.0", "refs/tags/v1.1", false),
            ("**", "anything", true),
            ("ACME", "acme", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} of {text}");
        }
    }

    #[test]
    fn numbers_are_texts_and_of_lists_one_item_must_match() {
        let patterns = ["1*".to_owned(), "true".to_owned()];
        for (value, expected) in [
            (json!(12), true),
            (json!(21), false),
            (json!(true), true),
            (json!(["x", 1]), true),
            (json!([["1"]]), false),
            (json!([]), false),
            (json!(null), false),
            (json!({ "1": "1" }), false),
        ] {
            assert_eq!(fits(&value, &patterns), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn patterns_are_regular_expressions_with_stars_for_anything(pattern in "[ab*]{0,8}", text in "[ab]{0,10}") {
            let expected = regex::Regex::new(&format!("^(?s){}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(matches(&pattern, &text), expected.is_match(&text));
        }
    }
}
