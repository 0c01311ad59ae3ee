//! Lines as JSON objects.

use serde_json::{Map, Value};

use super::line::Line;

/// `time`, `level` and `msg` as registry:2 names them, `target`, and the fields beside them.
pub(super) fn plain(line: &Line<'_>) -> String {
    object(line, [("time", line.timestamp()), ("msg", line.message.to_owned())])
}

/// `@timestamp`, `@version`, `level` and `message` as Logstash names them, `target`, and the fields beside them.
pub(super) fn logstash(line: &Line<'_>) -> String {
    let version = ("@version", "1".to_owned());
    object(line, [("@timestamp", line.timestamp()), version, ("message", line.message.to_owned())])
}

/// A field with the name of something that every line has keeps its value under `fields.` and that name.
fn object<const N: usize>(line: &Line<'_>, own: [(&str, String); N]) -> String {
    let mut object = Map::new();
    for (name, value) in own {
        object.insert(name.to_owned(), Value::from(value));
    }
    object.insert("level".to_owned(), Value::from(line.level_name()));
    object.insert("target".to_owned(), Value::from(line.target));
    let taken: Vec<String> = object.keys().cloned().collect();
    for (name, value) in &line.fields {
        let name = if taken.iter().any(|taken| taken == name) { format!("fields.{name}") } else { (*name).to_owned() };
        object.insert(name, (*value).clone());
    }
    Value::Object(object).to_string()
}
