//! Which tags of a repository stay, and why. Pure: what is known of the tags comes in, what happens to each goes out.

use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

use crate::oci::{RepositoryName, Tag};
use crate::registry::ImmutableTags;

use super::{Condition, Fate, Keep, Kept, Known, RetentionRule, age};

/// Who decides about a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decider {
    NoRule,
    Immutable(usize),
    Rule(usize),
}

/// A tag and what is known of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts<'t> {
    pub(super) tag: &'t Tag,
    /// Looked at only where a rule decides.
    pub(super) known: Known,
}

/// Who decides about a tag: the first rule that is about it.
pub(super) fn decider(
    rules: &[RetentionRule],
    immutable: &ImmutableTags,
    repository: &RepositoryName,
    tag: &Tag,
) -> Decider {
    if let Some(rule) = immutable.position(repository, tag) {
        return Decider::Immutable(rule);
    }
    let about =
        |rule: &RetentionRule| rule.tags.iter().any(|pattern| pattern.matches(tag)) && rule.is_about(repository);
    rules.iter().position(about).map_or(Decider::NoRule, Decider::Rule)
}

/// What happens to each tag of a repository, in the order in which they come. Pulls have been counted since then; what is
/// not known of a tag is taken for what keeps it.
pub(super) fn decide(
    rules: &[RetentionRule],
    immutable: &ImmutableTags,
    repository: &RepositoryName,
    tags: &[Facts<'_>],
    counted_since: SystemTime,
    now: SystemTime,
) -> Vec<Fate> {
    let deciders: Vec<Decider> = tags.iter().map(|facts| decider(rules, immutable, repository, facts.tag)).collect();
    let mut fates: Vec<Fate> = deciders
        .iter()
        .map(|decider| match decider {
            Decider::NoRule => Fate::Kept(Kept::NoRule),
            Decider::Immutable(rule) => Fate::Kept(Kept::Immutable { rule: *rule }),
            Decider::Rule(rule) => Fate::Removed { rule: *rule },
        })
        .collect();
    for (rule, RetentionRule { keep, .. }) in rules.iter().enumerate() {
        let mut own: Vec<usize> = (0..tags.len()).filter(|at| deciders[*at] == Decider::Rule(rule)).collect();
        // Newest first. Of those that were moved at once the last name counts as the newer, so that it is always the same.
        own.sort_unstable_by_key(|at| {
            let Facts { tag, known } = &tags[*at];
            (Reverse(known.moved.unwrap_or(now)), Reverse(*tag))
        });
        for (place, at) in own.into_iter().enumerate() {
            if let Some(condition) = keep.holds(&tags[at], place, counted_since, now) {
                fates[at] = Fate::Kept(Kept::By { rule, condition });
            }
        }
    }
    fates
}

impl Keep {
    /// The first condition that holds of a tag, which stands at this place among the rule's, the newest first.
    fn holds(&self, facts: &Facts<'_>, place: usize, counted_since: SystemTime, now: SystemTime) -> Option<Condition> {
        let Known { moved, pulled } = facts.known;
        let moved = age(now, moved.unwrap_or(now));
        if self.matching.iter().any(|pattern| pattern.matches(facts.tag)) {
            return Some(Condition::Matching);
        }
        if self.newest.is_some_and(|newest| place < newest) {
            return Some(Condition::Newest);
        }
        if self.younger_than.is_some_and(|limit| moved < limit) {
            return Some(Condition::YoungerThan);
        }
        let within = self.pulled_within?;
        let is_within = |age: Duration| age < within;
        if pulled.is_some_and(|pulled| is_within(age(now, pulled.last))) {
            Some(Condition::PulledWithin)
        } else if is_within(moved) {
            Some(Condition::NotYetPulled)
        } else {
            is_within(age(now, counted_since)).then_some(Condition::PullsUnknown)
        }
    }

    /// Whether it depends on when a tag was moved.
    pub(super) fn asks_when_moved(&self) -> bool {
        self.newest.is_some() || self.younger_than.is_some() || self.pulled_within.is_some()
    }
}

#[cfg(test)]
#[path = "decide_tests.rs"]
mod tests;
