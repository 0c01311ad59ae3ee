//! The history of tags, going back, and tags that come back.

use reqwest::Method;
use serde_json::{Value, json};

use crate::guarded;
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::{Client, Request};

fn pointing(client: &Client, tag: &str, body: &Value) -> Request {
    let request = client.request(Method::PUT, tag).header("content-type", "application/json");
    request.body(body.to_string())
}

async fn point(client: &Client, tag: &str, body: &Value) -> Answer {
    pointing(client, tag, body).send().await
}

/// What is told of each move, the newest first: from, to, by, how, and whether it is there.
async fn moves(client: &Client, tag: &str) -> Vec<Value> {
    let told = client.get(&format!("{tag}/history")).await.is(200).json();
    let moves = told["moves"].as_array().unwrap();
    moves.iter().map(|m| json!([m["from"], m["to"], m["by"], m["how"], m["isThere"]])).collect()
}

const LATEST: &str = "/api/v1/repositories/team%2Fapp/tags/latest";
const DELETED: &str = "/api/v1/repositories/team%2Fapp/deleted-tags";

#[tokio::test]
async fn a_tag_goes_back_where_it_was_and_its_history_says_who_moved_it() {
    let wharf = guarded::start();
    let (alice, bob) = (wharf.user("alice"), wharf.user("bob"));
    let one = alice.repo("team/app").push_image("latest", 1).await;
    let two = bob.repo("team/app").push_image("latest", 2).await;
    let (first, second) = (one.digest(), two.digest());
    let told = alice.get(&format!("{LATEST}/history")).await.is(200).json();
    assert_eq!((&told["repository"], &told["tag"]), (&json!("team/app"), &json!("latest")));
    let at: Vec<&str> = told["moves"].as_array().unwrap().iter().map(|moved| moved["at"].as_str().unwrap()).collect();
    assert!(at[0] >= at[1] && at[0].ends_with('Z'), "{at:?}");

    let back = point(&bob, LATEST, &json!({})).await.is(200);
    assert_eq!(back.header("docker-content-digest"), first);
    let expected = json!({"repository": "team/app", "tag": "latest", "from": second, "to": first});
    assert_eq!(back.json(), expected);
    assert_eq!(bob.repo("team/app").manifest("latest").await.is(200).body, one.bytes);
    // And there again, by its digest.
    let forth = point(&alice, LATEST, &json!({"digest": second})).await.is(200).json();
    assert_eq!((&forth["from"], &forth["to"]), (&json!(first), &json!(second)));
    let expected = [
        json!([first, second, "alice", "roll-back", true]),
        json!([second, first, "bob", "roll-back", true]),
        json!([first, second, "bob", "put", true]),
        json!([null, first, "alice", "put", true]),
    ];
    assert_eq!(moves(&alice, LATEST).await, expected);
    // Where it is already is no move.
    point(&alice, LATEST, &json!({"digest": second})).await.is(200);
    assert_eq!(moves(&alice, LATEST).await.len(), 4);
    wharf.logs("user=bob");
}

#[tokio::test]
async fn a_tag_that_was_deleted_is_listed_until_it_comes_back_and_then_pulls() {
    let wharf = guarded::start();
    let (alice, bob) = (wharf.user("alice"), wharf.user("bob"));
    let image = alice.repo("team/app").push_image("latest", 1).await;
    alice.repo("team/app").put("kept", &image).await.is(201);
    assert_eq!(alice.get(DELETED).await.is(200).json(), json!({"repository": "team/app", "tags": []}));
    bob.repo("team/app").delete("manifests/latest").await.is(202);
    let deleted = alice.get(DELETED).await.is(200).json()["tags"].clone();
    let told = (&deleted[0]["tag"], &deleted[0]["digest"], &deleted[0]["by"], deleted.as_array().unwrap().len());
    assert_eq!(told, (&json!("latest"), &json!(image.digest()), &json!("bob"), 1));
    assert_eq!(moves(&alice, LATEST).await[0], json!([image.digest(), null, "bob", "delete", true]));
    alice.repo("team/app").manifest("latest").await.is(404);
    let back = point(&alice, LATEST, &json!({"digest": null})).await.is(200).json();
    assert_eq!((&back["from"], &back["to"]), (&Value::Null, &json!(image.digest())));
    assert_eq!(alice.repo("team/app").manifest("latest").await.is(200).body, image.bytes);
    assert_eq!(alice.repo("team/app").tags().await, ["kept", "latest"]);
    assert_eq!(moves(&alice, LATEST).await[0], json!([null, image.digest(), "alice", "restore", true]));
    assert_eq!(alice.get(DELETED).await.is(200).json()["tags"], json!([]));
}

#[tokio::test]
async fn deleted_tags_come_in_pages() {
    let wharf = Wharf::start();
    let repo = wharf.repo("paged/app");
    let image = repo.push_image("kept", 1).await;
    let tags = ["a", "b", "c", "d", "e"];
    for tag in tags {
        repo.put(tag, &image).await.is(201);
        repo.delete(&format!("manifests/{tag}")).await.is(202);
    }
    let path = "/api/v1/repositories/paged%2Fapp/deleted-tags";
    let (mut found, mut next) = (Vec::new(), Some(format!("{path}?n=2")));
    while let Some(page) = next {
        let answer = wharf.client().get(&page).await.is(200);
        let told = answer.json();
        let page: Vec<String> =
            told["tags"].as_array().unwrap().iter().map(|tag| tag["tag"].as_str().unwrap().to_owned()).collect();
        found.push(page);
        let link = answer.has("link").then(|| answer.header("link").to_owned());
        next = link.map(|link| {
            let path = link.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=\"next\""));
            path.unwrap().to_owned()
        });
    }
    assert_eq!(found, [vec!["a", "b"], vec!["c", "d"], vec!["e"]]);
    wharf.client().get(&format!("{path}?n=x")).await.problem(400, "PAGINATION_NUMBER_INVALID");
    wharf.client().get("/api/v1/repositories/nobody/deleted-tags").await.problem(404, "NAME_UNKNOWN");
    wharf.client().get("/api/v1/repositories/paged%2Fapp/tags/never/history").await.problem(404, "MANIFEST_UNKNOWN");
}

/// What a rule keeps from pushes it keeps from going back.
#[tokio::test]
async fn who_may_not_push_does_not_move_a_tag_so_either() {
    let rules = "access:\n  - {who: alice, repositories: '**', may: admin}\n  - {who: carol, repositories: 'team/*', may: pull}\n\
        \x20 - {who: ci, repositories: 'team/*', may: [pull, create]}\n  - {who: dave, repositories: 'team/*', may: push}\n\
        tags: {immutable: [{repositories: 'team/app', tags: 'v*'}]}\n";
    let wharf = guarded::prepare(rules).go();
    let alice = wharf.user("alice").repo("team/app");
    let one = alice.push_image("latest", 1).await;
    let two = alice.push_image("latest", 2).await;
    alice.put("v1", &two).await.is(201);
    let to_one = json!({"digest": one.digest()});
    // Who may only read.
    wharf.user("carol").get(&format!("{LATEST}/history")).await.is(200);
    for (body, condition) in [(&to_one, "*"), (&json!({}), "\"sha256:0\"")] {
        point(&wharf.user("carol"), LATEST, body).await.problem(403, "DENIED");
        pointing(&wharf.client(), LATEST, body).header("if-match", condition).send().await.problem(401, "UNAUTHORIZED");
    }
    // Who may create and not move.
    for body in [&to_one, &json!({})] {
        let refused = point(&wharf.user("ci"), LATEST, body).await.problem(403, "DENIED");
        assert!(refused["detail"].as_str().unwrap().contains("needs push for ci"), "{refused}");
    }
    let created = LATEST.replace("latest", "new");
    point(&wharf.user("ci"), &created, &to_one).await.is(200);
    // Who may push and not read is told of nothing: what is there, and what it is.
    for body in [&to_one, &json!({}), &json!({"digest": two.digest()})] {
        let answer = point(&wharf.user("dave"), LATEST, body).await;
        let said = String::from_utf8_lossy(&answer.body).into_owned();
        answer.problem(404, "NAME_UNKNOWN");
        assert!(!said.contains("sha256"), "{said}");
    }
    // What stays where it is.
    let stays = point(&wharf.user("alice"), &LATEST.replace("latest", "v1"), &to_one).await.problem(403, "DENIED");
    assert!(stays["detail"].as_str().unwrap().contains("is immutable"), "{stays}");
    for (tag, at) in [("latest", &two), ("v1", &two), ("new", &one)] {
        assert_eq!(alice.manifest(tag).await.is(200).body, at.bytes, "{tag}");
    }
}

#[tokio::test]
async fn conditions_hold_and_what_is_gone_is_said() {
    let wharf = guarded::start();
    let alice = wharf.user("alice");
    let repo = alice.repo("team/app");
    let one = repo.push_image("latest", 1).await;
    let two = repo.push_image("latest", 2).await;
    let conditional = |name: &'static str, value: String| {
        let alice = alice.clone();
        async move { pointing(&alice, LATEST, &json!({})).header(name, &value).send().await }
    };
    conditional("if-match", format!("\"{}\"", one.digest())).await.problem(412, "PRECONDITION_FAILED");
    conditional("if-none-match", "*".to_owned()).await.problem(412, "PRECONDITION_FAILED");
    conditional("if-match", "nothing".to_owned()).await.problem(400, "PRECONDITION_FAILED");
    assert_eq!(repo.manifest("latest").await.is(200).body, two.bytes);
    conditional("if-match", format!("\"{}\"", two.digest())).await.is(200);
    assert_eq!(repo.manifest("latest").await.is(200).body, one.bytes);

    for body in [json!({"digest": "latest"}), json!({"digest": 1}), json!({"to": one.digest()})] {
        point(&alice, LATEST, &body).await.problem(400, "BODY_INVALID");
    }
    let request = alice.request(Method::PUT, LATEST).body("{}");
    request.send().await.problem(415, "CONTENT_TYPE_INVALID");

    wharf.user("bob").repo("team/app").delete(&format!("manifests/{}", two.digest())).await.is(202);
    let gone = point(&alice, LATEST, &json!({"digest": two.digest()})).await.problem(404, "MANIFEST_UNKNOWN");
    assert!(gone["detail"].as_str().unwrap().contains("any more"), "{gone}");
    let told = moves(&alice, LATEST).await;
    assert_eq!(told[1], json!([one.digest(), two.digest(), "alice", "put", false]));
    point(&alice, LATEST, &json!({})).await.problem(404, "MANIFEST_UNKNOWN");
    assert_eq!(repo.manifest("latest").await.is(200).body, one.bytes);
}

#[tokio::test]
async fn users_are_named_to_those_who_have_said_who_they_are() {
    let wharf = guarded::start();
    let alice = wharf.user("alice");
    let image = alice.repo("public/app").push_image("latest", 1).await;
    alice.repo("public/app").put("kept", &image).await.is(201);
    alice.repo("public/app").delete("manifests/latest").await.is(202);
    let (history, deleted) =
        ("/api/v1/repositories/public%2Fapp/tags/latest/history", "/api/v1/repositories/public%2Fapp/deleted-tags");
    let named = async |client: &Client| {
        let moves = client.get(history).await.is(200).json()["moves"].clone();
        let tags = client.get(deleted).await.is(200).json()["tags"].clone();
        assert_eq!((moves.as_array().unwrap().len(), &tags[0]["tag"]), (2, &json!("latest")));
        json!([moves[0]["by"], moves[1]["by"], tags[0]["by"]])
    };
    let nobody = wharf.client();
    assert_eq!(named(&nobody).await, json!([null, null, null]));
    // Everybody may read it, so nobody asks who carol is but for this.
    assert_eq!(named(&wharf.user("carol")).await, json!(["alice", "alice", "alice"]));
    let mistaken = wharf.client().user("carol", "another's password");
    assert_eq!(named(&mistaken).await, json!([null, null, null]));
}
