//! The form of an access token: `wharf_`, 43 random letters and digits, and 4 that tell a typo.
//!
//! It begins with a letter and has nothing that means anything to a shell or a URL. Those who look for secrets in what is
//! published know it by its beginning.

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};

use crate::auth::random_text::{random_text, sign};

const PREFIX: &str = "wharf_";
/// 256 bits.
const RANDOM: usize = 43;
const CHECK: usize = 4;

/// The SHA-256 of a token, which is what is kept of it. Nobody finds 256 random bits from it, so it needs no salt and may
/// be quick.
pub(super) type Sum = [u8; 32];

/// A new token.
pub(super) fn make() -> Result<SecretString, getrandom::Error> {
    let body = format!("{PREFIX}{}", random_text(RANDOM)?);
    let check = check(&body);
    Ok(format!("{body}{check}").into())
}

/// Whether a text has the form, with the right signs at the end.
pub(super) fn is_one(text: &str) -> bool {
    let form = text.len() == PREFIX.len() + RANDOM + CHECK
        && text.strip_prefix(PREFIX).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    form && check(&text[..PREFIX.len() + RANDOM]) == text[PREFIX.len() + RANDOM..]
}

pub(super) fn sum(text: &str) -> Sum {
    Sha256::digest(text).into()
}

fn check(body: &str) -> String {
    sum(body).into_iter().take(CHECK).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn a_token_is_known_by_its_form_and_a_typo_is_told() {
        let token = make().unwrap();
        let text = token.expose_secret();
        assert!(is_one(text), "{text}");
        assert_ne!(text, make().unwrap().expose_secret());
        for at in 0..text.len() {
            let mut typo = text.to_owned();
            typo.replace_range(at..=at, if &text[at..=at] == "x" { "y" } else { "x" });
            assert!(!is_one(&typo), "{typo}");
        }
        for other in
            ["", "wharf_", &text[1..], &text[..text.len() - 1], &format!("{text}0"), "\u{e9}".repeat(26).as_str()]
        {
            assert!(!is_one(other), "{other}");
        }
    }
}
