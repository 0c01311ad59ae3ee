//! What patterns match, as tables.

use proptest::prelude::*;

use super::*;

fn matches(pattern: &str, repository: &str, user: &str) -> bool {
    let user = Some(user).filter(|user| !user.is_empty());
    pattern.parse::<Pattern>().unwrap().matches(&repository.parse().unwrap(), user)
}

#[test]
fn a_star_stays_within_a_part_and_two_go_through_all() {
    for (pattern, matching, others) in [
        ("team/app", &["team/app"][..], &["team", "team/app/x", "team/app2", "x/team/app"][..]),
        ("team/*", &["team/a", "team/b-c"], &["team", "team/a/b", "teams/a"]),
        ("team/**", &["team/a", "team/a/b", "team/a/b/c"], &["team", "teams/a"]),
        ("**", &["a", "a/b", "a/b/c"], &[]),
        ("**/app", &["app", "a/app", "a/b/app"], &["a/app/c", "a/apps"]),
        ("a/**/z", &["a/z", "a/b/z", "a/b/c/z"], &["a", "z", "a/z/b"]),
        ("*-dev/app*", &["x-dev/app", "x-dev-dev/app2"], &["dev/app", "x-dev/ap"]),
        ("a*b*c", &["abc", "axxbxxc", "abcbc"], &["ab", "abcb"]),
    ] {
        for repository in matching {
            assert!(matches(pattern, repository, ""), "{pattern} {repository}");
        }
        for repository in others {
            assert!(!matches(pattern, repository, ""), "{pattern} {repository}");
        }
    }
}

#[test]
fn a_users_name_is_taken_as_it_is() {
    assert!(matches("{user}/**", "alice/app", "alice"));
    assert!(matches("dev-{user}/x", "dev-alice/x", "alice"));
    for (user, repository) in [("bob", "alice/app"), ("", "alice/app"), ("*", "alice/app"), ("a/b", "a/b/app")] {
        assert!(!matches("{user}/**", repository, user), "{user} {repository}");
    }
    assert!(!matches("{user}/**", "alice/app", "Alice"), "no user has the namespace of another");
}

#[test]
fn what_is_no_pattern_is_refused() {
    for (text, error) in [
        ("", PatternError::Form),
        ("a//b", PatternError::Form),
        ("/a", PatternError::Form),
        ("Team/*", PatternError::Sign('T')),
        ("a b", PatternError::Sign(' ')),
        ("a**", PatternError::Depth),
        ("{group}/*", PatternError::Braces),
        ("user}", PatternError::Braces),
        ("**/a/**/b/**/c/**", PatternError::Depths),
    ] {
        assert_eq!(text.parse::<Pattern>(), Err(error), "{text}");
    }
}

#[test]
fn a_walk_is_led_to_where_something_may_match() {
    for (pattern, path, reaches) in [
        ("team/**", "team", true),
        ("team/**", "team/a/b", true),
        ("team/**", "other", false),
        ("team/app", "team", true),
        ("team/app", "team/app", false),
        ("{user}/**", "alice", true),
        ("{user}/**", "bob", false),
        ("**/x", "anything/at/all", true),
    ] {
        let pattern: Pattern = pattern.parse().unwrap();
        assert_eq!(pattern.reaches_below(path, Some("alice")), reaches, "{pattern} {path}");
    }
}

proptest! {
    /// Else the catalog would hide what may be pulled.
    #[test]
    fn whatever_matches_is_reached_from_above(
        parts in proptest::collection::vec("[ab*]{1,3}|\\*\\*", 1..4),
        name in proptest::collection::vec("[ab]{1,3}", 2..5),
    ) {
        let Ok(pattern) = parts.join("/").parse::<Pattern>() else { return Ok(()) };
        let repository: RepositoryName = name.join("/").parse().unwrap();
        if pattern.matches(&repository, None) {
            for length in 1..name.len() {
                prop_assert!(pattern.reaches_below(&name[..length].join("/"), None));
            }
        }
    }
}
