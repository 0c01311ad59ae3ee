//! The name of a repository (distribution-spec, "Pulling manifests": `<name>`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A repository's name, such as `team/app`: components of `[a-z0-9]`, joined inside by `.`, `_`, `__` or dashes, and
/// separated by slashes; at most 255 bytes together.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// The longest name, in bytes.
    pub const MAX_LENGTH: usize = 255;

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The components between the slashes.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether `text` could stand between two slashes of a name.
    pub fn is_component(text: &str) -> bool {
        let mut rest = text.as_bytes();
        loop {
            let word = rest.iter().take_while(|b| b.is_ascii_lowercase() || b.is_ascii_digit()).count();
            if word == 0 {
                return false;
            }
            rest = &rest[word..];
            rest = match rest {
                [] => return true,
                [b'_', b'_', tail @ ..] | [b'.' | b'_', tail @ ..] => tail,
                [b'-', ..] => &rest[rest.iter().take_while(|b| **b == b'-').count()..],
                _ => return false,
            };
        }
    }
}

/// Why a text is not the name of a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// It is longer than [`RepositoryName::MAX_LENGTH`].
    #[error("a repository name has at most {max} characters, this one has {0}", max = RepositoryName::MAX_LENGTH)]
    Length(usize),
    /// A component is not of the form that the specification asks for.
    #[error(
        "{0:?} is not a repository name: its parts between slashes are made of a-z and 0-9, joined by one '.', one or two \
         '_' or any number of '-'"
    )]
    Form(String),
}

impl FromStr for RepositoryName {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.len() > Self::MAX_LENGTH {
            return Err(NameError::Length(text.len()));
        }
        if !text.split('/').all(Self::is_component) {
            return Err(NameError::Form(text.to_owned()));
        }
        Ok(RepositoryName(text.into()))
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RepositoryName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RepositoryName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Debug for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_that_clients_use_are_names() {
        for text in ["a", "library/ubuntu", "team/app-1.2_x__y---z", "v2/app", "blobs/uploads", "0/1/2", "docker.io/a"]
        {
            assert!(text.parse::<RepositoryName>().is_ok(), "{text}");
        }
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for text in [
            "",
            "/",
            "a/",
            "/a",
            "a//b",
            ".",
            "..",
            "a/../b",
            "A",
            "a_",
            "_a",
            "a___b",
            "a..b",
            "a.-b",
            "a b",
            "a\0",
            "ä",
            "_uploads",
            "a/_manifests",
            "a\\b",
            "%2e",
        ] {
            assert!(text.parse::<RepositoryName>().is_err(), "{text:?}");
        }
        assert_eq!("a".repeat(256).parse::<RepositoryName>(), Err(NameError::Length(256)));
        assert!("a".repeat(255).parse::<RepositoryName>().is_ok());
    }

    proptest! {
        /// The expression is the specification's own.
        #[test]
        fn a_name_is_what_the_specification_says(text in r"[a-c_.\-/A]{0,12}") {
            let specification = regex::Regex::new(
                r"^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$",
            ).unwrap();
            prop_assert_eq!(text.parse::<RepositoryName>().is_ok(), specification.is_match(&text));
        }
    }
}
