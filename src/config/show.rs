//! A tree as YAML, with a comment at each value that says where it was written.

use std::io::{self, Write};

use super::node::{Node, Scalar, Value};
use super::secret::{MASK, without_userinfo};

/// A key of as many bytes is written out with a question mark, for YAML looks no further than 1024 signs for its colon.
const MAX_SHORT_KEY: usize = 1000;

/// Writes the tree. What is null is written too: as a field of the log it has a meaning.
pub(super) fn write(root: &Node, out: &mut dyn Write) -> io::Result<()> {
    children(root, 0, out)
}

/// Writes what stands under a key or at the top, at a depth of indentation.
fn children(node: &Node, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let indent = "  ".repeat(depth);
    match &node.value {
        Value::Map(map) => {
            for (key, child) in &map.entries {
                let key = word(key, false);
                match key.len() {
                    ..MAX_SHORT_KEY => write!(out, "{indent}{key}:")?,
                    _ => write!(out, "{indent}? {key}\n{indent}:")?,
                }
                below(child, depth + 1, out)?;
            }
            Ok(())
        }
        Value::List(items) => {
            for item in items {
                write!(out, "{indent}-")?;
                below(item, depth + 1, out)?;
            }
            Ok(())
        }
        Value::Null | Value::Scalar(_) | Value::Secret(_) => Ok(()),
    }
}

/// Writes what follows a key or the dash of an item: on its line, or below it.
fn below(node: &Node, depth: usize, out: &mut dyn Write) -> io::Result<()> {
    let single = match &node.value {
        Value::Null => "null".to_owned(),
        Value::Scalar(Scalar { text, quoted }) => word(&without_userinfo(text), *quoted),
        Value::Secret(_) => quote(MASK),
        Value::List(items) if items.is_empty() => "[]".to_owned(),
        Value::Map(map) if map.entries.is_empty() => "{}".to_owned(),
        Value::List(_) | Value::Map(_) => {
            writeln!(out)?;
            return children(node, depth, out);
        }
    };
    // The name of a file or variable may hold a line break, which would end the comment.
    let origin = node.origin.to_string().replace(char::is_control, "\u{fffd}");
    writeln!(out, " {single}  # {origin}")
}

/// A word, in quotes if it was, or if it would not be read as the same word without.
fn word(text: &str, quoted: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'+');
    let begins_plain = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/' || c == '.');
    if !quoted && begins_plain && text.bytes().all(plain) { text.to_owned() } else { quote(text) }
}

/// In double quotes. JSON's escapes are YAML's too.
fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
