//! Lines as text. What a client sent may stand in them, so no control character gets through as it is.

use std::fmt::Write;

use serde_json::Value;
use tracing::Level;

use super::line::Line;

/// `time="…" level=info msg="…" key=value`, as registry:2 writes where there is no terminal.
pub(super) fn pairs(line: &Line<'_>) -> String {
    let mut out = format!("time=\"{}\" level={} msg=", line.timestamp(), line.level_name());
    push_quoted(&mut out, line.message);
    out.push_str(" target=");
    push_word(&mut out, line.target);
    push_fields(&mut out, line);
    out
}

/// Time, level, message and fields, for a person at a terminal.
pub(super) fn terminal(line: &Line<'_>, colours: bool) -> String {
    let (on, off) = if colours { (colour(line.level), "\u{1b}[0m") } else { ("", "") };
    let mut out = format!("{} {on}{:<7}{off} ", line.timestamp(), line.level_name());
    if line.target == "access" {
        out.push_str("access ");
    }
    push_clean(&mut out, line.message);
    push_fields(&mut out, line);
    out
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

fn push_fields(out: &mut String, line: &Line<'_>) {
    for (name, value) in &line.fields {
        out.push(' ');
        push_clean(out, name);
        out.push('=');
        match value {
            Value::String(text) => push_word(out, text),
            // The rest are numbers, truths and null; none has a character to be careful with.
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                let _ = write!(out, "{value}");
            }
        }
    }
}

/// The text itself if it is one plain word, or else in quotes.
fn push_word(out: &mut String, text: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:@+,".contains(c);
    if !text.is_empty() && text.chars().all(plain) { out.push_str(text) } else { push_quoted(out, text) }
}

fn push_quoted(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        if c == '"' || c == '\\' || is_unsafe(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out.push('"');
}

fn push_clean(out: &mut String, text: &str) {
    for c in text.chars() {
        if is_unsafe(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
}

/// Control characters, and those that end a line or turn its direction.
fn is_unsafe(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
