//! A moment as it is written down: RFC 3339 in UTC, with milliseconds.

use std::time::SystemTime;

use serde::{Deserialize, Deserializer, Serializer, de, ser};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;

const FORM: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z");

/// The moment as text. One that no calendar has, as a file of a damaged volume may show, is the beginning of 1970.
pub fn text(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let moment = time::Duration::try_from(since).ok().and_then(|since| OffsetDateTime::UNIX_EPOCH.checked_add(since));
    moment.unwrap_or(OffsetDateTime::UNIX_EPOCH).format(FORM).unwrap_or_default()
}

pub(super) fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let text = text(*at);
    if text.is_empty() {
        Err(ser::Error::custom("a moment cannot be written"))
    } else {
        serializer.serialize_str(&text)
    }
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    OffsetDateTime::parse(&text, &Rfc3339).map(SystemTime::from).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_moment_is_written_with_milliseconds_and_one_that_no_calendar_has_all_the_same() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_micros(1_456_833_600_012_900);
        assert_eq!(text(at), "2016-03-01T12:00:00.012Z");
        assert_eq!(text(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(SystemTime::UNIX_EPOCH + Duration::from_secs(1 << 40)), "1970-01-01T00:00:00.000Z");
    }
}
