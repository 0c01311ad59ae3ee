//! Durations in the syntax that registry:2 reads: Go's, `168h`, `1m30s`, `500ms`, and whole numbers as nanoseconds.

use std::time::Duration;

/// The units and how many nanoseconds each is. Longer names come before those that they begin with.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration that is not negative; nothing if the text is none or is longer than Go's can be, about 292 years.
pub(super) fn parse(text: &str) -> Option<Duration> {
    let unsigned = text.strip_prefix('+').unwrap_or(text);
    let nanoseconds = match unsigned.parse::<u128>() {
        Ok(nanoseconds) if unsigned.starts_with(|c: char| c.is_ascii_digit()) => nanoseconds,
        Ok(_) | Err(_) => parts(unsigned)?,
    };
    let nanoseconds = u64::try_from(nanoseconds).ok().filter(|n| i64::try_from(*n).is_ok())?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Whether the text is a number without a unit, and not zero.
pub(super) fn lacks_unit(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|nanoseconds| nanoseconds != 0)
}

/// One or more numbers, each with its unit.
fn parts(mut text: &str) -> Option<u128> {
    let mut sum: u128 = 0;
    if text.is_empty() {
        return None;
    }
    while !text.is_empty() {
        let (whole, rest) = digits(text);
        let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let (unit, rest) = unit(rest)?;
        let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        sum = sum.checked_add(whole.checked_mul(unit)?)?.checked_add(part_of(unit, fraction))?;
        text = rest;
    }
    Some(sum)
}

/// The digits that a text begins with, and what follows.
fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}

fn unit(text: &str) -> Option<(u128, &str)> {
    let (_, factor, rest) = UNITS
        .iter()
        .filter_map(|(name, factor)| text.strip_prefix(name).map(|rest| (name.len(), *factor, rest)))
        .max_by_key(|(length, _, _)| *length)?;
    Some((factor, rest))
}

/// What the digits after the point are of a unit, rounded down; those beyond a nanosecond do not count.
fn part_of(unit: u128, digits: &str) -> u128 {
    let mut scale = unit;
    let mut sum = 0;
    for digit in digits.bytes() {
        scale /= 10;
        sum += u128::from(digit - b'0') * scale;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_go_reads_them() {
        for (text, milliseconds) in [
            ("168h", 604_800_000),
            ("1m30s", 90_000),
            ("500ms", 500),
            ("1.5h", 5_400_000),
            (".5s", 500),
            ("1h0m0.25s", 3_600_250),
            ("+2s", 2_000),
            ("0", 0),
            ("2000000", 2),
        ] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        assert_eq!(parse("1us7ns"), Some(Duration::from_nanos(1007)));
        assert_eq!(parse("3µs"), Some(Duration::from_nanos(3000)));
    }

    #[test]
    fn what_go_does_not_read_is_refused() {
        for text in ["", "h", "-1s", "1d", "1 h", "s1", "1.s.", ".s", "++1s", "99999999999999999999h", "1h1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_number_without_a_unit_is_noticed() {
        assert!(lacks_unit("60"));
        assert!(!lacks_unit("0"));
        assert!(!lacks_unit("60s"));
    }
}
