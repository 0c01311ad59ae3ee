//! `auth.oidc` with a provider that signs tokens, changes its keys, and fails.

use std::sync::Arc;
use std::time::Duration as Wait;

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use wharf::auth::oidc::{FetchError, Oidc, OidcError};
use wharf::auth::{JwtError, OidcIdentity, OidcIssuer};

use crate::issuer::Issuer;

const NOW: OffsetDateTime = time::macros::datetime!(2030-01-01 12:00 UTC);

fn settings(issuer: &Issuer) -> OidcIssuer {
    OidcIssuer {
        issuer: issuer.url.clone(),
        audiences: vec!["wharf".to_owned()],
        jwks: None,
        ca: None,
        identities: vec![OidcIdentity {
            claims: vec![("repository".to_owned(), vec!["acme/*".to_owned()])],
            user: "ci-{actor}".to_owned(),
            groups: vec!["{teams}".to_owned()],
        }],
    }
}

fn trust(issuer: &Issuer) -> Oidc {
    Oidc::new(&[settings(issuer)]).unwrap()
}

/// Claims of a token that is good for days.
fn claims() -> Value {
    let exp = (NOW + Duration::days(30)).unix_timestamp();
    json!({ "aud": "wharf", "exp": exp, "repository": "acme/app", "actor": "bob", "teams": ["a", "b"] })
}

async fn user(oidc: &Oidc, token: &str, now: OffsetDateTime) -> Result<String, OidcError> {
    Ok(oidc.verify(token, now).await?.identity.user.to_string())
}

/// Waits until the provider has been asked for its keys this often.
async fn asked(issuer: &Issuer, times: usize) {
    tokio::time::timeout(Wait::from_secs(30), async {
        while issuer.fetches() < times {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn a_token_stands_for_a_user_in_groups_until_it_expires() {
    let issuer = Issuer::start().await;
    let oidc = trust(&issuer);
    let token = issuer.sign(&claims());
    assert!(oidc.concerns(&token));
    let verified = oidc.verify(&token, NOW).await.unwrap();
    assert_eq!(verified.identity.user.as_str(), "ci-bob");
    assert_eq!(verified.identity.groups, ["a", "b"].map(|name| name.parse().unwrap()));
    assert_eq!(verified.expires, NOW + Duration::days(30));
    for _ in 0..3 {
        oidc.verify(&issuer.sign(&claims()), NOW + Duration::minutes(59)).await.unwrap();
    }
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn keys_may_be_at_a_place_of_their_own() {
    let issuer = Issuer::start().await;
    issuer.describe(json!({}));
    let jwks = Some(format!("{}/keys", issuer.url));
    let oidc = Oidc::new(&[OidcIssuer { jwks, ..settings(&issuer) }]).unwrap();
    assert_eq!(user(&oidc, &issuer.sign(&claims()), NOW).await.unwrap(), "ci-bob");
}

#[tokio::test]
async fn tokens_for_others_and_of_others_are_refused() {
    let (issuer, other) = (Issuer::start().await, Issuer::start().await);
    let oidc = trust(&issuer);
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        issuer.sign(&claims)
    };
    let refused = [
        (with("aud", json!("sts")), "the token is meant for another audience"),
        (with("exp", json!(NOW.unix_timestamp() - 61)), "the token has expired"),
        (with("nbf", json!(NOW.unix_timestamp() + 61)), "the token is not valid yet"),
        (with("repository", json!("evil/app")), "the token's claims fit no identity"),
        (with("actor", json!("a\nb")), "\"ci-{actor}\" is filled in with what cannot be a name"),
        (with("iss", json!(other.url)), "the token is from no known issuer"),
        (other.sign(&claims()), "the token is from no known issuer"),
        (
            other.sign_as(&json!({ "alg": "ES256", "kid": "key-0" }), &json!({ "iss": issuer.url, "aud": "wharf" })),
            "the token's signature is wrong",
        ),
    ];
    for (token, expected) in refused {
        assert_eq!(user(&oidc, &token, NOW).await.unwrap_err().to_string(), expected);
    }
    assert_eq!((issuer.fetches(), other.fetches()), (1, 0));
}

#[tokio::test]
async fn new_keys_are_fetched_when_a_token_needs_them_and_not_too_often() {
    let issuer = Issuer::start().await;
    let oidc = trust(&issuer);
    let old = issuer.sign(&claims());
    user(&oidc, &old, NOW).await.unwrap();
    issuer.rotate();
    let new = issuer.sign(&claims());
    // Ten seconds have not passed.
    let refused = user(&oidc, &new, NOW + Duration::seconds(5)).await;
    assert!(matches!(refused, Err(OidcError::Token(JwtError::UnknownKey(_)))), "{refused:?}");
    assert_eq!(issuer.fetches(), 1);
    let later = NOW + Duration::seconds(20);
    assert_eq!(user(&oidc, &new, later).await.unwrap(), "ci-bob");
    assert_eq!(issuer.fetches(), 2);
    let refused = user(&oidc, &old, later).await;
    assert!(matches!(refused, Err(OidcError::Token(JwtError::UnknownKey(_)))), "{refused:?}");
    for number in 0..20 {
        let made_up = issuer.sign_as(&json!({ "alg": "ES256", "kid": format!("x{number}") }), &claims());
        assert!(user(&oidc, &made_up, later).await.is_err());
    }
    assert_eq!(issuer.fetches(), 2);
    // Nor does a provider that does not name its keys need to wait for an hour.
    issuer.rotate();
    let unnamed = issuer.sign_as(&json!({ "alg": "ES256" }), &claims());
    assert_eq!(user(&oidc, &unnamed, later + Duration::seconds(20)).await.unwrap(), "ci-bob");
}

#[tokio::test]
async fn after_an_hour_keys_are_fetched_while_the_old_ones_serve() {
    let issuer = Issuer::start().await;
    let oidc = trust(&issuer);
    let old = issuer.sign(&claims());
    user(&oidc, &old, NOW).await.unwrap();
    issuer.rotate();
    let later = NOW + Duration::minutes(61);
    assert_eq!(user(&oidc, &old, later).await.unwrap(), "ci-bob");
    asked(&issuer, 2).await;
    // This waits for the fetch, if it is still under way.
    assert_eq!(user(&oidc, &issuer.sign(&claims()), later).await.unwrap(), "ci-bob");
    assert_eq!(issuer.fetches(), 2);
    assert!(user(&oidc, &old, later).await.is_err());
}

#[tokio::test]
async fn old_keys_serve_for_a_day_while_the_provider_is_down() {
    let issuer = Issuer::start().await;
    let oidc = trust(&issuer);
    let token = issuer.sign(&claims());
    user(&oidc, &token, NOW).await.unwrap();
    issuer.answer(503, "");
    for hours in [2, 12, 23] {
        assert_eq!(user(&oidc, &token, NOW + Duration::hours(hours)).await.unwrap(), "ci-bob");
    }
    let refused = user(&oidc, &token, NOW + Duration::hours(25)).await;
    assert!(matches!(refused, Err(OidcError::Keys(_))), "{refused:?}");
    issuer.recover();
    assert_eq!(user(&oidc, &token, NOW + Duration::hours(26)).await.unwrap(), "ci-bob");
}

#[tokio::test]
async fn a_crowd_asks_once_and_a_bound_of_it_waits() {
    let issuer = Issuer::start().await;
    issuer.delay(Wait::from_millis(300));
    let oidc = Arc::new(trust(&issuer));
    let token = issuer.sign(&claims());
    let mut crowd = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let (oidc, token) = (Arc::clone(&oidc), token.clone());
        crowd.spawn(async move { user(&oidc, &token, NOW).await });
    }
    let answers = crowd.join_all().await;
    let busy = answers.iter().filter(|answer| matches!(answer, Err(OidcError::Busy))).count();
    let good = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!((good, busy, issuer.fetches()), (64, 36, 1));
}

#[tokio::test]
async fn a_crowd_before_a_provider_that_is_down_is_refused_together() {
    let issuer = Issuer::start().await;
    issuer.answer(500, "");
    issuer.delay(Wait::from_millis(100));
    let oidc = Arc::new(trust(&issuer));
    let token = issuer.sign(&claims());
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (oidc, token) = (Arc::clone(&oidc), token.clone());
        // Their clocks differ by more than the pause between two fetches.
        crowd.spawn(async move { user(&oidc, &token, NOW + Duration::minutes(number)).await });
    }
    assert!(crowd.join_all().await.iter().all(|answer| matches!(answer, Err(OidcError::Keys(_)))));
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_a_fetch() {
    let issuer = Issuer::start().await;
    issuer.delay(Wait::from_millis(200));
    let oidc = trust(&issuer);
    let token = issuer.sign(&claims());
    let gone = tokio::time::timeout(Wait::from_millis(50), oidc.verify(&token, NOW)).await;
    assert!(gone.is_err());
    assert_eq!(user(&oidc, &token, NOW).await.unwrap(), "ci-bob");
    assert_eq!(issuer.fetches(), 1);
}

#[tokio::test]
async fn what_a_provider_must_not_answer_is_refused() {
    let failure = async |prepare: &dyn Fn(&Issuer)| {
        let issuer = Issuer::start().await;
        prepare(&issuer);
        match user(&trust(&issuer), &issuer.sign(&claims()), NOW).await {
            Err(OidcError::Keys(failure)) => failure,
            other => unreachable!("{other:?}"),
        }
    };
    let large = format!("{{\"keys\":[]}}{}", " ".repeat(1024 * 1024));
    assert!(matches!(*failure(&|issuer| issuer.answer(200, &large)).await, FetchError::TooLarge { .. }));
    assert!(matches!(*failure(&|issuer| issuer.answer(302, "")).await, FetchError::Status { status: 302, .. }));
    assert!(matches!(*failure(&|issuer| issuer.answer(200, "{}")).await, FetchError::KeySet { .. }));
    assert!(matches!(*failure(&|issuer| issuer.answer(200, "{\"keys\":[]}")).await, FetchError::NoKey { .. }));
    assert!(matches!(*failure(&|issuer| issuer.describe(json!([]))).await, FetchError::Description { .. }));
    let other =
        |issuer: &Issuer| issuer.describe(json!({ "issuer": "https://a", "jwks_uri": format!("{}/keys", issuer.url) }));
    assert!(matches!(*failure(&other).await, FetchError::OtherIssuer { .. }));
    for keys in ["file:///etc/passwd", "keys", "ftp://127.0.0.1/keys"] {
        let elsewhere = |issuer: &Issuer| issuer.describe(json!({ "issuer": issuer.url, "jwks_uri": keys }));
        assert!(matches!(*failure(&elsewhere).await, FetchError::KeysUrl { .. }), "{keys}");
    }
}
