//! Reading JSON objects so that no two programs can read them differently.
//!
//! Go's decoder, which every common client is built on, takes `Layers` for `layers` and the last of two equal keys; other
//! decoders do not. A manifest that plays on this would be one thing to us and another to the client that runs it
//! (CVE-2021-41190 is of this kind), so a known key in other letters or a known key twice is refused.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};

/// An object that is read key by key.
pub(super) trait Object<'de>: Default {
    /// The keys that mean something, at most 64.
    const KNOWN: &'static [&'static str];

    /// Reads the value of the known key at this index.
    fn field<A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error>;
}

/// Reads an object; unknown keys are passed over.
pub(super) fn object<'de, D: Deserializer<'de>, T: Object<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(ObjectVisitor(PhantomData))
}

struct ObjectVisitor<T>(PhantomData<T>);

impl<'de, T: Object<'de>> Visitor<'de> for ObjectVisitor<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
        let mut value = T::default();
        let mut seen = 0_u64;
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            match T::KNOWN.iter().position(|known| same_to_go(known, &key)) {
                Some(index) if T::KNOWN[index] != key => {
                    let known = T::KNOWN[index];
                    return Err(A::Error::custom(format_args!("the key {key:?} is written {known:?}")));
                }
                Some(index) if seen & (1 << index) != 0 => {
                    return Err(A::Error::custom(format_args!("the key {key:?} stands twice in one object")));
                }
                Some(index) => {
                    seen |= 1 << index;
                    value.field(T::KNOWN[index], &mut map)?;
                }
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(value)
    }
}

/// Whether Go's encoding/json takes `key` for `known`, which is ASCII: it compares by Unicode's simple folding, in which the
/// long s and the Kelvin sign are letters of ASCII.
pub(super) fn same_to_go(known: &str, key: &str) -> bool {
    let folded = |sign: char| match sign {
        'ſ' => 's',
        '\u{212a}' => 'k',
        sign => sign.to_ascii_lowercase(),
    };
    known.chars().map(folded).eq(key.chars().map(folded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_as_go_compares_them() {
        for key in ["disks", "DISKS", "diſKs", "dis\u{212a}ſ"] {
            assert!(same_to_go("disks", key), "{key}");
        }
        for key in ["disk", "diskss", "ßisks", ""] {
            assert!(!same_to_go("disks", key), "{key}");
        }
    }
}
