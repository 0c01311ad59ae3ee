//! What somebody tried, and must not work.

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;

use crate::guarded::{self, RULES, TOKEN, WHOAMI};

/// When a token was made and when it ends.
fn times(token: &str) -> (i64, i64) {
    let payload = BASE64URL_NOPAD.decode(token.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claims: Value = serde_json::from_slice(&payload).unwrap();
    (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap())
}

/// Who has left the directory, or whose certificate or build is over, has bearer tokens for a few minutes more. With each of
/// them another one could be had, for ever.
#[tokio::test]
async fn a_bearer_token_gets_none_that_is_good_for_longer() {
    let wharf = guarded::start();
    let first = wharf.user("carol").token("repository:carol/a:pull").await;
    let (made, ends) = times(&first);
    let client = wharf.client().bearer(&first);
    let later = loop {
        let answer = client.get(&format!("{TOKEN}?scope=repository:carol/a:pull")).await.is(200).json();
        let token = answer["token"].as_str().unwrap().to_owned();
        if times(&token).0 > made {
            assert!(answer["expires_in"].as_i64().unwrap() < ends - made, "{answer}");
            break token;
        }
    };
    assert_eq!(times(&later).1, ends);
    wharf.client().bearer(&later).get("/v2/").await.is(200);
}

/// What everybody may do, somebody in particular does as themselves: they may be allowed more.
#[tokio::test]
async fn who_may_move_tags_moves_them_where_everybody_may_add() {
    let rule = "access:\n  - {who: anonymous, repositories: \"drop/**\", may: [pull, create]}\n";
    let wharf = guarded::prepare(&RULES.replace("access:\n", rule)).go();
    wharf.client().repo("drop/a").push_image("1", 1).await;
    let other = wharf.client().repo("drop/a").prepare_image(2).await;
    // Nobody in particular may turn out to be somebody who may.
    wharf.client().repo("drop/a").put("1", &other).await.refuses(401, "UNAUTHORIZED");
    wharf.client().user("hub-user", "hub-password").repo("drop/a").put("2", &other).await.is(201);
    wharf.user("alice").repo("drop/a").put("1", &other).await.is(201);
    let token = wharf.user("alice").token("repository:drop/a:pull,push").await;
    wharf.client().bearer(&token).repo("drop/a").put("1", &other).await.is(201);
}

/// Whether it happens to be known already who somebody is must not decide whose an upload is.
#[tokio::test]
async fn what_is_known_of_somebody_is_not_what_their_upload_depends_on() {
    let rule = "access:\n  - {who: anonymous, repositories: \"drop/**\", may: [pull, create]}\n";
    let wharf = guarded::prepare(&RULES.replace("access:\n", rule)).go();
    let alice = wharf.user("alice");
    let started = alice.request(reqwest::Method::POST, "/v2/drop/a/blobs/uploads/").send().await.is(202);
    let place = started.header("location").to_owned();
    // From here on it is known who they are.
    alice.get(WHOAMI).await.is(200);
    alice.request(reqwest::Method::PATCH, &place).body("abc").send().await.is(202);
    wharf.client().request(reqwest::Method::PATCH, &place).body("def").send().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}
