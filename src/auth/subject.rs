//! Who is asking: the names of users, groups and access tokens.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The longest name of a user or group, in bytes.
const LONGEST: usize = 255;

/// A text cannot be a name of this kind.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectError {
    /// Not the name of a user or of a group.
    #[error(
        "a name has 1 to {LONGEST} bytes, does not begin with group:, user: or token:, and has nothing that cannot be printed"
    )]
    Name,
    /// Not the name of an access token.
    #[error(
        "an access token's name has 1 to 63 lower-case letters, digits, dots, hyphens and underscores, and begins with \
         a letter or digit"
    )]
    TokenName,
}

/// Identity providers and certificates have names with colons. What rules give a meaning to, or somebody may think they do,
/// begins none.
fn is_name(text: &str) -> bool {
    let fits = !text.is_empty() && text.len() <= LONGEST && !text.chars().any(char::is_control);
    fits && ![super::policy::GROUP, "user:", "token:"].iter().any(|prefix| text.starts_with(prefix))
}

fn is_token_name(text: &str) -> bool {
    let alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    text.len() <= 63
        && text.bytes().next().is_some_and(alphanumeric)
        && text.bytes().all(|b| alphanumeric(b) || matches!(b, b'.' | b'-' | b'_'))
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $is:ident, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as a text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = SubjectError;

            fn from_str(text: &str) -> Result<Self, SubjectError> {
                if $is(text) { Ok($name(text.into())) } else { Err($error) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = SubjectError;

            fn try_from(text: String) -> Result<Self, SubjectError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name!(
    /// The name of a user, as they log in with it.
    UserName, is_name, SubjectError::Name
);
name!(
    /// The name of a group, without the `group:` that rules write before it.
    GroupName, is_name, SubjectError::Name
);
name!(
    /// The name of an access token.
    TokenName, is_token_name, SubjectError::TokenName
);

/// Who is asking.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// Somebody who has not said who they are.
    Anonymous,
    /// A person or program that has proved to be this user.
    User(UserName),
    /// A program with this access token.
    Token(TokenName),
    /// Whoever may use the volume's own files, on the server's machine.
    Operator,
}

impl Subject {
    /// The user, if it is one.
    pub fn user(&self) -> Option<&UserName> {
        match self {
            Subject::User(name) => Some(name),
            Subject::Anonymous | Subject::Token(_) | Subject::Operator => None,
        }
    }
}

/// As messages call them.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Anonymous => f.write_str("anonymous"),
            Subject::User(name) => name.fmt(f),
            Subject::Token(name) => write!(f, "the access token {name}"),
            Subject::Operator => f.write_str("operator"),
        }
    }
}

/// A user as a directory or an identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name, spelled as the source spells it.
    pub user: UserName,
    /// The groups that the source says they are in; those of the configuration come on top.
    pub groups: Vec<GroupName>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_users_and_workloads_are_called() {
        for name in ["alice", "Alice Smith", "alice@example.com", "repo:acme/app:ref:main", "spiffe://a/b"] {
            assert!(name.parse::<UserName>().is_ok(), "{name}");
        }
        for name in ["", "a\nb", "a\0", "group:ops", "user:alice", "token:ci"] {
            assert!(name.parse::<UserName>().is_err(), "{name:?}");
        }
        assert!("a".repeat(256).parse::<UserName>().is_err());
    }

    #[test]
    fn names_of_tokens_mean_nothing_to_a_shell_or_a_path() {
        for name in ["ci-build", "ci.build_2", "0"] {
            assert!(name.parse::<TokenName>().is_ok(), "{name}");
        }
        for name in ["", ".", "..", "-ci", "ci build", "ci/build", "ci$x", "CI", "ci*"] {
            assert!(name.parse::<TokenName>().is_err(), "{name}");
        }
    }
}
