//! What is kept of an access token: a file of JSON. The token itself is not in it.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::secret::Sum;
use crate::auth::watched::Stamp;
use crate::auth::{Fingerprint, Grant, GrantError, TokenName};

/// The longest file that is read, in bytes.
pub(super) const LONGEST: u64 = 64 * 1024;

/// An access token, without its secret.
#[derive(Clone, Debug)]
pub struct AccessToken {
    /// Its name.
    pub name: TokenName,
    /// What it may do.
    pub grants: Vec<Grant>,
    /// When it was made.
    pub created: OffsetDateTime,
    /// From when on it is refused, if ever.
    pub expires: Option<OffsetDateTime>,
    /// Of its file. Another token of the same name has another, and so has one whose rights were changed.
    pub fingerprint: Fingerprint,
    pub(super) sum: Sum,
    pub(super) stamp: Stamp,
}

impl AccessToken {
    /// Whether its time is over.
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires.is_some_and(|expires| now >= expires)
    }
}

/// Why a file is no access token.
#[derive(Debug, thiserror::Error)]
pub enum DamagedToken {
    /// It cannot be read.
    #[error("it cannot be read")]
    Unreadable(#[from] io::Error),
    /// It is not a file.
    #[error("it is not a file")]
    NotAFile,
    /// It is too long.
    #[error("it has more than {LONGEST} bytes")]
    TooLong,
    /// It is empty: its token is being made just now, or never came to be.
    #[error("it is empty")]
    Empty,
    /// It is not the JSON that it should be.
    #[error("it is not what Wharf writes")]
    Json(#[from] serde_json::Error),
    /// It holds another token than its name says.
    #[error("it holds the token {0}")]
    OtherName(TokenName),
    /// It does not hold the SHA-256 of a token.
    #[error("its sha256 is none")]
    Sum(#[from] hex::FromHexError),
    /// It holds a time that is none.
    #[error("a time in it is none")]
    Time(#[from] time::error::Parse),
    /// It holds a right that is none.
    #[error("a right in it is none")]
    Grant(#[from] GrantError),
}

/// Fields that are not known are refused: they may narrow what the token may do.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    name: TokenName,
    sha256: String,
    may: Vec<String>,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// The content of a file.
pub(super) fn write(
    name: &TokenName,
    sum: &Sum,
    grants: &[Grant],
    created: OffsetDateTime,
    expires: Option<OffsetDateTime>,
) -> io::Result<Vec<u8>> {
    let text = |time: OffsetDateTime| time.format(&Rfc3339).map_err(io::Error::other);
    let stored = Stored {
        name: name.clone(),
        sha256: hex::encode(sum),
        may: grants.iter().map(Grant::to_string).collect(),
        created: text(created)?,
        expires: expires.map(text).transpose()?,
    };
    let mut content = serde_json::to_vec_pretty(&stored)?;
    content.push(b'\n');
    Ok(content)
}

/// Reads the file of a token.
pub(super) fn read(path: &Path, name: &TokenName) -> Result<AccessToken, DamagedToken> {
    // To open something else, such as a pipe, could take for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(DamagedToken::NotAFile);
    }
    let file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let mut content = Vec::new();
    file.take(LONGEST + 1).read_to_end(&mut content)?;
    if u64::try_from(content.len()).is_ok_and(|length| length > LONGEST) {
        return Err(DamagedToken::TooLong);
    }
    if content.is_empty() {
        return Err(DamagedToken::Empty);
    }
    parse(&content, name, stamp)
}

fn parse(content: &[u8], name: &TokenName, stamp: Stamp) -> Result<AccessToken, DamagedToken> {
    let stored: Stored = serde_json::from_slice(content)?;
    if stored.name != *name {
        return Err(DamagedToken::OtherName(stored.name));
    }
    let mut sum = [0; 32];
    hex::decode_to_slice(stored.sha256, &mut sum)?;
    let time = |text: &str| OffsetDateTime::parse(text, &Rfc3339);
    Ok(AccessToken {
        name: stored.name,
        grants: stored.may.iter().map(|grant| grant.parse()).collect::<Result<_, _>>()?,
        created: time(&stored.created)?,
        expires: stored.expires.as_deref().map(time).transpose()?,
        fingerprint: Fingerprint::of(content),
        sum,
        stamp,
    })
}
