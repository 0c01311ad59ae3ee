//! A range that was read lies inside of the content and holds what its words say.

use wharf::oci::{ByteRange, ChunkRange, RangeError};

/// A size, and behind it the text of a header.
pub fn hold(data: &[u8]) {
    let Some((size, text)) = data.split_first_chunk::<8>() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    if let Some(range) = ByteRange::parse(text) {
        // Beside any size one that is small enough to count.
        bytes(range, u64::from_le_bytes(*size));
        bytes(range, u64::from(size[0]));
    }
    if let Ok(chunk) = ChunkRange::parse(text) {
        assert_eq!(ChunkRange::parse(&chunk.to_string()), Ok(chunk));
        assert!(chunk.length() > 0);
        let last = chunk.first().checked_add(chunk.length() - 1);
        assert_eq!(chunk.to_string(), format!("{}-{}", chunk.first(), last.unwrap_or_default()));
        assert!(text.contains(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']));
    }
}

fn bytes(range: ByteRange, size: u64) {
    let printed = match range {
        ByteRange::Between(first, last) => format!("bytes={first}-{last}"),
        ByteRange::From(first) => format!("bytes={first}-"),
        ByteRange::Last(count) => format!("bytes=-{count}"),
    };
    assert_eq!(ByteRange::parse(&printed), Some(range));
    // Whether a byte is in the range, by the words of RFC 9110 §14.1.2.
    let holds = |byte: u64| match range {
        ByteRange::Between(first, last) => first <= byte && byte <= last,
        ByteRange::From(first) => first <= byte,
        ByteRange::Last(count) => u128::from(byte) + u128::from(count) >= u128::from(size),
    };
    match range.within(size) {
        Ok(found) => {
            assert!(found.start < found.end && found.end <= size, "{range:?} of {size} is {found:?}");
            assert!(holds(found.start) && holds(found.end - 1));
            assert!(found.start == 0 || !holds(found.start - 1));
            assert!(found.end == size || !holds(found.end));
        }
        Err(error) => {
            assert_eq!(error, RangeError::NotSatisfiable { size });
            assert!(size == 0 || !(holds(0) || holds(size - 1)), "{range:?} of {size} is refused");
            assert!(size > 255 || (0..size).all(|byte| !holds(byte)), "{range:?} of {size} is refused");
        }
    }
}
