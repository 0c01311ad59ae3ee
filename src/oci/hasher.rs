//! A running hash that can be put down and taken up again.
//!
//! The state is kept in the encoding of Go's `crypto/sha256` and `crypto/sha512` (`MarshalBinary`), because that is what
//! the distribution registry keeps beside its uploads: either program can go on with what the other began.

use sha2::digest::Digest as _;
use sha2::digest::common::hazmat::{SerializableState, SerializedState};
use sha2::{Sha256, Sha512};

use super::{Algorithm, Digest};

/// A hash of content that is still arriving.
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(Sha256),
    Sha512(Sha512),
}

/// The encoded state of a [`Hasher`] (108 bytes for SHA-256, 204 for SHA-512).
pub type HasherState = Vec<u8>;

/// How one algorithm's state is laid out, in Go's encoding and in ours.
struct Layout {
    magic: &'static [u8; 4],
    /// Size of one of the eight words.
    word: usize,
    /// Size of a block.
    block: usize,
    /// Size of our count of blocks.
    count: usize,
}

/// More bytes than any content has: SHA-256 is defined for fewer than 2^64 bits (FIPS 180-4 §1).
const TOO_LONG: u64 = 1 << 61;

const SHA256: Layout = Layout { magic: b"sha\x03", word: 4, block: 64, count: 8 };
const SHA512: Layout = Layout { magic: b"sha\x07", word: 8, block: 128, count: 16 };

impl Hasher {
    /// A hash of nothing yet.
    pub fn new(algorithm: Algorithm) -> Hasher {
        Hasher(match algorithm {
            Algorithm::Sha256 => State::Sha256(Sha256::new()),
            Algorithm::Sha512 => State::Sha512(Sha512::new()),
        })
    }

    /// The algorithm it runs.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            State::Sha256(_) => Algorithm::Sha256,
            State::Sha512(_) => Algorithm::Sha512,
        }
    }

    /// Takes in the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Sha256(hash) => hash.update(bytes),
            State::Sha512(hash) => hash.update(bytes),
        }
    }

    /// The digest of everything that was taken in.
    pub fn finish(self) -> Digest {
        match self.0 {
            State::Sha256(hash) => Digest::sha256(hash.finalize().into()),
            State::Sha512(hash) => Digest::sha512(hash.finalize().into()),
        }
    }

    /// The state, to be kept beside the `length` bytes that were taken in so far.
    pub fn save(&self, length: u64) -> HasherState {
        match &self.0 {
            State::Sha256(hash) => SHA256.write_go(&hash.serialize(), length),
            State::Sha512(hash) => SHA512.write_go(&hash.serialize(), length),
        }
    }

    /// Takes up a state that was kept after `length` bytes; `None` if it is not such a state.
    pub fn restore(algorithm: Algorithm, state: &[u8], length: u64) -> Option<Hasher> {
        Some(Hasher(match algorithm {
            Algorithm::Sha256 => {
                let ours = SHA256.read_go(state, length)?;
                State::Sha256(Sha256::deserialize(&SerializedState::<Sha256>::try_from(&ours[..]).ok()?).ok()?)
            }
            Algorithm::Sha512 => {
                let ours = SHA512.read_go(state, length)?;
                State::Sha512(Sha512::deserialize(&SerializedState::<Sha512>::try_from(&ours[..]).ok()?).ok()?)
            }
        }))
    }
}

impl Layout {
    /// Ours: eight words and the count of whole blocks, little-endian; the number of bytes in the open block; the open
    /// block, one byte short. Go's: magic, eight words, the open block whole, the count of bytes, big-endian.
    fn write_go(&self, ours: &[u8], length: u64) -> HasherState {
        let (words, rest) = ours.split_at(8 * self.word);
        let open = &rest[self.count + 1..];
        let mut go = Vec::with_capacity(4 + words.len() + self.block + 8);
        go.extend_from_slice(self.magic);
        for word in words.chunks(self.word) {
            go.extend(word.iter().rev());
        }
        go.extend_from_slice(open);
        go.push(0);
        go.extend_from_slice(&length.to_be_bytes());
        go
    }

    fn read_go(&self, go: &[u8], length: u64) -> Option<Vec<u8>> {
        let (words, block) = (8 * self.word, self.block);
        if length >= TOO_LONG
            || go.len() != 4 + words + block + 8
            || go[..4] != self.magic[..]
            || go[4 + words + block..] != length.to_be_bytes()
        {
            return None;
        }
        let block_size = u64::try_from(block).ok()?;
        let open = usize::try_from(length % block_size).ok()?;
        let mut ours = Vec::with_capacity(words + self.count + block);
        for word in go[4..4 + words].chunks(self.word) {
            ours.extend(word.iter().rev());
        }
        let mut count = (length / block_size).to_le_bytes().to_vec();
        count.resize(self.count, 0);
        ours.extend(count);
        ours.push(u8::try_from(open).ok()?);
        ours.extend_from_slice(&go[4 + words..4 + words + open]);
        ours.resize(words + self.count + block, 0);
        Some(ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What Go 1.21 prints for `h := sha256.New(); h.Write([]byte("wharf")); h.MarshalBinary()`.
    #[test]
    fn the_state_is_in_gos_encoding() {
        let mut hasher = Hasher::new(Algorithm::Sha256);
        hasher.update(b"wharf");
        let initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
        let expected = format!("73686103{initial}{}{}{:016x}", hex::encode("wharf"), "00".repeat(59), 5);
        assert_eq!(hex::encode(hasher.save(5)), expected);
    }

    #[test]
    fn a_damaged_state_is_not_taken_up() {
        let state = Hasher::new(Algorithm::Sha256).save(0);
        assert!(Hasher::restore(Algorithm::Sha256, &state, 0).is_some());
        assert!(Hasher::restore(Algorithm::Sha256, &state, 1).is_none());
        assert!(Hasher::restore(Algorithm::Sha512, &state, 0).is_none());
        assert!(Hasher::restore(Algorithm::Sha256, &state[..107], 0).is_none());
        assert!(Hasher::restore(Algorithm::Sha256, b"", 0).is_none());
    }

    #[test]
    fn a_state_after_more_than_can_be_hashed_is_not_taken_up() {
        for algorithm in Algorithm::ALL {
            let state = |length| Hasher::new(algorithm).save(length);
            assert!(Hasher::restore(algorithm, &state(TOO_LONG), TOO_LONG).is_none());
            assert!(Hasher::restore(algorithm, &state(u64::MAX), u64::MAX).is_none());
            let most = TOO_LONG - 1;
            let hasher = Hasher::restore(algorithm, &state(most), most).unwrap();
            assert_eq!(hasher.finish().algorithm(), algorithm);
        }
    }

    proptest! {
        #[test]
        fn a_hash_that_was_put_down_anywhere_ends_the_same(
            before in prop::collection::vec(any::<u8>(), 0..400),
            after in prop::collection::vec(any::<u8>(), 0..400),
            sha512: bool,
        ) {
            let algorithm = if sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 };
            let mut first = Hasher::new(algorithm);
            first.update(&before);
            let length = before.len() as u64;
            let mut second = Hasher::restore(algorithm, &first.save(length), length).unwrap();
            second.update(&after);
            prop_assert_eq!(second.finish(), Digest::of(algorithm, &[before, after].concat()));
        }
    }
}
