//! Lines as text. What a client sent may stand in them, so no control character gets through as it is.

use tracing::Level;

use super::line::{Line, Value};

/// `time="…" level=info msg="…" key=value`, as registry:2 writes where there is no terminal.
pub(super) fn pairs(line: &Line<'_>, out: &mut Vec<u8>) {
    push(out, "time=\"");
    line.push_time(out);
    push(out, "\" level=");
    push(out, line.level_name());
    push(out, " msg=");
    push_quoted(out, line.message);
    push(out, " target=");
    push_word(out, line.target);
    push_fields(out, line);
}

/// Time, level, message and fields, for a person at a terminal.
pub(super) fn terminal(line: &Line<'_>, colours: bool, out: &mut Vec<u8>) {
    let (on, off) = if colours { (colour(line.level), "\u{1b}[0m") } else { ("", "") };
    line.push_time(out);
    push(out, &format!(" {on}{:<7}{off} ", line.level_name()));
    if line.target == "access" {
        push(out, "access ");
    }
    push_clean(out, line.message);
    push_fields(out, line);
}

fn colour(level: Level) -> &'static str {
    match level {
        Level::ERROR => "\u{1b}[31m",
        Level::WARN => "\u{1b}[33m",
        Level::INFO => "\u{1b}[32m",
        Level::DEBUG => "\u{1b}[34m",
        Level::TRACE => "\u{1b}[35m",
    }
}

fn push(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn push_fields(out: &mut Vec<u8>, line: &Line<'_>) {
    for (name, value) in line.fields() {
        out.push(b' ');
        push_clean(out, name);
        out.push(b'=');
        match value {
            Value::Text(text) => push_word(out, text),
            // Numbers and truths; none has a character to be careful with.
            Value::Plain(plain) => plain.push(out),
        }
    }
}

/// The text itself if it is one plain word, or else in quotes.
fn push_word(out: &mut Vec<u8>, text: &str) {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:@+,".contains(&byte);
    if !text.is_empty() && text.bytes().all(plain) { push(out, text) } else { push_quoted(out, text) }
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    push_escaped(out, text, |c| c == '"' || c == '\\' || is_unsafe(c));
    out.push(b'"');
}

fn push_clean(out: &mut Vec<u8>, text: &str) {
    push_escaped(out, text, is_unsafe);
}

/// The text with some characters escaped; in most there is none.
fn push_escaped(out: &mut Vec<u8>, text: &str, is_escaped: impl Fn(char) -> bool) {
    let mut rest = text;
    while let Some((before, c)) = rest.find(&is_escaped).and_then(|at| Some((at, rest.get(at..)?.chars().next()?))) {
        push(out, rest.get(..before).unwrap_or_default());
        push(out, &c.escape_default().to_string());
        rest = rest.get(before + c.len_utf8()..).unwrap_or_default();
    }
    push(out, rest);
}

/// Control characters, and those that end a line or turn its direction.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
