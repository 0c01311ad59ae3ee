//! What tokens open, and for how long.

use std::str::FromStr;

use time::macros::datetime;

use super::*;
use crate::auth::{Grant, Who};

const NOW: OffsetDateTime = datetime!(2026-01-01 00:00 UTC);

fn keys() -> (tempfile::TempDir, SigningKeys) {
    let volume = tempfile::tempdir().unwrap();
    let keys = SigningKeys::open(volume.path().join("keys"), NOW).unwrap();
    (volume, keys)
}

fn policy() -> Policy {
    let rule = |who: &str, repositories: &str, may: &[Action]| crate::auth::Rule {
        who: vec![Who::from_str(who).unwrap()],
        repositories: vec![repositories.parse().unwrap()],
        may: may.iter().copied().collect(),
        origin: String::new(),
    };
    Policy::new(
        vec![
            rule("anonymous", "public/**", &[Action::Pull]),
            rule("ci", "team/*", &[Action::Pull, Action::Create]),
            rule("alice", "**", &[Action::Admin]),
        ],
        [],
    )
}

fn user(name: &str) -> Caller {
    let proof = Proof::Password(crate::auth::Fingerprint::of(b"hash"));
    Caller { subject: Subject::User(name.parse().unwrap()), proof, ..Caller::anonymous(Scope::Everything) }
}

fn opened(caller: &Caller, asked: &str) -> String {
    let (_volume, keys) = keys();
    let issued = issue(&keys, &policy(), caller, Access::parse_list(asked), false, NOW).unwrap();
    issued.access.iter().map(Access::to_string).collect::<Vec<_>>().join(" ")
}

/// The token server of the specification answers with what is allowed of what was asked, never with a refusal.
#[test]
fn a_token_opens_what_was_asked_for_and_is_allowed() {
    let anonymous = Caller::anonymous(Scope::Everything);
    let mut token = anonymous.clone();
    token.subject = Subject::Token("ci-build".parse().unwrap());
    token.grants = vec![Grant::from_str("team/*:pull").unwrap()];
    for (caller, asked, expected) in [
        (&anonymous, "repository:public/a:pull,push", "repository:public/a:pull"),
        (&anonymous, "repository:team/a:pull", ""),
        (&user("ci"), "repository:team/a:pull,push,delete", "repository:team/a:pull,push"),
        (
            &user("ci"),
            "repository:team/a:push repository:public/b:pull",
            "repository:team/a:push repository:public/b:pull",
        ),
        (&user("alice"), "repository:x/y:*", "repository:x/y:pull,push,delete"),
        (&user("alice"), "repository:x/y:", ""),
        (&user("alice"), "repository:UPPER/y:pull repository:host:5000/a:pull plugin:a:pull", ""),
        (&anonymous, "registry:catalog:*", "registry:catalog:*"),
        (&anonymous, "registry:other:*", ""),
        (&token, "repository:team/a:pull,push repository:team/a/b:pull", "repository:team/a:pull"),
        (&user("alice"), "", ""),
    ] {
        assert_eq!(opened(caller, asked), expected, "{} {asked}", caller.subject);
    }
}

#[test]
fn no_more_than_a_hundred_scopes_are_looked_at() {
    let asked: String = (0..1000).map(|n| format!("repository:public/a{n}:pull ")).collect();
    assert_eq!(opened(&user("alice"), &asked).split(' ').count(), scope::MOST);
}

#[test]
fn a_bearer_token_is_good_for_five_minutes_and_only_as_one() {
    let (_volume, keys) = keys();
    let asked = || Access::parse_list("repository:team/a:pull");
    let issued = issue(&keys, &policy(), &user("ci"), asked(), true, NOW).unwrap();
    let shown = read(&keys, &issued.token, Use::Bearer, NOW + BEARER - Duration::SECOND).unwrap_or_else(|_| panic!());
    assert_eq!(shown.subject, Subject::User("ci".parse().unwrap()));
    assert_eq!(shown.scope, Scope::Only(issued.access.clone()));
    let refused = |token: &str, usage, at| read(&keys, token, usage, at).err();
    assert_eq!(refused(&issued.token, Use::Bearer, NOW + BEARER), Some(OwnTokenError::Expired));
    assert_eq!(refused(&issued.token, Use::Refresh, NOW), Some(OwnTokenError::NotOurs));
    let refresh = issued.refresh_token.unwrap();
    assert_eq!(refused(&refresh, Use::Bearer, NOW), Some(OwnTokenError::NotOurs));
    assert!(refused(&refresh, Use::Refresh, NOW + Duration::days(364)).is_none());
    assert_eq!(refused(&refresh, Use::Refresh, NOW + REFRESH), Some(OwnTokenError::Expired));
}

/// A directory may know hundreds of groups of somebody, and proxies cut long headers.
#[test]
fn a_token_carries_the_groups_that_rules_name_and_no_others() {
    let (_volume, keys) = keys();
    let rule = crate::auth::Rule {
        who: vec![Who::from_str("group:ops").unwrap()],
        repositories: vec!["**".parse().unwrap()],
        may: [Action::Pull].into_iter().collect(),
        origin: String::new(),
    };
    let groups = ["ops", "everybody", "ops2"].map(|name| name.parse().unwrap()).to_vec();
    let caller = Caller { groups, proof: Proof::Directory, ..user("carol") };
    let issued = issue(&keys, &Policy::new(vec![rule], []), &caller, std::iter::empty(), false, NOW).unwrap();
    let shown = read(&keys, &issued.token, Use::Bearer, NOW).unwrap_or_else(|_| panic!());
    assert_eq!(shown.groups, ["ops".parse().unwrap()]);
}

#[test]
fn only_who_can_be_asked_for_again_gets_a_refresh_token() {
    let (_volume, keys) = keys();
    for (proof, renewable) in [
        (Proof::Nothing, false),
        (Proof::Directory, false),
        (Proof::Provider, false),
        (Proof::Certificate, false),
        (Proof::AccessToken(crate::auth::Fingerprint::of(b"")), true),
    ] {
        let caller = Caller { proof, ..user("ci") };
        let issued = issue(&keys, &policy(), &caller, std::iter::empty(), true, NOW).unwrap();
        assert_eq!(issued.refresh_token.is_some(), renewable, "{:?}", caller.proof);
    }
}
