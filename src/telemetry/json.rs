//! Lines as JSON objects.

use super::line::{Line, Value};

/// `time`, `level` and `msg` as registry:2 names them, `target`, and the fields beside them.
pub(super) fn plain(line: &Line<'_>, out: &mut Vec<u8>) {
    object(line, out, &["time", "level", "msg", "target"]);
}

/// `@timestamp`, `@version`, `level` and `message` as Logstash names them, `target`, and the fields beside them.
pub(super) fn logstash(line: &Line<'_>, out: &mut Vec<u8>) {
    object(line, out, &["@timestamp", "level", "message", "target", "@version"]);
}

/// `own` names the time, the level, the message, the target and, where there is one, the version. A field with such a name
/// keeps its value under `fields.` and that name.
fn object(line: &Line<'_>, out: &mut Vec<u8>, own: &[&str]) {
    for (place, name) in own.iter().enumerate() {
        out.push(if place == 0 { b'{' } else { b',' });
        push_text(out, name);
        out.push(b':');
        match place {
            0 => {
                out.push(b'"');
                line.push_time(out);
                out.push(b'"');
            }
            1 => push_text(out, line.level_name()),
            2 => push_text(out, line.message),
            3 => push_text(out, line.target),
            _ => push_text(out, "1"),
        }
    }
    for (place, (name, value)) in line.fields().enumerate() {
        // A name stands once, with what was said last. Those of the event itself are different from each other.
        if place < line.around.len() && line.fields().skip(place + 1).any(|(later, _)| later == name) {
            continue;
        }
        out.push(b',');
        if own.contains(&name) {
            push_text(out, &format!("fields.{name}"));
        } else {
            push_text(out, name);
        }
        out.push(b':');
        match value {
            Value::Text(text) => push_text(out, text),
            Value::Plain(plain) => plain.push(out),
        }
    }
    out.push(b'}');
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    // Writing into memory does not fail.
    let _ = serde_json::to_writer(out, text);
}
