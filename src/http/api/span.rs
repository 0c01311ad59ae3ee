//! A length of time as the administration API writes it: a whole number and its unit.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a number of each unit is, in seconds.
const UNITS: [(char, u64); 4] = [('s', 1), ('m', 60), ('h', 3600), ('d', 24 * 3600)];
/// The most digits of the number.
const DIGITS: usize = 9;

/// A length of time, such as `168h`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, pattern = "^[0-9]{1,9}[smhd]$", examples("168h", "90d"))]
pub struct Span(Duration);

/// A text is no length of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a length of time is a whole number of at most {DIGITS} digits and s, m, h or d, as in 168h or 90d")]
pub struct SpanError;

impl Span {
    /// Of whole seconds; what is left of one is left out.
    pub fn of(duration: Duration) -> Span {
        Span(Duration::from_secs(duration.as_secs()))
    }

    /// How long it is.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl FromStr for Span {
    type Err = SpanError;

    fn from_str(text: &str) -> Result<Self, SpanError> {
        let (unit, seconds) = UNITS.into_iter().find(|(unit, _)| text.ends_with(*unit)).ok_or(SpanError)?;
        let digits = text.strip_suffix(unit).ok_or(SpanError)?;
        let plain = (1..=DIGITS).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        let number: u64 = digits.parse().ok().filter(|_| plain).ok_or(SpanError)?;
        Ok(Span(Duration::from_secs(number * seconds)))
    }
}

impl TryFrom<String> for Span {
    type Error = SpanError;

    fn try_from(text: String) -> Result<Self, SpanError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

/// In the largest unit that leaves nothing over.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let whole = UNITS.into_iter().rev().find(|(_, unit)| seconds.is_multiple_of(*unit) && seconds > 0);
        let (unit, size) = whole.unwrap_or(UNITS[0]);
        write!(f, "{}{unit}", seconds / size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_a_unit_and_are_written_as_they_are_read() {
        for (text, seconds) in [("0s", 0), ("90s", 90), ("5m", 300), ("25h", 90_000), ("90d", 7_776_000)] {
            assert_eq!(text.parse::<Span>().map(Span::duration), Ok(Duration::from_secs(seconds)), "{text}");
            assert_eq!(text.parse::<Span>().unwrap().to_string(), text);
        }
        assert_eq!("168h".parse::<Span>().unwrap().to_string(), "7d");
        assert!("999999999d".parse::<Span>().is_ok());
        for text in ["", "1", "h", "-1h", "+1h", "1.5h", "1 h", "1h30m", "1w", "1ms", "1000000000d", "١h", "1h\n"] {
            assert_eq!(text.parse::<Span>(), Err(SpanError), "{text}");
        }
    }
}
