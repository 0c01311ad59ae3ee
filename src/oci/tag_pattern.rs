//! Patterns of tags in what an operator writes: `latest`, `dev-*`, `v1.?`.

use std::fmt;
use std::str::FromStr;

use super::Tag;

/// A pattern of tags. `*` stands for any text, also none, `?` for one character.
#[derive(Clone, PartialEq, Eq)]
pub struct TagPattern(String);

/// A text is no pattern of tags.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TagPatternError {
    /// It is empty or too long.
    #[error("a pattern such as dev-* has 1 to {max} characters", max = Tag::MAX_LENGTH)]
    Form,
    /// It has a sign that no tag has.
    #[error("{0:?} is in no tag; those have letters, digits, '_', '.' and '-'")]
    Sign(char),
}

impl TagPattern {
    /// Whether a tag matches.
    ///
    /// Of several `*` only the last is ever tried again, so that this takes no more than a product of two lengths.
    pub fn matches(&self, tag: &Tag) -> bool {
        let (pattern, text) = (self.0.as_bytes(), tag.as_str().as_bytes());
        let (mut at, mut in_text) = (0, 0);
        let mut again: Option<(usize, usize)> = None;
        while in_text < text.len() {
            match (pattern.get(at), again) {
                (Some(b'*'), _) => {
                    at += 1;
                    again = Some((at, in_text));
                }
                (Some(sign), _) if *sign == b'?' || *sign == text[in_text] => {
                    at += 1;
                    in_text += 1;
                }
                (_, Some((behind, from))) => {
                    again = Some((behind, from + 1));
                    (at, in_text) = (behind, from + 1);
                }
                (_, None) => return false,
            }
        }
        pattern[at..].iter().all(|sign| *sign == b'*')
    }
}

impl FromStr for TagPattern {
    type Err = TagPatternError;

    fn from_str(text: &str) -> Result<Self, TagPatternError> {
        if text.is_empty() || text.len() > Tag::MAX_LENGTH {
            return Err(TagPatternError::Form);
        }
        let known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-' | '*' | '?');
        match text.chars().find(|c| !known(*c)) {
            Some(odd) => Err(TagPatternError::Sign(odd)),
            None => Ok(TagPattern(text.to_owned())),
        }
    }
}

impl fmt::Display for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TagPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_no_tag_can_be_is_refused() {
        for (text, error) in [
            ("", TagPatternError::Form),
            ("v1/*", TagPatternError::Sign('/')),
            ("{user}", TagPatternError::Sign('{')),
            ("[ab]", TagPatternError::Sign('[')),
        ] {
            assert_eq!(text.parse::<TagPattern>(), Err(error), "{text}");
        }
        assert_eq!("*".repeat(129).parse::<TagPattern>(), Err(TagPatternError::Form));
    }

    proptest! {
        #[test]
        fn a_pattern_matches_what_the_same_regular_expression_does(pattern in "[ab.*?]{1,7}", text in "[ab][ab.]{0,6}") {
            let expression = regex::escape(&pattern).replace(r"\*", ".*").replace(r"\?", ".");
            let expression = regex::Regex::new(&format!("^{expression}$")).unwrap();
            let matches = pattern.parse::<TagPattern>().unwrap().matches(&text.parse().unwrap());
            prop_assert_eq!(matches, expression.is_match(&text));
        }
    }
}
