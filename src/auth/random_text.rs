//! Random texts of letters and digits: nothing in them means anything to a shell, and a double click takes all of one.

/// The signs, of which each carries almost six bits.
const SIGNS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// So many random signs.
pub(super) fn random_text(length: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        let left = length - text.len();
        // 248 is four times 62. What lies above would make some signs likelier than others.
        text.extend(bytes.into_iter().filter(|byte| *byte < 248).map(sign).take(left));
    }
    Ok(text)
}

/// The sign that a byte stands for.
pub(super) fn sign(byte: u8) -> char {
    char::from(SIGNS[usize::from(byte % 62)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_long_as_asked_and_every_sign_comes_up() {
        assert_eq!(random_text(0).unwrap(), "");
        let text = random_text(10_000).unwrap();
        assert_eq!(text.len(), 10_000);
        assert!(SIGNS.iter().all(|sign| text.contains(char::from(*sign))));
        assert!(text.bytes().all(|byte| SIGNS.contains(&byte)));
    }
}
