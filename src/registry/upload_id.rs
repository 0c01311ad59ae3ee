//! The name of an upload under way, and whose it is.
//!
//! An upload is named by a UUID. Where callers are told apart, the name says whose upload it is, so that nothing has to be
//! kept beside the upload for that: it is of version 8 (RFC 9562 §5.8), and carries a mark that only the owner's key makes.
//!
//! ```text
//! 48 bits of the mark | 1000 | 12 bits of the mark | 10 | 62 random bits
//! mark = the first 60 bits of HMAC-SHA-256(owner's key, domain ‖ random bits ‖ repository)
//! ```
//!
//! The 62 random bits keep uploads apart, and with the mark they keep names from being guessed: who has no key guesses all
//! 122 bits. The mark keeps out whoever has learned a name, from a log or a proxy: whether an upload is his is asked with
//! the key of the one who asks, who cannot choose it, and under another key, or for another repository, a name is right with
//! a chance of 2^-60. There is nothing to try that chance with: each name and each caller give one answer, for ever.
//!
//! Names of other versions are registry:2's, or were given while nobody was told apart. They are 122 random bits, and belong
//! to whoever knows them.

use std::fmt;
use std::str::FromStr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use crate::oci::RepositoryName;

/// What the marks of uploads are made for, so that a key used for something else as well does not vouch here.
const DOMAIN: &[u8] = b"wharf: owner of an upload\0";
/// The version of names that carry a mark.
const MARKED: usize = 8;

/// Somebody whose uploads are his alone: a key that nobody else has.
///
/// The same caller must come with the same key again, also after a restart; his uploads under way are lost to him otherwise.
#[derive(Clone)]
pub struct Owner([u8; 32]);

impl Owner {
    /// The owner with this secret key.
    pub fn new(key: [u8; 32]) -> Owner {
        Owner(key)
    }

    /// 60 bits that vouch for the rest of a name.
    fn mark(&self, rest: u64, repository: &RepositoryName) -> u64 {
        let mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        let mac = mac.chain_update(DOMAIN).chain_update(rest.to_be_bytes()).chain_update(repository.as_str());
        let [a, b, c, d, e, f, g, h, ..] = <[u8; 32]>::from(mac.finalize().into_bytes());
        u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 4
    }
}

impl fmt::Debug for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Owner(..)")
    }
}

/// An upload's name.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UploadId(Uuid);

impl UploadId {
    /// A name that no other upload has, and that belongs to whoever knows it.
    pub(super) fn random() -> UploadId {
        UploadId(Uuid::new_v4())
    }

    /// A name that no other upload has, and that belongs to its owner.
    pub fn owned(owner: &Owner, repository: &RepositoryName) -> UploadId {
        // The second half of a random UUID is the variant and 62 random bits, as they are needed here.
        let (_, rest) = Uuid::new_v4().as_u64_pair();
        UploadId::marked(owner, rest, repository)
    }

    fn marked(owner: &Owner, rest: u64, repository: &RepositoryName) -> UploadId {
        let mark = owner.mark(rest, repository);
        let first = (mark >> 12) << 16 | (MARKED as u64) << 12 | (mark & 0xfff);
        UploadId(Uuid::from_u64_pair(first, rest))
    }

    /// Whether somebody may go on with the upload of this name in this repository; `None` asks where nobody is told apart,
    /// and may go on with any. To others the upload does not exist.
    pub fn belongs_to(&self, owner: Option<&Owner>, repository: &RepositoryName) -> bool {
        let Some(owner) = owner else { return true };
        if self.0.get_version_num() != MARKED {
            return true;
        }
        let (_, rest) = self.0.as_u64_pair();
        let right = UploadId::marked(owner, rest, repository);
        // All bits at once, so that the time it takes does not tell how many of them are right.
        self.0.as_u128() ^ right.0.as_u128() == 0
    }
}

/// A text is not the name of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an upload is named by a UUID, as in the Location that started it")]
pub struct UploadIdError;

impl FromStr for UploadId {
    type Err = UploadIdError;

    fn from_str(text: &str) -> Result<Self, UploadIdError> {
        let id = UploadId(Uuid::try_parse(text).map_err(|_| UploadIdError)?);
        // One spelling only: the name is also a directory's.
        if id.to_string() == text { Ok(id) } else { Err(UploadIdError) }
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
#[path = "upload_id_tests.rs"]
mod tests;
