//! What a manifest of any kind refers to, for whoever must not lose any of it.
//!
//! [`super::Manifest`] reads what this registry accepts. A volume may hold more: schema 1, artifact manifests, what will be
//! thought of next. All of them name content in the same way, by a `digest` (schema 1: `blobSum`), so that is what is looked
//! for, at any depth.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Digest;

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
        let mut edges = Edges::default();
        let mut reader = serde_json::Deserializer::from_slice(manifest);
        Object(&mut edges, Place::Top).deserialize(&mut reader)?;
        reader.end()?;
        edges.parts.sort_unstable();
        edges.parts.dedup();
        Ok(edges)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Top,
    Subject,
    Below,
}

/// Reads an object and fails at anything else.
struct Object<'a>(&'a mut Edges, Place);

/// Reads anything.
struct Anything<'a>(&'a mut Edges, Place);

/// Reads what stands under a key that names content.
struct Name<'a>(&'a mut Edges, Place);

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(Anything(self.0, self.1))
    }
}

impl<'de> DeserializeSeed<'de> for Anything<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Anything<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a manifest")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            // As Go's decoder reads it, which every other registry is built on: in letters of any size.
            match &*key.to_ascii_lowercase() {
                "digest" | "blobsum" => map.next_value_seed(Name(self.0, self.1))?,
                // What people write there is not what the manifest is made of.
                "annotations" => {
                    map.next_value::<IgnoredAny>()?;
                }
                "subject" if self.1 == Place::Top => map.next_value_seed(Anything(self.0, Place::Subject))?,
                _ => map.next_value_seed(Anything(self.0, Place::Below))?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element_seed(Anything(self.0, Place::Below))?.is_some() {}
        Ok(())
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

impl<'de> Visitor<'de> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        // What is no digest, or one by an algorithm that nothing here is named by, names nothing here.
        if let Ok(digest) = text.parse() {
            match self.1 {
                Place::Subject => self.0.subject = Some(digest),
                Place::Top | Place::Below => self.0.parts.push(digest),
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Anything(self.0, Place::Below).visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<(), A::Error> {
        Anything(self.0, Place::Below).visit_seq(seq)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Algorithm;
    use super::*;

    fn digest(content: &str) -> Digest {
        Digest::of(Algorithm::Sha256, content.as_bytes())
    }

    fn parts(manifest: &serde_json::Value) -> Vec<Digest> {
        Edges::of(manifest.to_string().as_bytes()).unwrap().parts
    }

    #[test]
    fn every_digest_at_any_depth_is_an_edge_once_but_for_the_subject_and_annotations() {
        let (a, b, c, d) = (digest("a"), digest("b"), digest("c"), digest("d"));
        let manifest = json!({
            "config": {"digest": a, "annotations": {"digest": digest("not")}},
            "layers": [{"digest": b}, {"Digest": b, "platform": {"os": "linux"}}],
            "blobs": [{"digest": c}], "later": {"deep": [[{"digest": d}]]},
            "subject": {"digest": digest("subject")}, "annotations": {"x": {"digest": digest("not")}},
        });
        let mut expected = vec![a, b, c, d];
        expected.sort_unstable();
        let edges = Edges::of(manifest.to_string().as_bytes()).unwrap();
        assert_eq!(edges, Edges { parts: expected, subject: Some(digest("subject")) });
    }

    #[test]
    fn layers_of_schema_1_are_edges() {
        let layers = [digest("a"), digest("b")];
        let blobs: Vec<_> = layers.iter().map(|layer| json!({"blobSum": layer})).collect();
        let mut found = parts(&json!({"schemaVersion": 1, "fsLayers": blobs, "history": [{"v1Compatibility": "{}"}]}));
        found.sort_by_key(|digest| layers.iter().position(|layer| layer == digest));
        assert_eq!(found, layers);
    }

    #[test]
    fn what_is_no_object_is_refused_and_what_is_no_digest_names_nothing() {
        for text in ["", "[]", "1", "\"a\"", "{", "{} {}", "null", "{\"layers\": [}"] {
            assert!(Edges::of(text.as_bytes()).is_err(), "{text}");
        }
        for digest in [json!("sha256:xyz"), json!("md5:aa"), json!(null), json!(5), json!(-1), json!(1.5), json!(true)]
        {
            assert_eq!(parts(&json!({"layers": [{"digest": digest}]})), []);
        }
        assert_eq!(parts(&json!({"digest": [{"digest": digest("a")}]})), [digest("a")]);
        assert_eq!(parts(&json!({"digest": {"digest": digest("a")}})), [digest("a")]);
    }
}
