//! Which blobs are hashed when not all are.

use std::fmt;
use std::str::FromStr;

use crate::oci::Digest;

/// The share of the blobs whose bytes are hashed, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample(u32);

/// All millionths.
const ALL: u32 = 1_000_000;

/// Why a text is not a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a share is a percentage above 0 and up to 100, such as 10% or 0.5%")]
pub struct SampleError;

impl Sample {
    /// Every blob.
    pub const EVERYTHING: Sample = Sample(ALL);

    /// Whether this blob is one of them. The same seed chooses the same blobs.
    pub(super) fn chooses(self, seed: u64, digest: &Digest) -> bool {
        // A digest is as good as random, but whoever pushes knows it; the seed is what nobody knows before.
        let drawn = mixed(prefix(digest) ^ mixed(seed));
        u128::from(drawn) * u128::from(ALL) < (u128::from(self.0) << 64)
    }
}

/// The first 64 bits of a digest.
pub(super) fn prefix(digest: &Digest) -> u64 {
    let hex = digest.hex();
    u64::from_str_radix(&hex[..16], 16).unwrap_or_default()
}

/// A number in which every bit depends on every bit (the finalizer of SplitMix64).
fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

impl FromStr for Sample {
    type Err = SampleError;

    fn from_str(text: &str) -> Result<Sample, SampleError> {
        let number = text.strip_suffix('%').unwrap_or(text);
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let digits = |text: &str| text.bytes().all(|digit| digit.is_ascii_digit());
        if whole.is_empty() || whole.len() > 3 || part.len() > 4 || !digits(whole) || !digits(part) {
            return Err(SampleError);
        }
        let whole: u32 = whole.parse().map_err(|_| SampleError)?;
        let part: u32 = format!("{part:0<4}").parse().map_err(|_| SampleError)?;
        match whole * 10_000 + part {
            millionths @ 1..=ALL => Ok(Sample(millionths)),
            _ => Err(SampleError),
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", f64::from(self.0) / 10_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oci::Algorithm;

    #[test]
    fn a_share_is_read_as_people_write_it() {
        for (text, read) in [
            ("100%", Some(ALL)),
            ("10%", Some(100_000)),
            ("0.5%", Some(5_000)),
            ("7", Some(70_000)),
            ("0.0001%", Some(1)),
        ] {
            assert_eq!(text.parse::<Sample>().ok(), read.map(Sample), "{text}");
        }
        for text in ["", "%", "0%", "101%", "-1%", "1e1%", "0.00001%", "99999999%", ".5%", "+5", "5 %"] {
            assert_eq!(text.parse::<Sample>(), Err(SampleError), "{text}");
        }
        assert_eq!(Sample(5_000).to_string(), "0.5%");
    }

    #[test]
    fn about_so_many_are_chosen_and_others_by_another_seed() {
        let digests: Vec<Digest> = (0..10_000_u32).map(|n| Digest::of(Algorithm::Sha256, &n.to_be_bytes())).collect();
        let chosen = |share: &str, seed| {
            let share: Sample = share.parse().unwrap();
            digests.iter().filter(|digest| share.chooses(seed, digest)).copied().collect::<Vec<_>>()
        };
        assert_eq!(chosen("100%", 1).len(), digests.len());
        let (one, other) = (chosen("10%", 1), chosen("10%", 2));
        assert!((900..1100).contains(&one.len()), "{}", one.len());
        assert_eq!(one, chosen("10%", 1));
        let both = one.iter().filter(|digest| other.contains(digest)).count();
        assert!((50..160).contains(&both), "{both}");
    }
}
