//! `auth.oidc`: builds log in with what their platform gives them, without a secret to keep.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::guarded::{self, TOKEN, WHOAMI};
use crate::support::Wharf;
use crate::support::client::{Client, PATIENCE};
use crate::support::issuer::Issuer;

/// Builds of the main branch push, builds of a pull request read, and everybody reads what is public.
const RULES: &str = "\
access:
  - {who: anonymous, repositories: 'public/**', may: pull}
  - {who: 'group:builds', repositories: 'acme/*', may: [pull, push]}
  - {who: 'group:changes', repositories: 'acme/*', may: pull}
  - {who: alice, repositories: '**', may: admin}
";

/// A registry that trusts an issuer.
fn trusting(issuer: &Issuer) -> Wharf {
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 4);
    let identity = |event: &str, user: &str, group: &str| {
        format!("{{claims: {{repository: 'acme/*', event_name: {event}}}, user: '{user}', groups: [{group}]}}")
    };
    let identities =
        [identity("push", "build-{actor}", "builds"), identity("pull_request", "change-{actor}", "changes")];
    let oidc =
        format!("oidc: [{{issuer: '{}', audience: wharf, identities: [{}]}}]", issuer.url, identities.join(", "));
    guarded::configured(start, &format!("auth: {{{users}, {oidc}}}\n{RULES}")).go()
}

/// What the token of a build says.
fn claims(event: &str) -> Value {
    let exp = OffsetDateTime::now_utc().unix_timestamp() + 300;
    json!({"aud": "wharf", "exp": exp, "sub": "repo:acme/app", "repository": "acme/app", "event_name": event, "actor": "bob"})
}

/// Both ways in which a token is shown.
fn both_ways(wharf: &Wharf, token: &str) -> [Client; 2] {
    [wharf.client().user("any-name", token), wharf.client().bearer(token)]
}

#[tokio::test]
async fn a_build_pushes_with_its_platforms_token_as_password_and_as_bearer() {
    let issuer = Issuer::start().await;
    let wharf = trusting(&issuer);
    for (number, client) in both_ways(&wharf, &issuer.sign(&claims("push"))).into_iter().enumerate() {
        client.get("/v2/").await.is(200);
        client.repo("acme/app").push_image(&format!("v{number}"), number.try_into().unwrap()).await;
        let who = client.get(WHOAMI).await.is(200).json();
        assert_eq!((&who["kind"], &who["name"]), (&"user".into(), &"build-bob".into()));
        assert_eq!((&who["groups"], &who["proved_by"]), (&json!(["builds"]), &"OpenID Connect".into()));
        client.repo("other/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
        client.repo("acme/app").delete("manifests/v0").await.refuses(403, "DENIED");
    }
    assert_eq!(issuer.fetches(), 1);
}

/// Whoever can choose what they are called at a provider would otherwise be a user of the file.
#[tokio::test]
async fn nobody_of_an_issuer_is_a_user_of_the_password_file() {
    let issuer = Issuer::start().await;
    let start = Wharf::prepare();
    let users = guarded::with_users(&start, 4);
    let oidc = format!(
        "oidc: [{{issuer: '{}', audience: wharf, identities: [{{claims: {{sub: '*'}}, user: '{{actor}}'}}]}}]",
        issuer.url
    );
    let wharf = guarded::configured(start, &format!("auth: {{{users}, {oidc}}}\n{RULES}")).go();
    let called = |name: &str| {
        let mut claims = claims("push");
        claims["actor"] = name.into();
        issuer.sign(&claims)
    };
    for client in both_ways(&wharf, &called("mallory")) {
        assert_eq!(client.get(WHOAMI).await.is(200).json()["name"], "mallory");
    }
    for client in both_ways(&wharf, &called("alice")) {
        client.get(WHOAMI).await.refuses(401, "UNAUTHORIZED");
    }
    wharf.logs("somebody is not let in");
    assert_eq!(wharf.user("alice").get(WHOAMI).await.is(200).json()["name"], "alice");
}

#[tokio::test]
async fn the_build_of_a_pull_request_reads_and_does_not_push() {
    let issuer = Issuer::start().await;
    let wharf = trusting(&issuer);
    wharf.user("alice").repo("acme/app").push_image("1", 1).await;
    let token = issuer.sign(&claims("pull_request"));
    let [password, bearer] = both_ways(&wharf, &token);
    let issued = wharf.client().bearer(&password.token("repository:acme/app:pull,push").await);
    for client in [password, bearer] {
        client.repo("acme/app").manifest("1").await.is(200);
        client.repo("acme/app").post_blob("sha256:0", b"").await.refuses(403, "DENIED");
        client.repo("acme/app").delete("manifests/1").await.refuses(403, "DENIED");
    }
    // Nor does what is issued for it.
    issued.repo("acme/app").manifest("1").await.is(200);
    assert!(matches!(issued.repo("acme/app").post_blob("sha256:0", b"").await.status, 401 | 403));
}

#[tokio::test]
async fn a_platforms_token_is_exchanged_for_one_of_ours_which_cannot_be_renewed() {
    let issuer = Issuer::start().await;
    let wharf = trusting(&issuer);
    let token = issuer.sign(&claims("push"));
    let scope = "scope=repository:acme/app:pull,push&scope=repository:other/app:pull";
    let form = format!("grant_type=password&username=x&password={token}&access_type=offline&{scope}");
    let path = format!("{TOKEN}?service=wharf&offline_token=true&{scope}");
    for answer in [wharf.client().user("x", &token).get(&path).await, wharf.client().post_token(&form).await] {
        let answer = answer.is(200).json();
        assert_eq!(answer["scope"], "repository:acme/app:pull,push");
        assert!(answer.get("refresh_token").is_none());
        let client = wharf.client().bearer(answer["token"].as_str().unwrap());
        client.repo("acme/app").push_image("1", 1).await;
        assert_eq!(client.get(WHOAMI).await.json()["name"], "build-bob");
    }
}

#[tokio::test]
async fn a_token_of_others_for_others_or_of_another_time_is_refused() {
    let (issuer, stranger) = (Issuer::start().await, Issuer::start().await);
    let wharf = trusting(&issuer);
    let with = |name: &str, value: Value| {
        let mut claims = claims("push");
        claims[name] = value;
        issuer.sign(&claims)
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let forged = stranger.sign_as(&json!({"alg": "ES256", "kid": "key-0"}), &with_issuer(&issuer, claims("push")));
    for (what, token) in [
        ("an unknown issuer", stranger.sign(&claims("push"))),
        ("another's signature", forged),
        ("another audience", with("aud", "sts.example.com".into())),
        ("over", with("exp", json!(now - 120))),
        ("no end", with("exp", Value::Null)),
        ("not yet", with("nbf", json!(now + 120))),
        ("another project", with("repository", "evil/app".into())),
        ("a project that looks alike", with("repository", "acme-evil/app".into())),
        ("another event", with("event_name", "schedule".into())),
        ("no name", with("actor", Value::Null)),
        ("a name that is none", with("actor", "a\nb".into())),
    ] {
        let [password, bearer] = both_ways(&wharf, &token);
        let refused = bearer.get("/v2/").await.is(401);
        assert!(refused.challenge().ends_with(",error=\"invalid_token\""), "{what}: {}", refused.challenge());
        let refused = password.get("/v2/").await;
        assert!(matches!(refused.status, 401 | 429), "{what}: {}", refused.status);
        bearer.repo("acme/app").post_blob("sha256:0", b"").await.refuses(401, "UNAUTHORIZED");
    }
    assert_eq!(stranger.fetches(), 0, "nobody makes us ask others");
}

fn with_issuer(issuer: &Issuer, mut claims: Value) -> Value {
    claims["iss"] = issuer.url.as_str().into();
    claims
}

/// Keys are not asked for more than once in ten seconds, whoever makes up names of keys.
#[tokio::test]
async fn a_new_key_of_the_issuer_is_taken_over_and_the_old_one_ends() {
    let issuer = Issuer::start().await;
    let wharf = trusting(&issuer);
    wharf.client().bearer(&issuer.sign(&claims("push"))).get("/v2/").await.is(200);
    let mut late = claims("push");
    late["jti"] = "not shown before".into();
    let late = issuer.sign(&late);
    issuer.rotate();
    let client = wharf.client().bearer(&issuer.sign(&claims("push")));
    let began = Instant::now();
    while client.get("/v2/").await.status != 200 {
        assert!(began.elapsed() < PATIENCE, "the new key is never taken over");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    client.repo("acme/app").push_image("1", 1).await;
    wharf.client().bearer(&late).get("/v2/").await.refuses(401, "UNAUTHORIZED");
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn while_an_issuer_is_down_its_builds_are_asked_to_wait_and_all_else_goes_on() {
    let issuer = Issuer::start().await;
    issuer.answer(500, "");
    let wharf = trusting(&issuer);
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    let token = issuer.sign(&claims("push"));
    for client in both_ways(&wharf, &token) {
        for refused in [client.get("/v2/").await, client.repo("acme/app").manifest("1").await, client.get(TOKEN).await]
        {
            let refused = refused.refuses(503, "UNAVAILABLE");
            assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
            assert!(!refused.has("www-authenticate"), "nobody is told to try another password");
        }
        client.repo("public/app").manifest("1").await.is(200);
        // Without what is theirs it would pass for the whole list.
        client.get("/v2/_catalog").await.refuses(503, "UNAVAILABLE");
    }
    wharf.client().repo("public/app").manifest("1").await.is(200);
    wharf.user("alice").repo("acme/app").push_image("1", 1).await;
    wharf.client().user("carol", "wrong").get("/v2/").await.refuses(401, "UNAUTHORIZED");
}
