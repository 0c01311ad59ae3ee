//! Access rules: who may do what in which repositories.
//!
//! Rules only grant. What no rule grants is denied, and their order does not matter. A policy is a value: the same
//! question always has the same answer, so it can be explained.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::oci::{Pattern, PatternError, RepositoryName};

use super::subject::SubjectError;
use super::{Action, ActionError, Actions, GroupName, Subject, UserName};

/// What stands before a group's name in a rule.
pub(super) const GROUP: &str = "group:";

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// Everybody, with or without logging in (`anonymous`).
    Everybody,
    /// Every user who is logged in (`*`). Access tokens are not meant: they have rights of their own.
    LoggedIn,
    /// A user.
    User(UserName),
    /// The members of a group (`group:ops`).
    Group(GroupName),
}

/// A rule: it grants actions in repositories.
#[derive(Clone, Debug)]
pub struct Rule {
    /// To whom; one of them is enough.
    pub who: Vec<Who>,
    /// In which repositories; one pattern is enough.
    pub repositories: Vec<Pattern>,
    /// What.
    pub may: Actions,
    /// Where it was written, for people: `config.yml:14`.
    pub origin: String,
}

/// What an access token may do, by itself: some actions in the repositories of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// In which repositories.
    pub repositories: Pattern,
    /// What.
    pub may: Actions,
}

/// A text is no grant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GrantError {
    /// It is not written as a grant is.
    #[error("a grant is written as PATTERN:ACTION,ACTION, for example team/*:pull,create")]
    Form,
    /// The part before the colon.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// `{user}`, which an access token has not.
    #[error("an access token is no user, so {{user}} has no meaning in what it may do")]
    User,
    /// The part behind it.
    #[error(transparent)]
    Action(#[from] ActionError),
}

/// Who is asking, as far as rules are concerned.
#[derive(Clone, Copy, Debug)]
pub struct Asking<'a> {
    /// Who.
    pub subject: &'a Subject,
    /// The groups that their source says they are in.
    pub groups: &'a [GroupName],
    /// What the access token says that it may do; empty for others.
    pub grants: &'a [Grant],
}

/// The rules of a registry and its groups.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    rules: Vec<Rule>,
    members: HashMap<UserName, Vec<GroupName>>,
    groups: Vec<GroupName>,
}

/// What decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The rule of this number, counted from 1, grants it.
    ByRule(usize),
    /// The access token's own grant of this number, counted from 1, does.
    ByGrant(usize),
    /// Nothing grants it. These rules are about who asks, or about the repository and everybody.
    Denied {
        /// Their numbers, counted from 1.
        considered: Vec<usize>,
    },
}

impl Policy {
    /// These rules, and these groups with their members.
    pub fn new(rules: Vec<Rule>, groups: impl IntoIterator<Item = (GroupName, Vec<UserName>)>) -> Policy {
        let mut policy = Policy { rules, ..Policy::default() };
        for (group, members) in groups {
            for member in members {
                policy.members.entry(member).or_default().push(group.clone());
            }
            policy.groups.push(group);
        }
        policy
    }

    /// What registry:2 does: who is logged in may do everything, and nobody else anything.
    pub fn logged_in_may_all() -> Policy {
        Policy::all(Who::LoggedIn)
    }

    /// Everybody may do everything.
    pub fn open() -> Policy {
        Policy::all(Who::Everybody)
    }

    fn all(who: Who) -> Policy {
        let everything = Pattern::from_str("**").into_iter().collect();
        let may = Actions::NONE.with(Action::Admin);
        let rule = Rule { who: vec![who], repositories: everything, may, origin: "default".to_owned() };
        Policy::new(vec![rule], [])
    }

    /// The rules; the number of each is its place, counted from 1.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Whether a rule is about a group.
    pub fn names(&self, group: &GroupName) -> bool {
        self.rules.iter().flat_map(|rule| &rule.who).any(|who| matches!(who, Who::Group(named) if named == group))
    }

    /// The groups that have members here.
    pub fn groups(&self) -> &[GroupName] {
        &self.groups
    }

    /// Every group of somebody: those of their source, and those of the configuration.
    pub fn groups_of<'a>(&'a self, asking: &Asking<'a>) -> impl Iterator<Item = &'a GroupName> {
        let configured = asking.subject.user().and_then(|user| self.members.get(user));
        asking.groups.iter().chain(configured.into_iter().flatten())
    }

    /// Whether something may be done.
    pub fn allows(&self, asking: &Asking<'_>, repository: &RepositoryName, action: Action) -> bool {
        self.granting(asking, repository, action).is_some()
    }

    /// Whether something may be done, and why.
    pub fn decide(&self, asking: &Asking<'_>, repository: &RepositoryName, action: Action) -> Decision {
        self.granting(asking, repository, action).unwrap_or_else(|| {
            let numbered = self.rules.iter().zip(1..);
            let considered = numbered.filter(|(rule, _)| self.is_considered(rule, asking, repository));
            Decision::Denied { considered: considered.map(|(_, number)| number).collect() }
        })
    }

    fn granting(&self, asking: &Asking<'_>, repository: &RepositoryName, action: Action) -> Option<Decision> {
        let user = asking.subject.user().map(UserName::as_str);
        let rule = self.rules.iter().position(|rule| {
            rule.may.allow(action)
                && self.is_about(rule, asking)
                && rule.repositories.iter().any(|pattern| pattern.matches(repository, user))
        });
        if let Some(at) = rule {
            return Some(Decision::ByRule(at + 1));
        }
        let grant = asking
            .grants
            .iter()
            .position(|grant| grant.may.allow(action) && grant.repositories.matches(repository, None));
        grant.map(|at| Decision::ByGrant(at + 1))
    }

    fn is_about(&self, rule: &Rule, asking: &Asking<'_>) -> bool {
        rule.who.iter().any(|who| match (who, asking.subject) {
            (Who::Everybody, _) => true,
            (Who::LoggedIn, Subject::User(_)) => true,
            (Who::User(name), Subject::User(user)) => name == user,
            (Who::Group(group), Subject::User(_)) => self.groups_of(asking).any(|member_of| member_of == group),
            (
                Who::LoggedIn | Who::User(_) | Who::Group(_),
                Subject::Anonymous | Subject::Token(_) | Subject::Operator,
            ) => false,
        })
    }

    /// A rule for everybody is only worth a word to somebody if it is about the repository.
    fn is_considered(&self, rule: &Rule, asking: &Asking<'_>, repository: &RepositoryName) -> bool {
        let for_all = rule.who.contains(&Who::Everybody);
        let user = asking.subject.user().map(UserName::as_str);
        self.is_about(rule, asking)
            && (!for_all || rule.repositories.iter().any(|pattern| pattern.matches(repository, user)))
    }

    /// What may be done where: the number of the rule, or none for an access token's own grant, with patterns and actions.
    pub fn held<'a>(&'a self, asking: &Asking<'a>) -> impl Iterator<Item = (Option<usize>, &'a [Pattern], Actions)> {
        let asked = *asking;
        let rules = self.rules.iter().zip(1..).filter(move |(rule, _)| self.is_about(rule, &asked));
        let rules = rules.map(|(rule, number)| (Some(number), rule.repositories.as_slice(), rule.may));
        let grants = asking.grants.iter().map(|grant| (None, std::slice::from_ref(&grant.repositories), grant.may));
        rules.chain(grants)
    }
}

impl FromStr for Who {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        match (text, text.strip_prefix(GROUP)) {
            ("anonymous", _) => Ok(Who::Everybody),
            ("*", _) => Ok(Who::LoggedIn),
            (_, Some(group)) => Ok(Who::Group(group.parse()?)),
            (user, None) => Ok(Who::User(user.parse()?)),
        }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Everybody => f.write_str("anonymous"),
            Who::LoggedIn => f.write_str("*"),
            Who::User(user) => user.fmt(f),
            Who::Group(group) => write!(f, "{GROUP}{group}"),
        }
    }
}

impl FromStr for Grant {
    type Err = GrantError;

    fn from_str(text: &str) -> Result<Self, GrantError> {
        let (pattern, actions) = text.rsplit_once(':').ok_or(GrantError::Form)?;
        let repositories: Pattern = pattern.parse()?;
        if repositories.has_user() {
            return Err(GrantError::User);
        }
        let may = actions.split(',').map(str::parse).collect::<Result<Actions, ActionError>>()?;
        Ok(Grant { repositories, may })
    }
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.repositories, self.may)
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
