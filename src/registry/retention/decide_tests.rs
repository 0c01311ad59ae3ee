//! Tables and laws of what stays.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::registry::samples::{name, tag};
use crate::registry::{ImmutableRule, Pulled};

const HOUR: Duration = Duration::from_secs(3600);

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + 1_000_000 * HOUR
}

fn ago(hours: u32) -> SystemTime {
    now() - hours * HOUR
}

fn rule(repositories: &str, tags: &str, keep: Keep) -> RetentionRule {
    let repositories = repositories.split(' ').map(|text| text.parse().unwrap()).collect();
    let tags = tags.split(' ').map(|text| text.parse().unwrap()).collect();
    RetentionRule { key: String::new(), repositories, tags, keep }
}

fn matching(patterns: &str) -> Keep {
    Keep { matching: patterns.split(' ').map(|text| text.parse().unwrap()).collect(), ..Keep::default() }
}

fn immutable(tags: &str) -> ImmutableTags {
    let (repositories, tags) = (vec!["**".parse().unwrap()], vec![tags.parse().unwrap()]);
    ImmutableTags(vec![ImmutableRule { key: String::new(), repositories, tags, except: vec![] }])
}

/// Moved so many hours ago, and perhaps pulled.
fn known(moved: u32, pulled: Option<u32>) -> Known {
    Known { moved: Some(ago(moved)), pulled: pulled.map(|hours| Pulled { last: ago(hours), pulls: 1 }) }
}

const FOREVER: SystemTime = SystemTime::UNIX_EPOCH;

fn fates(rules: &[RetentionRule], tags: &[(&str, Known)], counted_since: SystemTime) -> Vec<Fate> {
    let tags: Vec<(Tag, Known)> = tags.iter().map(|(text, known)| (tag(text), *known)).collect();
    let facts: Vec<Facts<'_>> = tags.iter().map(|(tag, known)| Facts { tag, known: *known }).collect();
    decide(rules, &immutable("stable"), &name("team/app"), &facts, counted_since, now())
}

fn kept(rule: usize, condition: Condition) -> Fate {
    Fate::Kept(Kept::By { rule, condition })
}

fn removed(rule: usize) -> Fate {
    Fate::Removed { rule }
}

#[test]
fn the_first_rule_that_is_about_a_tag_decides_alone() {
    let rules = [
        rule("other/**", "*", matching("*")),
        rule("team/* base", "pr-*", Keep { newest: Some(1), ..matching("pr-keep") }),
        rule("**", "pr-* v*", matching("v1.* pr-2")),
    ];
    let old = known(1000, None);
    let tags = [("v1.0", old), ("v2.0", old), ("pr-1", old), ("pr-2", known(999, None)), ("pr-keep", old)];
    let more = [("latest", old), ("stable", old)];
    assert_eq!(
        fates(&rules, &[&tags[..], &more[..]].concat(), FOREVER),
        [
            kept(2, Condition::Matching),
            removed(2),
            removed(1),
            kept(1, Condition::Newest),
            kept(1, Condition::Matching),
            Fate::Kept(Kept::NoRule),
            Fate::Kept(Kept::Immutable { rule: 0 }),
        ]
    );
    assert_eq!(fates(&[], &tags, FOREVER), vec![Fate::Kept(Kept::NoRule); tags.len()]);
}

#[test]
fn the_newest_are_those_that_were_moved_last_of_the_tags_that_the_rule_decides_about() {
    let rules = [rule("**", "a* stable", Keep { newest: Some(2), ..Keep::default() })];
    let newest = kept(0, Condition::Newest);
    for (tags, expected) in [
        (vec![("a1", 5), ("a2", 3), ("a3", 4)], vec![removed(0), newest, newest]),
        (vec![("a1", 5), ("a2", 5), ("a3", 5)], vec![removed(0), newest, newest]),
        (
            vec![("a1", 5), ("b", 1), ("stable", 1)],
            vec![newest, Fate::Kept(Kept::NoRule), Fate::Kept(Kept::Immutable { rule: 0 })],
        ),
    ] {
        let tags: Vec<(&str, Known)> = tags.into_iter().map(|(tag, hours)| (tag, known(hours, None))).collect();
        assert_eq!(fates(&rules, &tags, FOREVER), expected, "{tags:?}");
    }
}

#[test]
fn each_condition_keeps_by_itself_and_its_limit_is_out() {
    let younger = Keep { younger_than: Some(10 * HOUR), ..Keep::default() };
    let pulled = Keep { pulled_within: Some(10 * HOUR), ..Keep::default() };
    let future = Known { moved: Some(now() + HOUR), pulled: None };
    for (keep, known, since, expected) in [
        (&younger, known(9, None), FOREVER, Some(Condition::YoungerThan)),
        (&younger, known(10, Some(1)), FOREVER, None),
        (&younger, future, FOREVER, Some(Condition::YoungerThan)),
        (&younger, Known::default(), FOREVER, Some(Condition::YoungerThan)),
        (&pulled, known(1000, Some(9)), FOREVER, Some(Condition::PulledWithin)),
        (&pulled, known(1000, Some(10)), FOREVER, None),
        (&pulled, known(9, None), FOREVER, Some(Condition::NotYetPulled)),
        (&pulled, known(10, None), FOREVER, None),
        (&pulled, known(1000, None), ago(9), Some(Condition::PullsUnknown)),
        (&pulled, known(1000, None), ago(10), None),
        (&pulled, known(1000, Some(20)), ago(9), Some(Condition::PullsUnknown)),
    ] {
        let rules = [rule("**", "*", keep.clone())];
        let expected = expected.map_or(removed(0), |condition| kept(0, condition));
        assert_eq!(fates(&rules, &[("a", known)], since), [expected], "{keep:?} {known:?}");
    }
}

fn any_keep() -> impl Strategy<Value = Keep> {
    let hours = || proptest::option::of((1_u32..60).prop_map(|hours| hours * HOUR));
    let patterns = proptest::collection::vec("[abc*]{1,2}".prop_map(|text| text.parse().unwrap()), 0..2);
    (proptest::option::of(1_usize..4), hours(), hours(), patterns).prop_map(
        |(newest, younger_than, pulled_within, matching)| Keep { newest, younger_than, pulled_within, matching },
    )
}

fn any_rules() -> impl Strategy<Value = Vec<RetentionRule>> {
    let parts = (prop_oneof!["team/\\*", "\\*\\*", "other"], "[abc*]{1,2}", any_keep());
    let rule = parts.prop_map(|(repositories, tags, keep)| rule(&repositories, &tags, keep));
    proptest::collection::vec(rule, 0..4)
}

fn any_tags() -> impl Strategy<Value = Vec<(Tag, Known)>> {
    let known = (0_u32..60, proptest::option::of(0_u32..60)).prop_map(|(moved, pulled)| Known {
        moved: Some(ago(moved)),
        pulled: pulled.map(|hours| Pulled { last: ago(hours), pulls: 1 }),
    });
    proptest::collection::btree_map("[abc]{1,2}".prop_map(|text| tag(&text)), known, 0..10)
        .prop_map(|tags| tags.into_iter().collect())
}

fn at(rules: &[RetentionRule], tags: &[(Tag, Known)], since: SystemTime, now: SystemTime) -> Vec<Fate> {
    let facts: Vec<Facts<'_>> = tags.iter().map(|(tag, known)| Facts { tag, known: *known }).collect();
    decide(rules, &immutable("a"), &name("team/app"), &facts, since, now)
}

proptest! {
    #[test]
    fn every_fate_is_that_of_the_first_rule_about_the_tag(rules in any_rules(), tags in any_tags(), since in 0_u32..60) {
        for ((of, _), fate) in tags.iter().zip(at(&rules, &tags, ago(since), now())) {
            let about = |rule: &RetentionRule| rule.is_about(&name("team/app")) && rule.tags.iter().any(|p| p.matches(of));
            let first = rules.iter().position(about);
            match fate {
                Fate::Kept(Kept::NoRule) => prop_assert_eq!(first, None),
                Fate::Kept(Kept::Immutable { .. }) => prop_assert_eq!(of.as_str(), "a"),
                Fate::Kept(Kept::By { rule, .. }) | Fate::Removed { rule } => {
                    prop_assert_eq!(first, Some(rule));
                    prop_assert_ne!(of.as_str(), "a");
                }
            }
        }
    }

    #[test]
    fn a_rule_keeps_as_many_as_it_says_and_none_that_goes_is_newer(keep in any_keep(), tags in any_tags()) {
        let rules = [rule("**", "*", keep.clone())];
        let fates = at(&rules, &tags, FOREVER, now());
        let own = tags.iter().filter(|(tag, _)| tag.as_str() != "a").count();
        let stay = fates.iter().filter(|fate| matches!(fate, Fate::Kept(Kept::By { .. }))).count();
        prop_assert!(stay >= keep.newest.unwrap_or(0).min(own));
        let moved = |of: Fate| {
            let some = fates.iter().zip(&tags).filter(move |(fate, _)| **fate == of);
            some.map(|(_, (_, known))| known.moved)
        };
        let oldest_of_newest = moved(kept(0, Condition::Newest)).min();
        let newest_gone = moved(removed(0)).max();
        prop_assert!(oldest_of_newest.zip(newest_gone).is_none_or(|(newest, gone)| gone <= newest));
    }

    /// What goes would go later too, and in every rule with less to keep by.
    #[test]
    fn time_and_fewer_conditions_bring_nothing_back(keep in any_keep(), tags in any_tags(), since in 0_u32..60, later in 0_u32..60) {
        let fates = at(&[rule("**", "*", keep.clone())], &tags, ago(since), now());
        let less = [
            Keep { newest: None, ..keep.clone() },
            Keep { younger_than: None, ..keep.clone() },
            Keep { pulled_within: None, ..keep.clone() },
            Keep { matching: vec![], ..keep.clone() },
        ];
        let then = less.into_iter().map(|less| at(&[rule("**", "*", less)], &tags, ago(since), now()));
        let then = then.chain([at(&[rule("**", "*", keep)], &tags, ago(since), now() + later * HOUR)]);
        for then in then {
            for (now, then) in fates.iter().zip(then) {
                prop_assert!(*now != removed(0) || then == removed(0));
            }
        }
    }

    /// Rules behind change nothing for tags that others decide about.
    #[test]
    fn what_is_behind_does_not_matter(rules in any_rules(), more in any_rules(), tags in any_tags()) {
        let all: Vec<RetentionRule> = rules.iter().chain(&more).cloned().collect();
        let fates = at(&rules, &tags, FOREVER, now());
        for (before, after) in fates.into_iter().zip(at(&all, &tags, FOREVER, now())) {
            prop_assert!(before == after || before == Fate::Kept(Kept::NoRule));
        }
    }
}
