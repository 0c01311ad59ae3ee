//! What somebody may do in a repository.

use std::fmt;
use std::str::FromStr;

/// One thing that somebody may do in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Read: manifests, blobs, tags, referrers.
    Pull,
    /// Add what is not there yet: blobs, manifests, new tags. Never moves a tag.
    Create,
    /// Add, and move tags.
    Push,
    /// Remove tags, manifests and blobs.
    Delete,
    /// Everything, and what administers the repository.
    Admin,
}

/// A text is no action.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no action; there are pull, push, create, delete and admin")]
pub struct ActionError(pub(super) String);

impl Action {
    /// Every action, the weakest first.
    pub const ALL: [Action; 5] = [Action::Pull, Action::Create, Action::Push, Action::Delete, Action::Admin];

    /// Its name in rules and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Pull => "pull",
            Action::Create => "create",
            Action::Push => "push",
            Action::Delete => "delete",
            Action::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }

    /// The granted actions that allow this one, as a person reads them.
    pub fn granted_by(self) -> &'static str {
        match self {
            Action::Pull => "pull",
            Action::Create => "push or create",
            Action::Push => "push",
            Action::Delete => "delete",
            Action::Admin => "admin",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = ActionError;

    fn from_str(text: &str) -> Result<Self, ActionError> {
        Action::ALL
            .into_iter()
            .find(|action| action.as_str() == text)
            .ok_or_else(|| ActionError(text.chars().take(40).collect()))
    }
}

/// A set of actions that are granted. `push` implies `create`, and `admin` all.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Actions(u8);

impl Actions {
    /// No action.
    pub const NONE: Actions = Actions(0);

    /// This one beside the others.
    #[must_use]
    pub fn with(self, action: Action) -> Actions {
        Actions(self.0 | action.bit())
    }

    /// Those of either set.
    #[must_use]
    pub fn and(self, other: Actions) -> Actions {
        Actions(self.0 | other.0)
    }

    /// Whether the set allows an action, by itself or by one that implies it.
    pub fn allow(self, action: Action) -> bool {
        let implied_by = match action {
            Action::Create => Action::Push.bit(),
            Action::Pull | Action::Push | Action::Delete | Action::Admin => 0,
        };
        self.0 & (action.bit() | implied_by | Action::Admin.bit()) != 0
    }

    /// Whether nothing is granted.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Those that were named, the weakest first.
    pub fn iter(self) -> impl Iterator<Item = Action> {
        Action::ALL.into_iter().filter(move |action| self.0 & action.bit() != 0)
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Actions::NONE, Actions::with)
    }
}

/// Separated by commas, as in `pull,create`.
impl fmt::Display for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.iter().map(Action::as_str).collect();
        f.write_str(&names.join(","))
    }
}

impl fmt::Debug for Actions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn push_implies_create_and_admin_implies_all_and_nothing_else_implies_anything() {
        for granted in Action::ALL {
            for asked in Action::ALL {
                let expected = granted == asked
                    || granted == Action::Admin
                    || (granted == Action::Push && asked == Action::Create);
                assert_eq!(Actions::NONE.with(granted).allow(asked), expected, "{granted} allows {asked}");
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
        assert!("Pull".parse::<Action>().is_err());
        assert!("*".parse::<Action>().is_err());
    }
}
