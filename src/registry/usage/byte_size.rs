//! A length in bytes, as people write and read it.

use std::fmt;
use std::str::FromStr;

/// The units in which one may be written, and how many bytes each is.
const UNITS: [(&str, u64); 9] = [
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("bytes", 1),
];
/// The units in which one is shown.
const SHOWN: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// A length in bytes, such as `500GiB`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

/// A text is no length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ByteSizeError {
    /// It is not written as one.
    #[error(
        "a length is a whole number and KiB, MiB, GiB, TiB (by 1024), KB, MB, GB, TB (by 1000) or bytes, as in 500GiB"
    )]
    Form,
    /// It is more than can be counted.
    #[error("that is longer than anything: at most 16777215TiB can be counted")]
    Length,
}

impl FromStr for ByteSize {
    type Err = ByteSizeError;

    /// A number without a unit is bytes.
    fn from_str(text: &str) -> Result<ByteSize, ByteSizeError> {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (digits, unit) = text.split_at(end);
        if digits.is_empty() {
            return Err(ByteSizeError::Form);
        }
        let factor = match unit.trim_start_matches(' ') {
            "" if unit.is_empty() => 1,
            unit => UNITS.iter().find(|(name, _)| *name == unit).ok_or(ByteSizeError::Form)?.1,
        };
        let number = digits.parse::<u64>().map_err(|_| ByteSizeError::Length)?;
        number.checked_mul(factor).map(ByteSize).ok_or(ByteSizeError::Length)
    }
}

/// In the largest unit of which there is one, by 1024, rounded down.
impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut tenths = u128::from(self.0) * 10;
        let mut unit = None;
        for next in SHOWN {
            if tenths < 10_240 {
                break;
            }
            tenths /= 1024;
            unit = Some(next);
        }
        match unit {
            None => f.pad(&format!("{} bytes", self.0)),
            Some(unit) => f.pad(&format!("{}.{} {unit}", tenths / 10, tenths % 10)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_with_their_units() {
        for (text, bytes) in [
            ("0", 0),
            ("1000", 1000),
            ("7bytes", 7),
            ("500GiB", 500 << 30),
            ("500 GiB", 500 << 30),
            ("2KB", 2000),
            ("3MB", 3_000_000),
            ("1TiB", 1 << 40),
            ("16777215TiB", 16_777_215 << 40),
        ] {
            assert_eq!(text.parse(), Ok(ByteSize(bytes)), "{text}");
        }
        for text in ["", "GiB", "-1GiB", "+1", "1.5GiB", "1G", "1gib", "1kb", "1 ", "1GiB ", "1PiB", "١KB"] {
            assert_eq!(text.parse::<ByteSize>(), Err(ByteSizeError::Form), "{text}");
        }
        for text in ["16777216TiB", "18446744073709551616"] {
            assert_eq!(text.parse::<ByteSize>(), Err(ByteSizeError::Length), "{text}");
        }
    }

    #[test]
    fn lengths_are_shown_as_people_read_them() {
        for (bytes, text) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1_600_000, "1.5 MiB"), (u64::MAX, "15.9 EiB")]
        {
            assert_eq!(ByteSize(bytes).to_string(), text);
        }
        assert_eq!(format!("{:>9}|", ByteSize(1024)), "  1.0 KiB|");
    }
}
