//! Parts of content: what a reader asks for and where a writer's chunk belongs.

use std::fmt;
use std::ops::Range;

/// Which bytes of a blob a reader asks for (`Range`, RFC 9110 §14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteRange {
    /// From the first to the last byte, both included; no byte if the last comes first.
    Between(u64, u64),
    /// From this byte to the end.
    From(u64),
    /// The last bytes, this many.
    Last(u64),
}

/// Why a header about a range cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// No byte of the content is in the range (RFC 9110 §15.5.17).
    #[error("the range holds no byte of the content, which has {size}")]
    NotSatisfiable {
        /// The content's size in bytes.
        size: u64,
    },
    /// A chunk's range is not of the form that uploads use.
    #[error("a chunk's Content-Range is written first-last, such as 0-1023, both included")]
    Malformed,
}

impl ByteRange {
    /// Reads a `Range` header. `None` if it is to be ignored: another unit, several ranges, or not a range at all; then
    /// the whole content is the answer (RFC 9110 §14.2).
    pub fn parse(header: &str) -> Option<ByteRange> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        match (first.is_empty(), last.is_empty()) {
            (false, false) => {
                // A range that ends before it starts holds no byte and is answered so (RFC 9110 §14.2 lets us choose).
                Some(ByteRange::Between(number(first)?, number(last)?))
            }
            (false, true) => Some(ByteRange::From(number(first)?)),
            (true, false) => Some(ByteRange::Last(number(last)?)),
            (true, true) => None,
        }
    }

    /// The bytes of content of this `size` that the range holds.
    pub fn within(self, size: u64) -> Result<Range<u64>, RangeError> {
        let range = match self {
            ByteRange::Between(first, last) => first..last.saturating_add(1).min(size),
            ByteRange::From(first) => first..size,
            ByteRange::Last(count) => size.saturating_sub(count)..size,
        };
        if range.start < range.end { Ok(range) } else { Err(RangeError::NotSatisfiable { size }) }
    }
}

/// Digits only, and a number too large to hold is as good as the largest.
fn number(text: &str) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    Some(text.parse().unwrap_or(u64::MAX))
}

/// Where a chunk of an upload belongs (`Content-Range` of a chunk, distribution-spec "Pushing a blob in chunks").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkRange {
    first: u64,
    last: u64,
}

impl ChunkRange {
    /// Reads `first-last`. RFC 9110's `bytes first-last/size`, which some clients send, is read too.
    pub fn parse(header: &str) -> Result<ChunkRange, RangeError> {
        let text = header.trim();
        let text = text.strip_prefix("bytes").map_or(text, |rest| rest.trim_start_matches(['=', ' ']));
        let text = text.split('/').next().unwrap_or_default();
        let (first, last) = text.split_once('-').ok_or(RangeError::Malformed)?;
        let parse = |text: &str| number(text).filter(|n| *n < u64::MAX).ok_or(RangeError::Malformed);
        let (first, last) = (parse(first)?, parse(last)?);
        if first > last {
            return Err(RangeError::Malformed);
        }
        Ok(ChunkRange { first, last })
    }

    /// The offset of the chunk's first byte.
    pub fn first(self) -> u64 {
        self.first
    }

    /// How many bytes the chunk has.
    pub fn length(self) -> u64 {
        self.last - self.first + 1
    }
}

impl fmt::Display for ChunkRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        assert_eq!(ByteRange::parse("bytes=0-0"), Some(ByteRange::Between(0, 0)));
        assert_eq!(ByteRange::parse("bytes=5-"), Some(ByteRange::From(5)));
        assert_eq!(ByteRange::parse("Bytes=-5"), Some(ByteRange::Last(5)));
        for ignored in ["", "bytes", "bytes=", "bytes=-", "bytes=0-1,3-4", "lines=0-1", "bytes=+1-2", "bytes=a-b"] {
            assert_eq!(ByteRange::parse(ignored), None, "{ignored:?}");
        }
    }

    #[test]
    fn chunks_are_read_with_and_without_a_unit() {
        let chunk = ChunkRange { first: 3, last: 9 };
        for text in ["3-9", " 3-9 ", "bytes 3-9/10", "bytes 3-9/*", "bytes=3-9"] {
            assert_eq!(ChunkRange::parse(text), Ok(chunk), "{text:?}");
        }
        for text in ["", "3", "9-3", "-9", "3-", "a-b", "3--9", "0-18446744073709551615", "0-99999999999999999999999"] {
            assert_eq!(ChunkRange::parse(text), Err(RangeError::Malformed), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_range_is_never_larger_than_the_content(first: u64, last: u64, size: u64) {
            for range in [ByteRange::Between(first, last), ByteRange::From(first), ByteRange::Last(last)] {
                match range.within(size) {
                    Ok(bytes) => prop_assert!(bytes.start < bytes.end && bytes.end <= size),
                    Err(error) => prop_assert_eq!(error, RangeError::NotSatisfiable { size }),
                }
            }
        }

        #[test]
        fn no_header_makes_a_parser_panic(text in ".{0,60}") {
            let _ = ByteRange::parse(&text);
            let _ = ChunkRange::parse(&text);
        }
    }
}
