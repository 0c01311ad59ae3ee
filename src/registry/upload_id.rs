//! The name of an upload under way.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

/// An upload's name: 122 random bits, so that nobody finds another's by guessing.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct UploadId(Uuid);

impl UploadId {
    /// A name that no other upload has.
    pub(super) fn random() -> UploadId {
        UploadId(Uuid::new_v4())
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
