//! The name of content: an algorithm and what it computes of the bytes (image-spec, descriptor.md, "Digests").

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Hasher;

/// A hash algorithm that content may be named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Algorithm {
    /// SHA-256, what every client uses unless it is told otherwise.
    #[default]
    Sha256,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// Both algorithms, the canonical one first.
    pub const ALL: [Algorithm; 2] = [Algorithm::Sha256, Algorithm::Sha512];

    /// How many bytes the algorithm computes.
    pub const fn size(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha512 => 64,
        }
    }

    /// The algorithm as it is written before the colon of a digest.
    pub const fn as_str(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Algorithm {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.as_str() == text)
            .ok_or_else(|| DigestError::Algorithm(shortened(text)))
    }
}

/// The digest of some content, such as `sha256:e3b0c442…`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(Value);

#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Value {
    Sha256([u8; 32]),
    Sha512([u8; 64]),
}

impl Digest {
    /// The digest of `content`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Digest {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    pub(super) fn sha256(value: [u8; 32]) -> Digest {
        Digest(Value::Sha256(value))
    }

    pub(super) fn sha512(value: [u8; 64]) -> Digest {
        Digest(Value::Sha512(value))
    }

    /// The algorithm that made it.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Value::Sha256(_) => Algorithm::Sha256,
            Value::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// The first 64 of its bits, for sets that may take two digests for one in as many cases as there are digests in
    /// 2^64.
    pub fn leading(&self) -> u64 {
        let mut first = [0; 8];
        match &self.0 {
            Value::Sha256(value) => first.copy_from_slice(&value[..8]),
            Value::Sha512(value) => first.copy_from_slice(&value[..8]),
        }
        u64::from_be_bytes(first)
    }

    /// What stands behind the colon: lower-case hexadecimal.
    pub fn hex(&self) -> String {
        match &self.0 {
            Value::Sha256(value) => hex::encode(value),
            Value::Sha512(value) => hex::encode(value),
        }
    }

    /// Reads the part behind the colon.
    pub fn from_hex(algorithm: Algorithm, text: &str) -> Result<Digest, DigestError> {
        if text.len() != algorithm.size() * 2 || !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::Encoded { algorithm, found: shortened(text) });
        }
        let bad = |_| DigestError::Encoded { algorithm, found: shortened(text) };
        Ok(Digest(match algorithm {
            Algorithm::Sha256 => {
                let mut value = [0; 32];
                hex::decode_to_slice(text, &mut value).map_err(bad)?;
                Value::Sha256(value)
            }
            Algorithm::Sha512 => {
                let mut value = [0; 64];
                hex::decode_to_slice(text, &mut value).map_err(bad)?;
                Value::Sha512(value)
            }
        }))
    }
}

/// Why a text is not a digest that this registry works with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// There is no colon.
    #[error("a digest is written algorithm:hex, such as sha256:e3b0…, not {0:?}")]
    Form(String),
    /// The algorithm is not known here.
    #[error("digest algorithm {0:?} is not supported; sha256 and sha512 are")]
    Algorithm(String),
    /// What follows the colon is not what the algorithm makes.
    #[error("a {algorithm} digest has {} lower-case hexadecimal digits after the colon, not {found:?}", algorithm.size() * 2)]
    Encoded {
        /// The algorithm before the colon.
        algorithm: Algorithm,
        /// What was found after it.
        found: String,
    },
}

/// As much of a client's text as belongs into a message.
fn shortened(text: &str) -> String {
    text.chars().take(140).collect()
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (algorithm, hex) = text.split_once(':').ok_or_else(|| DigestError::Form(shortened(text)))?;
        Digest::from_hex(algorithm.parse()?, hex)
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_empty_content_has_the_digest_that_everyone_knows() {
        let digest = Digest::of(Algorithm::Sha256, b"");
        assert_eq!(digest.to_string(), "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn what_is_not_a_digest_says_why() {
        let zeros = "0".repeat(64);
        for text in [
            String::new(),
            "latest".into(),
            zeros.clone(),
            format!("md5:{}", "0".repeat(32)),
            format!("SHA256:{zeros}"),
            format!("sha256:{zeros}0"),
            format!("sha256:{}", "0".repeat(63)),
            format!("sha256:{}", "A".repeat(64)),
            "sha256:../../../../etc/passwd".into(),
            format!("sha512:{zeros}"),
            format!("sha256:{}\0", "0".repeat(63)),
            format!("sha256: {}", "0".repeat(63)),
        ] {
            assert!(text.parse::<Digest>().is_err(), "{text:?} was taken for a digest");
        }
    }

    proptest! {
        #[test]
        fn a_digest_is_printed_as_it_was_read(content: Vec<u8>, sha512: bool) {
            let algorithm = if sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let digest = Digest::of(algorithm, &content);
            prop_assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,200}") {
            if let Ok(digest) = text.parse::<Digest>() {
                prop_assert_eq!(digest.to_string(), text);
            }
        }
    }
}
