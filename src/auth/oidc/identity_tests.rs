//! Whom tokens of well-known providers stand for.

use serde_json::json;

use super::*;
use crate::auth::OidcIdentity;

/// Claims with their patterns, a user and groups.
type Written<'a> = (&'a [(&'a str, &'a [&'a str])], &'a str, &'a [&'a str]);

fn issuer(identities: &[Written<'_>]) -> OidcIssuer {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let identity = |(claims, user, groups): &Written<'_>| OidcIdentity {
        claims: claims.iter().map(|(name, patterns)| ((*name).to_owned(), owned(patterns))).collect(),
        user: (*user).to_owned(),
        groups: owned(groups),
    };
    OidcIssuer {
        issuer: "https://issuer.example.com".to_owned(),
        audiences: vec!["wharf".to_owned()],
        jwks: None,
        ca: None,
        identities: identities.iter().map(identity).collect(),
    }
}

fn who(issuer: &OidcIssuer, claims: &Value) -> Result<(String, Vec<String>), IdentityError> {
    let identity = of(&Rule::all(issuer).unwrap(), claims.as_object().unwrap())?;
    Ok((identity.user.to_string(), identity.groups.iter().map(ToString::to_string).collect()))
}

fn found(user: &str, groups: &[&str]) -> Result<(String, Vec<String>), IdentityError> {
    Ok((user.to_owned(), groups.iter().map(|group| (*group).to_owned()).collect()))
}

#[test]
fn the_first_identity_whose_claims_all_match_counts() {
    let issuer = issuer(&[
        (&[("repository", &["acme/app"]), ("ref", &["refs/heads/main", "refs/tags/*"])], "release", &["publishers"]),
        (&[("repository_owner", &["acme"])], "ci-{repository_owner}", &["ci", "{repository}"]),
    ]);
    for (claims, expected) in [
        (
            json!({ "repository": "acme/app", "repository_owner": "acme", "ref": "refs/tags/v1" }),
            found("release", &["publishers"]),
        ),
        (
            json!({ "repository": "acme/app", "repository_owner": "acme", "ref": "refs/pull/1/merge" }),
            found("ci-acme", &["ci", "acme/app"]),
        ),
        (
            json!({ "repository": "evil/app", "repository_owner": "evil", "ref": "refs/tags/v1" }),
            Err(IdentityError::None),
        ),
        (
            json!({ "repository_owner": ["evil", "acme"], "repository": "x" }),
            Err(IdentityError::Claim {
                template: "ci-{repository_owner}".to_owned(),
                claim: "repository_owner".to_owned(),
            }),
        ),
        (json!({}), Err(IdentityError::None)),
    ] {
        assert_eq!(who(&issuer, &claims), expected, "{claims}");
    }
}

#[test]
fn a_pod_is_known_by_its_namespace_and_account() {
    let issuer = issuer(&[(
        &[("kubernetes.io.namespace", &["ci", "build-*"])],
        "{kubernetes.io.namespace}-{kubernetes.io.serviceaccount.name}",
        &[],
    )]);
    let claims = |namespace: &str| json!({ "kubernetes.io": { "namespace": namespace, "serviceaccount": { "name": "kaniko" } } });
    assert_eq!(who(&issuer, &claims("build-1")), found("build-1-kaniko", &[]));
    assert_eq!(who(&issuer, &claims("default")), Err(IdentityError::None));
}

#[test]
fn a_list_gives_a_group_for_each_item() {
    let issuer = issuer(&[(&[], "{sub}", &["{groups}", "{groups}@{realm}", "fixed"])]);
    let with = |groups: Value| who(&issuer, &json!({ "sub": 7, "realm": "r", "groups": groups }));
    assert_eq!(with(json!(["a", "b"])), found("7", &["a", "b", "a@r", "b@r", "fixed"]));
    assert_eq!(with(json!("fixed")), found("7", &["fixed", "fixed@r"]));
    assert_eq!(with(json!([])), found("7", &["fixed"]));
    let many: Vec<String> = (0..65).map(|number| format!("g{number}")).collect();
    assert_eq!(with(json!(many)), Err(IdentityError::Groups(64)));
    assert_eq!(with(json!(many[..40])), Err(IdentityError::Groups(64)));
    assert_eq!(with(json!(many[..31])).unwrap().1.len(), 63);
}

#[test]
fn what_cannot_be_filled_in_refuses_the_token() {
    let issuer = issuer(&[(&[], "u-{sub}", &["g-{team}"])]);
    let lacks = |template: &str, claim: &str| {
        Err(IdentityError::Claim { template: template.to_owned(), claim: claim.to_owned() })
    };
    for (claims, expected) in [
        (json!({ "sub": "a", "team": "b" }), found("u-a", &["g-b"])),
        (json!({ "team": "b" }), lacks("u-{sub}", "sub")),
        (json!({ "sub": "", "team": "b" }), lacks("u-{sub}", "sub")),
        (json!({ "sub": null, "team": "b" }), lacks("u-{sub}", "sub")),
        (json!({ "sub": { "a": "b" }, "team": "b" }), lacks("u-{sub}", "sub")),
        (json!({ "sub": "a" }), lacks("g-{team}", "team")),
        (json!({ "sub": "a", "team": ["b", null] }), lacks("g-{team}", "team")),
    ] {
        assert_eq!(who(&issuer, &claims), expected, "{claims}");
    }
    let workload = "repo:acme/app:ref:refs/heads/main";
    assert_eq!(who(&issuer, &json!({ "sub": workload, "team": "b" })), found(&format!("u-{workload}"), &["g-b"]));
    for name in ["a\nb", &"x".repeat(300)] {
        let refused = who(&issuer, &json!({ "sub": name, "team": "b" }));
        assert!(matches!(&refused, Err(IdentityError::Name { template, .. }) if template == "u-{sub}"), "{refused:?}");
        let refused = who(&issuer, &json!({ "sub": "a", "team": name }));
        assert!(matches!(&refused, Err(IdentityError::Name { template, .. }) if template == "g-{team}"), "{refused:?}");
    }
}

#[test]
fn braces_stand_around_names() {
    for text in ["{", "}", "a{}", "{a", "a}", "{{a}}", "{a}}", "}{"] {
        let refused = Rule::all(&issuer(&[(&[], text, &[])]));
        assert!(matches!(refused, Err(OidcError::Template { .. })), "{text}");
        let refused = Rule::all(&issuer(&[(&[], "u", &[text])]));
        assert!(matches!(refused, Err(OidcError::Template { .. })), "{text}");
    }
    assert_eq!(who(&issuer(&[(&[], "a{b}c{b}", &[])]), &json!({ "b": true })), found("atruectrue", &[]));
}
