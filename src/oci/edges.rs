//! What a manifest of any kind refers to, for whoever must not lose any of it.
//!
//! [`super::Manifest`] reads what this registry accepts. A volume may hold more: schema 1, artifact manifests, what registry:2
//! let in, what will be thought of next. All of them name content in the same way, by a `digest` (schema 1: `blobSum`), so
//! that is what is looked for, at any depth.
//!
//! Nothing that anybody could push may be unreadable here, so it is read as Go's decoder reads it, which registry:2 is built
//! on, or more kindly: numbers of any size, texts that are not Unicode, any depth, keys in letters of any size. Where that
//! takes the last of two equal keys, both count.

use std::borrow::Cow;

use serde::de::{Error, IgnoredAny};

use super::Digest;
use super::strict::same_to_go;

/// What a manifest refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    /// What it is made of or lists: configuration, layers, children; each once, in no order.
    pub parts: Vec<Digest>,
    /// The manifest that it says something about.
    pub subject: Option<Digest>,
}

impl Edges {
    /// Reads the bytes of a manifest.
    ///
    /// # Errors
    ///
    /// When they are not a JSON object.
    pub fn of(manifest: &[u8]) -> serde_json::Result<Edges> {
        // This looks at the form alone, without a limit to its depth. What is found behind it can rely on the form.
        serde_json::from_slice::<IgnoredAny>(manifest)?;
        if manifest.trim_ascii_start().first() != Some(&b'{') {
            return Err(serde_json::Error::custom("a manifest is a JSON object"));
        }
        let mut walk = Walk { edges: Edges::default(), levels: Vec::new(), next: Next::Value(Place::Top) };
        walk.over(manifest);
        let mut edges = walk.edges;
        edges.parts.sort_unstable();
        edges.parts.dedup();
        Ok(edges)
    }
}

/// Where something stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// It is the manifest.
    Top,
    /// It is the manifest's subject.
    Subject,
    Below,
    /// In annotations: what people write there is not what the manifest is made of.
    Aside,
}

/// What comes next.
#[derive(Clone, Copy)]
enum Next {
    Key,
    Value(Place),
    /// A value under a key that names content.
    Name(Place),
}

/// An object or a list.
#[derive(Clone, Copy)]
struct Level {
    is_object: bool,
    place: Place,
}

/// A walk over JSON that is known to be well-formed.
struct Walk {
    edges: Edges,
    levels: Vec<Level>,
    next: Next,
}

impl Walk {
    fn over(&mut self, json: &[u8]) {
        let mut rest = json;
        while let Some((sign, behind)) = rest.split_first() {
            rest = behind;
            match sign {
                b'"' => {
                    let (text, behind) = text(behind);
                    rest = behind;
                    self.text(text);
                }
                b'{' | b'[' => self.enter(*sign == b'{'),
                b'}' | b']' => drop(self.levels.pop()),
                b',' => self.go_on(),
                // White space, colons, numbers, literals.
                _ => {}
            }
        }
    }

    fn enter(&mut self, is_object: bool) {
        let place = match self.next {
            Next::Value(place) if is_object => place,
            Next::Value(Place::Aside) => Place::Aside,
            Next::Key | Next::Value(_) | Next::Name(_) => Place::Below,
        };
        self.levels.push(Level { is_object, place });
        self.go_on();
    }

    /// Says what follows the beginning of an object or a list, or a comma in it.
    fn go_on(&mut self) {
        if let Some(Level { is_object, place }) = self.levels.last() {
            self.next = if *is_object { Next::Key } else { Next::Value(*place) };
        }
    }

    fn text(&mut self, raw: &[u8]) {
        match self.next {
            Next::Key => {
                let place = self.levels.last().map_or(Place::Below, |level| level.place);
                self.next = under(unescaped(raw).as_deref().unwrap_or_default(), place);
            }
            Next::Name(place) => {
                // What is no digest, or one by an algorithm that nothing here is named by, names nothing here.
                if let Some(digest) = unescaped(raw).and_then(|text| text.parse().ok()) {
                    self.name(digest, place);
                }
            }
            Next::Value(_) => {}
        }
    }

    fn name(&mut self, digest: Digest, place: Place) {
        match place {
            // Of two subjects the last counts, as it does to Go, and the other is kept all the same.
            Place::Subject => self.edges.parts.extend(self.edges.subject.replace(digest)),
            Place::Top | Place::Below | Place::Aside => self.edges.parts.push(digest),
        }
    }
}

/// What stands under a key of an object.
fn under(key: &str, place: Place) -> Next {
    let is = |known: &str| same_to_go(known, key);
    match place {
        Place::Aside => Next::Value(Place::Aside),
        _ if is("digest") || is("blobSum") => Next::Name(place),
        _ if is("annotations") => Next::Value(Place::Aside),
        Place::Top if is("subject") => Next::Value(Place::Subject),
        Place::Top | Place::Subject | Place::Below => Next::Value(Place::Below),
    }
}

/// What stands before the closing quote, and what behind it.
fn text(json: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(sign) = json.get(at) {
        match sign {
            b'"' => return (&json[..at], &json[at + 1..]),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    (json, &[])
}

/// What a text says; none if that is no Unicode, which no key that is known and no digest is to Go either.
fn unescaped(raw: &[u8]) -> Option<Cow<'_, str>> {
    if !raw.contains(&b'\\') {
        return std::str::from_utf8(raw).ok().map(Cow::Borrowed);
    }
    let quoted = [b"\"", raw, b"\""].concat();
    serde_json::from_slice::<String>(&quoted).ok().map(Cow::Owned)
}

#[cfg(test)]
#[path = "edges_tests.rs"]
mod tests;
