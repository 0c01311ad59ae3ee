//! The name of a batch.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// How the time is written with which a name begins, and how many bytes that has.
const TIME: &[BorrowedFormatItem<'_>] =
    format_description!("[year][month][day]T[hour][minute][second].[subsecond digits:3]Z");
const TIME_LENGTH: usize = 20;

/// The name of a batch: when it began, and something by which two of one moment differ.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(String);

/// A text is no name of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a batch of the trash is named like 20261127T232024.123Z-1f2e3d4c, not {0:?}")]
pub struct BatchIdError(String);

impl BatchId {
    /// A new name.
    pub(super) fn new(at: OffsetDateTime) -> BatchId {
        let at = at.to_offset(UtcOffset::UTC).format(TIME).unwrap_or_default();
        let random = uuid::Uuid::new_v4().simple().to_string();
        BatchId(format!("{at}-{}", &random[..8]))
    }

    /// When it began, by its name; none if that is no time.
    pub(in crate::registry) fn at(&self) -> Option<OffsetDateTime> {
        PrimitiveDateTime::parse(self.0.get(..TIME_LENGTH)?, TIME).ok().map(PrimitiveDateTime::assume_utc)
    }

    /// The name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BatchId {
    type Err = BatchIdError;

    fn from_str(text: &str) -> Result<Self, BatchIdError> {
        let is_plain =
            text.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f' | b'T' | b'Z' | b'.' | b'-'));
        let looks_so =
            text.len() == 29 && text.as_bytes().get(8) == Some(&b'T') && text.as_bytes().get(19) == Some(&b'Z');
        match is_plain && looks_so {
            true => Ok(BatchId(text.to_owned())),
            false => Err(BatchIdError(text.chars().take(140).collect())),
        }
    }
}

impl Serialize for BatchId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for BatchId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_named_by_its_time_and_names_sort_by_it() {
        let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
        let (first, second) = (BatchId::new(at(1_000_000_000)), BatchId::new(at(1_000_000_001)));
        assert!(first < second);
        assert!(first.as_str().starts_with("20010909T014640.000Z-"), "{first}");
        assert_eq!(first.at(), Some(at(1_000_000_000)));
        assert_eq!("20019909T014640.000Z-12345678".parse::<BatchId>().unwrap().at(), None);
        assert_eq!(first.as_str().parse(), Ok(first));
        for text in
            ["", "..", "20010909T014640.000Z-../../..", "20010909T014640.000Z-12345678/", "x".repeat(29).as_str()]
        {
            assert!(text.parse::<BatchId>().is_err(), "{text}");
        }
    }
}
