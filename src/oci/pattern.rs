//! Patterns of repositories in what an operator writes: `team/app`, `team/*`, `team/**`, `{user}/**`.
//!
//! A pattern is compared part by part, parts being what slashes separate. `*` stands for any text within a part, `**`
//! alone in a part for any parts: for one at least at the end of a pattern, for any number, also none, elsewhere. `{user}`
//! stands for the name of the user who asks, taken as it is: never as a pattern, and never as more than one part, since no
//! part of a repository's name has a slash.

use std::fmt;
use std::str::FromStr;

use super::RepositoryName;

/// The longest pattern, in bytes; a repository's name is not longer.
const LONGEST: usize = 255;
/// `**` as often as a pattern may have it; each costs another try of the rest.
const MOST_DEPTHS: usize = 3;

/// A pattern of repositories.
#[derive(Clone, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    /// `**`
    AnyDepth,
    /// A part without anything special.
    Literal(String),
    /// Anything else.
    Mixed(Vec<Piece>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// `*`
    Any,
    /// `{user}`
    User,
}

/// A text is no pattern of repositories.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// It is empty, too long, or has an empty part.
    #[error("a pattern such as team/* has at most {LONGEST} bytes and no empty part")]
    Form,
    /// It has a sign that no repository's name has.
    #[error("{0:?} is in no repository's name; those have lower-case letters, digits, '.', '_', '-' and '/'")]
    Sign(char),
    /// `**` beside something else.
    #[error("** stands alone between slashes, as in team/**")]
    Depth,
    /// `**` too often.
    #[error("** stands at most {MOST_DEPTHS} times in a pattern")]
    Depths,
    /// Braces that are not `{user}`.
    #[error("of what may stand in braces there is {{user}} alone")]
    Braces,
}

impl Pattern {
    /// Whether a repository matches for this user; for nobody in particular, `{user}` matches nothing.
    pub fn matches(&self, repository: &RepositoryName, user: Option<&str>) -> bool {
        matches(&self.parts, repository.as_str(), user)
    }

    /// Whether a repository below this path, whose parts are whole, may match.
    pub fn reaches_below(&self, path: &str, user: Option<&str>) -> bool {
        reaches(&self.parts, path, user)
    }

    /// Whether every repository matches, whoever asks.
    pub fn is_everything(&self) -> bool {
        self.parts == [Part::AnyDepth]
    }

    /// As it reads to a user: with their name in its place.
    pub fn shown_to(&self, user: Option<&str>) -> String {
        match user {
            Some(user) => self.text.replace("{user}", user),
            None => self.text.clone(),
        }
    }

    /// Whether it depends on the user who asks.
    pub fn has_user(&self) -> bool {
        let has = |part: &Part| matches!(part, Part::Mixed(pieces) if pieces.contains(&Piece::User));
        self.parts.iter().any(has)
    }
}

/// The first part of a path, and the rest if there is one.
fn first(path: &str) -> (&str, Option<&str>) {
    path.split_once('/').map_or((path, None), |(first, rest)| (first, Some(rest)))
}

fn matches(parts: &[Part], path: &str, user: Option<&str>) -> bool {
    match parts {
        [] => false,
        [Part::AnyDepth] => true,
        [Part::AnyDepth, rest @ ..] => {
            let mut left = Some(path);
            while let Some(path) = left {
                if matches(rest, path, user) {
                    return true;
                }
                left = first(path).1;
            }
            false
        }
        [part, rest @ ..] => {
            let (component, below) = first(path);
            part.matches(component, user)
                && match (rest, below) {
                    ([], None) => true,
                    (_, Some(below)) => matches(rest, below, user),
                    (_, None) => false,
                }
        }
    }
}

fn reaches(parts: &[Part], path: &str, user: Option<&str>) -> bool {
    match parts {
        [] => false,
        [Part::AnyDepth, ..] => true,
        [part, rest @ ..] => {
            let (component, below) = first(path);
            part.matches(component, user) && below.map_or(!rest.is_empty(), |below| reaches(rest, below, user))
        }
    }
}

impl Part {
    fn matches(&self, component: &str, user: Option<&str>) -> bool {
        match self {
            Part::AnyDepth => true,
            Part::Literal(text) => text == component,
            Part::Mixed(pieces) => pieces_match(pieces, component, user),
        }
    }
}

/// Of several `*` only the last is ever tried again, so that this takes no more than a product of two lengths.
fn pieces_match(pieces: &[Piece], component: &str, user: Option<&str>) -> bool {
    let (mut piece, mut at) = (0, 0);
    let mut again: Option<(usize, usize)> = None;
    loop {
        let rest = &component[at..];
        let step = match pieces.get(piece) {
            None if rest.is_empty() => return true,
            None => None,
            Some(Piece::Any) => {
                again = Some((piece + 1, at));
                piece += 1;
                continue;
            }
            Some(Piece::Text(text)) => rest.starts_with(text.as_str()).then_some(text.len()),
            Some(Piece::User) => match user {
                Some(user) => rest.starts_with(user).then_some(user.len()),
                None => return false,
            },
        };
        match (step, again) {
            (Some(length), _) => {
                at += length;
                piece += 1;
            }
            // Names of repositories are ASCII, so the next byte begins a sign.
            (None, Some((behind, from))) if from < component.len() => {
                again = Some((behind, from + 1));
                (piece, at) = (behind, from + 1);
            }
            (None, _) => return false,
        }
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() || text.len() > LONGEST {
            return Err(PatternError::Form);
        }
        let parts: Vec<Part> = text.split('/').map(part).collect::<Result<_, _>>()?;
        if parts.iter().filter(|part| **part == Part::AnyDepth).count() > MOST_DEPTHS {
            return Err(PatternError::Depths);
        }
        Ok(Pattern { text: text.to_owned(), parts })
    }
}

fn part(text: &str) -> Result<Part, PatternError> {
    if text == "**" {
        return Ok(Part::AnyDepth);
    }
    if text.is_empty() {
        return Err(PatternError::Form);
    }
    if text.contains("**") {
        return Err(PatternError::Depth);
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(sign) = rest.chars().next() {
        let length = match sign {
            '*' => {
                pieces.push(Piece::Any);
                1
            }
            '{' => {
                rest.strip_prefix("{user}").ok_or(PatternError::Braces)?;
                pieces.push(Piece::User);
                "{user}".len()
            }
            _ => {
                let end = rest.find(['*', '{']).unwrap_or(rest.len());
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '_' | '-');
                if let Some(odd) = rest[..end].chars().find(|c| !plain(*c)) {
                    return Err(if odd == '}' { PatternError::Braces } else { PatternError::Sign(odd) });
                }
                pieces.push(Piece::Text(rest[..end].to_owned()));
                end
            }
        };
        rest = &rest[length..];
    }
    match pieces.as_slice() {
        [Piece::Text(text)] => Ok(Part::Literal(text.clone())),
        _ => Ok(Part::Mixed(pieces)),
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
#[path = "pattern_tests.rs"]
mod tests;
