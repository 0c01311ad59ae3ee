//! Who may do what under the rules that the README shows, as tables.

use super::*;

fn rule(who: &str, repositories: &str, may: &str) -> Rule {
    Rule {
        who: who.split(' ').map(|who| who.parse().unwrap()).collect(),
        repositories: repositories.split(' ').map(|pattern| pattern.parse().unwrap()).collect(),
        may: may.split(',').map(|action| action.parse::<Action>().unwrap()).collect(),
        origin: String::new(),
    }
}

fn policy() -> Policy {
    let rules = vec![
        rule("anonymous", "public/**", "pull"),
        rule("*", "{user}/**", "pull,push,delete"),
        rule("group:ops", "**", "admin"),
        rule("ci", "team/*", "pull,create"),
    ];
    let name = |text: &str| text.parse().unwrap();
    Policy::new(rules, [("ops".parse().unwrap(), vec![name("alice"), name("bob")])])
}

fn user(name: &str) -> Subject {
    Subject::User(name.parse().unwrap())
}

fn decide(subject: &Subject, groups: &[GroupName], grants: &[Grant], repository: &str, action: Action) -> Decision {
    policy().decide(&Asking { subject, groups, grants }, &repository.parse().unwrap(), action)
}

#[test]
fn rules_grant_and_what_nothing_grants_is_denied() {
    let denied = |considered: &[usize]| Decision::Denied { considered: considered.to_vec() };
    for (subject, repository, action, expected) in [
        (Subject::Anonymous, "public/a", Action::Pull, Decision::ByRule(1)),
        (Subject::Anonymous, "public/a", Action::Create, denied(&[1])),
        (Subject::Anonymous, "team/app", Action::Pull, denied(&[])),
        (user("dave"), "public/a", Action::Pull, Decision::ByRule(1)),
        (user("dave"), "dave/app", Action::Delete, Decision::ByRule(2)),
        (user("dave"), "ci/app", Action::Pull, denied(&[2])),
        (user("alice"), "team/app", Action::Delete, Decision::ByRule(3)),
        (user("ci"), "team/app", Action::Create, Decision::ByRule(4)),
        (user("ci"), "team/app", Action::Push, denied(&[2, 4])),
        (user("ci"), "team/deep/app", Action::Pull, denied(&[2, 4])),
    ] {
        assert_eq!(decide(&subject, &[], &[], repository, action), expected, "{subject} {repository} {action}");
    }
}

#[test]
fn groups_come_from_the_source_too() {
    let ops = ["ops".parse().unwrap()];
    assert_eq!(decide(&user("carol"), &ops, &[], "any/thing", Action::Admin), Decision::ByRule(3));
    assert_eq!(decide(&user("carol"), &[], &[], "any/thing", Action::Pull), Decision::Denied { considered: vec![2] });
}

#[test]
fn an_access_token_has_its_own_grants_and_what_everybody_has_and_no_more() {
    let token = Subject::Token("alice".parse().unwrap());
    let grants = ["team/*:pull,create".parse().unwrap()];
    for (repository, action, expected) in [
        ("team/app", Action::Create, Decision::ByGrant(1)),
        ("team/app", Action::Push, Decision::Denied { considered: vec![] }),
        ("public/app", Action::Pull, Decision::ByRule(1)),
        // It is no user: neither the one of its name, nor a member of the groups of that one.
        ("alice/app", Action::Pull, Decision::Denied { considered: vec![] }),
    ] {
        assert_eq!(decide(&token, &[], &grants, repository, action), expected, "{repository} {action}");
    }
}

#[test]
fn without_rules_who_is_logged_in_may_do_everything() {
    let policy = Policy::logged_in_may_all();
    for (subject, may) in
        [(user("a"), true), (Subject::Anonymous, false), (Subject::Token("a".parse().unwrap()), false)]
    {
        let asking = Asking { subject: &subject, groups: &[], grants: &[] };
        assert_eq!(policy.allows(&asking, &"a/b".parse().unwrap(), Action::Admin), may, "{subject}");
    }
}

#[test]
fn grants_are_written_as_on_the_command_line() {
    let grant: Grant = "team/*:pull,create".parse().unwrap();
    assert_eq!(grant.to_string(), "team/*:pull,create");
    for (text, error) in [
        ("team/*", GrantError::Form),
        ("{user}/*:pull", GrantError::User),
        ("team/*:read", GrantError::Action(ActionError("read".into()))),
        (":pull", GrantError::Pattern(PatternError::Form)),
    ] {
        assert_eq!(text.parse::<Grant>(), Err(error), "{text}");
    }
}
