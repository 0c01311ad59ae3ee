//! Scopes of bearer tokens: `repository:team/app:pull,push`, as clients ask for them and tokens carry them.
//!
//! The words are those of the Docker token specification, "Token Scope Documentation": a kind of resource, its name, which
//! may hold colons, and actions.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::oci::RepositoryName;

/// As many resources are looked at in one request for a token.
pub(super) const MOST: usize = 100;

/// Something that a token opens: the claim `access` is a list of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// `repository` or `registry`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The repository's name, or `catalog`.
    #[serde(default)]
    pub name: String,
    /// `pull`, `push`, `delete` or `*`.
    #[serde(default)]
    pub actions: Vec<String>,
}

/// What the catalog is in a scope.
pub(super) const CATALOG: (&str, &str) = ("registry", "catalog");
/// What a repository is in a scope.
pub(super) const REPOSITORY: &str = "repository";

/// What a repository's actions are called in a scope. There are fewer than rules have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// To read.
    Pull,
    /// To add or move.
    Push,
    /// To remove.
    Delete,
}

impl Verb {
    /// All of them.
    pub const ALL: [Verb; 3] = [Verb::Pull, Verb::Push, Verb::Delete];

    /// As scopes spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verb::Pull => "pull",
            Verb::Push => "push",
            Verb::Delete => "delete",
        }
    }
}

impl Access {
    /// Everything in the list of a scope, separated by spaces. What is not written as a scope is left out.
    pub fn parse_list(text: &str) -> impl Iterator<Item = Access> {
        text.split(' ').filter_map(Access::parse)
    }

    /// One scope: the kind up to the first colon, the actions behind the last.
    pub fn parse(text: &str) -> Option<Access> {
        let (kind, rest) = text.split_once(':')?;
        let (name, actions) = rest.rsplit_once(':')?;
        // `repository(plugin)` is the older way to say what kind of image it is.
        let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
        let actions = actions.split(',').filter(|action| !action.is_empty()).map(str::to_owned).collect();
        Some(Access { kind: kind.to_owned(), name: name.to_owned(), actions })
    }

    /// Something in a repository.
    pub fn repository(name: &RepositoryName, verbs: &[Verb]) -> Access {
        let actions = verbs.iter().map(|verb| verb.as_str().to_owned()).collect();
        Access { kind: REPOSITORY.to_owned(), name: name.as_str().to_owned(), actions }
    }

    /// The catalog.
    pub fn catalog() -> Access {
        Access { kind: CATALOG.0.to_owned(), name: CATALOG.1.to_owned(), actions: vec!["*".to_owned()] }
    }

    /// Whether it opens this; `*` stands for every action.
    pub fn opens(&self, kind: &str, name: &str, action: &str) -> bool {
        self.kind == kind && self.name == name && self.actions.iter().any(|held| held == "*" || held == action)
    }
}

/// As challenges and clients write it.
impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.kind, self.name, self.actions.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_colons() {
        let access = Access::parse("repository:localhost:5000/team/app:pull,push").unwrap();
        assert_eq!((access.kind.as_str(), access.name.as_str()), ("repository", "localhost:5000/team/app"));
        assert_eq!(access.actions, ["pull", "push"]);
        assert_eq!(Access::parse("repository(plugin):a/b:pull").unwrap().kind, "repository");
        for text in ["", "repository", "repository:a/b"] {
            assert_eq!(Access::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_list_is_read_past_what_is_no_scope() {
        let read: Vec<String> = Access::parse_list("repository:a:pull  nonsense registry:catalog:*")
            .map(|access| access.to_string())
            .collect();
        assert_eq!(read, ["repository:a:pull", "registry:catalog:*"]);
    }

    #[test]
    fn a_star_opens_every_action_of_its_own_resource() {
        let access = Access::parse("repository:a/b:*").unwrap();
        assert!(access.opens("repository", "a/b", "delete"));
        assert!(!access.opens("repository", "a", "pull"));
        assert!(!access.opens("registry", "a/b", "pull"));
    }
}
