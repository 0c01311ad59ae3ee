//! The lines of an htpasswd file: read as registry:2 reads them, and changed without touching any other line. Knows no
//! files.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::auth::{Fingerprint, UserName};

/// The costliest hash that is checked. It takes a quarter of a minute, and each more takes twice as long.
const COSTLIEST: u32 = 18;
/// The cheapest that bcrypt has.
const CHEAPEST: u32 = 4;

/// The users of a file.
#[derive(Default)]
pub(super) struct Users {
    entries: BTreeMap<String, Entry>,
    not_text: Vec<usize>,
    costliest: Option<u32>,
}

struct Entry {
    line: usize,
    password: Password,
}

/// What a line says of a password.
pub(super) enum Password {
    /// A bcrypt hash.
    Bcrypt {
        /// As it is written.
        hash: String,
        /// It takes two to the power of this many rounds.
        cost: u32,
        fingerprint: Fingerprint,
    },
    Unusable(Unusable),
}

/// Why a user of the file cannot log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unusable {
    /// The hash is not one of bcrypt. registry:2 takes no other either.
    NotBcrypt,
    /// To check the hash takes too long.
    TooCostly {
        /// The logarithm of its rounds.
        cost: u32,
    },
    /// Nobody can have this name.
    Name,
}

/// A user of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUser {
    /// The name as it is written.
    pub name: String,
    /// Why the user cannot log in, if so.
    pub unusable: Option<Unusable>,
}

/// Something in a file that does not keep it from being used, and that whoever keeps it should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// The line, counted from 1.
    pub(super) line: usize,
    about: Option<(String, Unusable)>,
}

/// A line that is neither a user nor a comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoColon {
    /// The line, counted from 1.
    pub(super) line: usize,
}

/// A line.
enum Line<'a> {
    /// Empty, or a comment.
    Nothing,
    User(&'a str, &'a str),
    NotText,
    NoColon,
}

fn read(line: &[u8]) -> Line<'_> {
    let Ok(text) = std::str::from_utf8(line) else {
        return if line.trim_ascii_start().starts_with(b"#") { Line::Nothing } else { Line::NotText };
    };
    let text = text.trim();
    if text.is_empty() || text.starts_with('#') {
        return Line::Nothing;
    }
    text.split_once(':').map_or(Line::NoColon, |(user, hash)| Line::User(user, hash))
}

impl Users {
    /// Reads the content of a file. Of several lines for a user the last counts, as for registry:2.
    pub(super) fn parse(content: &[u8]) -> Result<Users, NoColon> {
        let mut users = Users::default();
        for (line, number) in content.split(|byte| *byte == b'\n').zip(1..) {
            match read(line) {
                Line::Nothing => {}
                Line::NotText => users.not_text.push(number),
                Line::NoColon => return Err(NoColon { line: number }),
                Line::User(name, hash) => {
                    let entry = Entry { line: number, password: Password::parse(name, hash) };
                    users.entries.insert(name.to_owned(), entry);
                }
            }
        }
        let costs = users.entries.values().filter_map(|entry| entry.password.cost());
        users.costliest = costs.max();
        Ok(users)
    }

    /// What the file says of the password of a user.
    pub(super) fn password(&self, user: &str) -> Option<&Password> {
        self.entries.get(user).map(|entry| &entry.password)
    }

    /// The cost of the costliest hash, if there is one.
    pub(super) fn costliest(&self) -> Option<u32> {
        self.costliest
    }

    /// How many can log in.
    pub(super) fn count(&self) -> usize {
        self.entries.values().filter(|entry| entry.password.cost().is_some()).count()
    }

    /// All of them, in order.
    pub(super) fn list(&self) -> Vec<ListedUser> {
        let listed =
            |(name, entry): (&String, &Entry)| ListedUser { name: name.clone(), unusable: entry.password.unusable() };
        self.entries.iter().map(listed).collect()
    }

    /// What is odd, in the order of the lines.
    pub(super) fn notices(&self) -> Vec<Notice> {
        let unusable = self.entries.iter().filter_map(|(name, entry)| {
            let about = Some((name.clone(), entry.password.unusable()?));
            Some(Notice { line: entry.line, about })
        });
        let not_text = self.not_text.iter().map(|line| Notice { line: *line, about: None });
        let mut notices: Vec<Notice> = unusable.chain(not_text).collect();
        notices.sort_by_key(|notice| notice.line);
        notices
    }
}

impl Password {
    fn parse(name: &str, hash: &str) -> Password {
        if name.parse::<UserName>().is_err() {
            return Password::Unusable(Unusable::Name);
        }
        let known = ["$2a$", "$2b$", "$2y$"].iter().any(|version| hash.starts_with(version));
        match bcrypt::HashParts::from_str(hash).ok().filter(|_| known).map(|parts| parts.get_cost()) {
            Some(cost @ CHEAPEST..=COSTLIEST) => {
                Password::Bcrypt { hash: hash.to_owned(), cost, fingerprint: Fingerprint::of(hash.as_bytes()) }
            }
            Some(cost) if cost > COSTLIEST => Password::Unusable(Unusable::TooCostly { cost }),
            Some(_) | None => Password::Unusable(Unusable::NotBcrypt),
        }
    }

    fn cost(&self) -> Option<u32> {
        match self {
            Password::Bcrypt { cost, .. } => Some(*cost),
            Password::Unusable(_) => None,
        }
    }

    fn unusable(&self) -> Option<Unusable> {
        match self {
            Password::Bcrypt { .. } => None,
            Password::Unusable(why) => Some(*why),
        }
    }
}

/// Whether a name, written at the start of a line, is read as the same name again.
pub(super) fn can_be_written(user: &UserName) -> bool {
    matches!(read(format!("{user}:").as_bytes()), Line::User(name, _) if name == user.as_str())
}

/// Whether there is a line for a user.
pub(super) fn holds(content: &[u8], user: &UserName) -> bool {
    content.split(|byte| *byte == b'\n').any(|line| is_of(line, user))
}

fn is_of(line: &[u8], user: &UserName) -> bool {
    matches!(read(line), Line::User(name, _) if name == user.as_str())
}

/// The content with this hash for a user: in the place of the first line for them, or at the end.
pub(super) fn with_user(content: &[u8], user: &UserName, hash: &str) -> Vec<u8> {
    let mut changed = Vec::with_capacity(content.len() + user.as_str().len() + hash.len() + 3);
    let mut left = Some(format!("{user}:{hash}\n"));
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        if !is_of(line, user) {
            changed.extend_from_slice(line);
        } else if let Some(ours) = left.take() {
            changed.extend_from_slice(ours.as_bytes());
        }
    }
    if let Some(ours) = left {
        if changed.last().is_some_and(|byte| *byte != b'\n') {
            changed.push(b'\n');
        }
        changed.extend_from_slice(ours.as_bytes());
    }
    changed
}

/// The content without any line for a user.
pub(super) fn without_user(content: &[u8], user: &UserName) -> Vec<u8> {
    let lines = content.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_of(line, user));
    lines.flatten().copied().collect()
}

impl Unusable {
    /// What is wrong and what helps, as a sentence about a user.
    pub fn about(self, user: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        let quoted = if user.chars().all(plain) { user.to_owned() } else { format!("{user:?}") };
        match self {
            Unusable::NotBcrypt => {
                format!(
                    "the password of {quoted} is not hashed with bcrypt; make a new one: wharf user passwd {quoted}"
                )
            }
            Unusable::TooCostly { cost } => format!(
                "the password of {quoted} is hashed at cost {cost}, and one above {COSTLIEST} takes too long to check; \
                 make a new one: wharf user passwd {quoted}"
            ),
            Unusable::Name => format!("{user:?} cannot be the name of a user"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.about {
            Some((user, why)) => f.write_str(&why.about(user)),
            None => f.write_str("the line is not UTF-8 and is passed over"),
        }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
