//! Retention: which tags go by themselves (`retention`).
//!
//! The first rule that is about a tag decides about it, alone: the tag stays if any of what the rule keeps holds, and goes
//! otherwise. A tag that no rule is about stays, and so does one that is immutable. What goes is the tag and nothing else:
//! the manifest stays what it is to the collection, one that lost its last tag, and until that takes it the tag can be
//! brought back.
//!
//! `decide.rs` decides and does nothing; `judge.rs` reads what it needs to know of a repository; `run.rs` removes, and
//! `preview.rs` tells.

mod decide;
mod judge;
mod preview;
mod run;

use std::time::{Duration, SystemTime};

use crate::oci::{Digest, Pattern, RepositoryName, Tag, TagPattern};

use super::{Pulled, Registry, Visible};

pub(super) use preview::Previewing;
pub use preview::{Previewed, RetentionPlace};
pub use run::{Retained, RetentionTerms};

/// Which tags go by themselves, and when.
#[derive(Clone, Debug, Default)]
pub struct Retention {
    /// How often the server looks; `None` for never.
    pub interval: Option<Duration>,
    /// The rules, of which the first that is about a tag decides.
    pub rules: Vec<RetentionRule>,
}

/// A rule about which tags stay.
#[derive(Clone, Debug)]
pub struct RetentionRule {
    /// Its key in the configuration, by which messages call it.
    pub key: String,
    /// In which repositories. `{user}` stands for nobody and matches nothing.
    pub repositories: Vec<Pattern>,
    /// About which tags.
    pub tags: Vec<TagPattern>,
    /// Which of those stay.
    pub keep: Keep,
}

/// What stays of the tags that a rule is about: those of which any of this holds.
#[derive(Clone, Debug, Default)]
pub struct Keep {
    /// So many of a repository: those that were moved last.
    pub newest: Option<usize>,
    /// Those that were moved within this time.
    pub younger_than: Option<Duration>,
    /// Those that were pulled within this time, or moved, or whose pulls have not been counted for as long.
    pub pulled_within: Option<Duration>,
    /// Those that one of these matches.
    pub matching: Vec<TagPattern>,
}

/// What happens to a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Kept(Kept),
    /// It goes, because this rule is about it and keeps it for no reason.
    Removed {
        /// The rule's place in [`Retention::rules`].
        rule: usize,
    },
}

/// Why a tag stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// No rule is about it.
    NoRule,
    /// It stays where it is ([`ImmutableTags`](super::ImmutableTags)).
    Immutable {
        /// The place of the rule that says so.
        rule: usize,
    },
    /// The rule that is about it keeps it.
    By {
        /// The rule's place in [`Retention::rules`].
        rule: usize,
        /// The first condition of it that holds.
        condition: Condition,
    },
}

/// A condition by which a rule keeps a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// A pattern matches it.
    Matching,
    /// It is one of those that were moved last.
    Newest,
    /// It was moved lately.
    YoungerThan,
    /// It was pulled lately.
    PulledWithin,
    /// It was moved so lately that nobody had the time to pull it which the rule gives them.
    NotYetPulled,
    /// It is not known whether it was pulled within that time: pulls have not been counted for as long.
    PullsUnknown,
}

/// A tag, and what is to happen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// The tag.
    pub tag: Tag,
    /// Where it points.
    pub digest: Digest,
    /// What happens to it.
    pub fate: Fate,
    /// What that was decided by.
    known: Known,
}

/// What a decision depends on, for tags of which a rule asks that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Known {
    moved: Option<SystemTime>,
    pulled: Option<Pulled>,
}

impl RetentionRule {
    fn is_about(&self, repository: &RepositoryName) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository, None))
    }

    fn reaches_below(&self, path: &str) -> bool {
        self.repositories.iter().any(|pattern| pattern.reaches_below(path, None))
    }
}

impl Registry {
    /// The key of the rule that a tag's fate comes from, if it comes from one.
    pub fn rule_of(&self, fate: Fate) -> Option<&str> {
        match fate {
            Fate::Kept(Kept::NoRule) => None,
            Fate::Kept(Kept::Immutable { rule }) => Some(&self.settings.immutable_tags.0.get(rule)?.key),
            Fate::Kept(Kept::By { rule, .. }) | Fate::Removed { rule } => {
                Some(&self.settings.retention.rules.get(rule)?.key)
            }
        }
    }
}

/// The repositories that some rule is about, of those that somebody asks for.
struct Concerned<'a> {
    rules: &'a [RetentionRule],
    within: Option<&'a Pattern>,
}

impl Visible for Concerned<'_> {
    fn shows(&self, repository: &RepositoryName) -> bool {
        self.within.is_none_or(|within| within.matches(repository, None))
            && self.rules.iter().any(|rule| rule.is_about(repository))
    }

    fn may_show_below(&self, path: &str) -> bool {
        self.within.is_none_or(|within| within.reaches_below(path, None))
            && self.rules.iter().any(|rule| rule.reaches_below(path))
    }
}

/// How long ago something was. What lies in the future was just now.
fn age(now: SystemTime, at: SystemTime) -> Duration {
    now.duration_since(at).unwrap_or_default()
}
