//! A running hash that was put down and taken up again, anywhere and any number of times, ends the same; and what is not
//! such a state is not taken up.

use wharf::oci::{Algorithm, Digest, Hasher};

/// Where the state's open block begins, and its length.
fn block(algorithm: Algorithm) -> (usize, usize) {
    match algorithm {
        Algorithm::Sha256 => (4 + 8 * 4, 64),
        Algorithm::Sha512 => (4 + 8 * 8, 128),
    }
}

/// The first byte chooses the algorithm and what the rest is: content, or a state and its length.
pub fn hold(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let algorithm = Algorithm::ALL[usize::from(choice & 1)];
    match choice & 2 {
        0 => in_pieces(algorithm, rest),
        _ => any_state(algorithm, rest),
    }
}

/// The first byte is the length of a piece, and so on.
fn in_pieces(algorithm: Algorithm, mut data: &[u8]) {
    let mut hasher = Hasher::new(algorithm);
    let mut content = Vec::new();
    while let Some((length, rest)) = data.split_first() {
        let (piece, rest) = rest.split_at(rest.len().min(usize::from(*length)));
        hasher.update(piece);
        content.extend_from_slice(piece);
        data = rest;
        let length = content.len() as u64;
        let state = hasher.save(length);
        let (start, size) = block(algorithm);
        assert_eq!(state.len(), start + size + 8);
        // Go leaves no bytes of earlier blocks behind the open one, and compares states byte by byte.
        assert!(state[start + content.len() % size..start + size].iter().all(|byte| *byte == 0));
        for wrong in [length + 1, length.wrapping_sub(1), length + size as u64] {
            assert!(Hasher::restore(algorithm, &state, wrong).is_none());
        }
        let other = Algorithm::ALL[usize::from(algorithm == Algorithm::Sha256)];
        assert!(Hasher::restore(other, &state, length).is_none());
        assert!(Hasher::restore(algorithm, &state[..state.len() - 1], length).is_none());
        hasher = Hasher::restore(algorithm, &state, length).expect("a state that was just kept");
        assert_eq!(hasher.algorithm(), algorithm);
        assert_eq!(hasher.save(length), state);
    }
    assert_eq!(hasher.finish(), Digest::of(algorithm, &content));
}

/// The length is what the state itself says, or, if the first byte is odd, what the next eight say.
fn any_state(algorithm: Algorithm, data: &[u8]) {
    let Some((choice, data)) = data.split_first() else { return };
    let (length, state) = match choice & 1 {
        0 => (data.last_chunk::<8>(), data),
        _ => data.split_first_chunk::<8>().map_or((None, data), |(length, state)| (Some(length), state)),
    };
    let length = length.map_or(0, |length| u64::from_be_bytes(*length));
    let Some(mut hasher) = Hasher::restore(algorithm, state, length) else { return };
    let (start, size) = block(algorithm);
    let open = start + usize::try_from(length % size as u64).expect("less than a block");
    // Kept again, it is the same but for what nobody reads.
    let kept = hasher.save(length);
    assert_eq!((&kept[..open], &kept[start + size..]), (&state[..open], &state[start + size..]));
    assert!(kept[open..start + size].iter().all(|byte| *byte == 0));
    // And it goes on as its copy does.
    let mut copy = Hasher::restore(algorithm, &kept, length).expect("a state that was just kept");
    for hasher in [&mut hasher, &mut copy] {
        hasher.update(&state[..state.len().min(100)]);
    }
    assert_eq!(hasher.finish(), copy.finish());
}
