//! What a credential looked like when it was verified, so that a change of it ends what was made with it.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A part of the SHA-256 of what is stored of a credential. It tells two of them apart and leads back to none.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fingerprint([u8; 16]);

impl Fingerprint {
    /// Of what is stored: the line of a file, say.
    pub fn of(stored: &[u8]) -> Fingerprint {
        let hash: [u8; 32] = Sha256::digest(stored).into();
        let mut part = [0; 16];
        part.copy_from_slice(&hash[..16]);
        Fingerprint(part)
    }
}

impl From<Fingerprint> for String {
    fn from(fingerprint: Fingerprint) -> String {
        hex::encode(fingerprint.0)
    }
}

impl TryFrom<String> for Fingerprint {
    type Error = hex::FromHexError;

    fn try_from(text: String) -> Result<Self, hex::FromHexError> {
        let mut part = [0; 16];
        hex::decode_to_slice(text, &mut part)?;
        Ok(Fingerprint(part))
    }
}

impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}
