//! Who moved a tag is written down, and who may not read a repository is not told what an immutable tag is.

use serde_json::Value;

use crate::guarded;
use crate::support::Wharf;

/// What is written down of a tag, the newest last.
fn lines(wharf: &Wharf, repository: &str, tag: &str) -> Vec<Value> {
    let path = wharf.volume().join(format!("wharf/repositories/{repository}/_history/{tag}+"));
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn a_history_names_who_moved_the_tag_however_they_log_in() {
    let wharf = guarded::start();
    let alice = wharf.user("alice").repo("team/app");
    let one = alice.push_image("latest", 1).await;
    let two = alice.prepare_image(2).await;
    let token = wharf.user("bob").token("repository:team/app:pull,push,delete").await;
    let bob = wharf.client().bearer(&token).repo("team/app");
    bob.put("latest", &two).await.is(201);
    bob.delete("manifests/latest").await.is(202);
    wharf.user("ci").repo("team/app").put("latest", &one).await.is(201);
    alice.delete(&format!("manifests/{}", one.digest())).await.is(202);
    let seen = lines(&wharf, "team/app", "latest");
    let (one, two) = (one.digest(), two.digest());
    let expected = [
        (None, Some(&one), "alice", "put"),
        (Some(&one), Some(&two), "bob", "put"),
        (Some(&two), None, "bob", "delete"),
        (None, Some(&one), "ci", "put"),
        (Some(&one), None, "alice", "delete-manifest"),
    ];
    assert_eq!(seen.len(), expected.len());
    for (line, (from, to, by, how)) in seen.iter().zip(expected) {
        let told = (line["from"].as_str(), line["to"].as_str(), line["by"].as_str(), line["how"].as_str());
        assert_eq!(told, (from.map(String::as_str), to.map(String::as_str), Some(by), Some(how)));
    }
}

#[tokio::test]
async fn nobody_in_particular_is_nobody_in_a_history() {
    let wharf = Wharf::start();
    wharf.repo("open").push_image("latest", 1).await;
    assert_eq!(lines(&wharf, "open", "latest")[0]["by"], Value::Null);
}

#[tokio::test]
async fn who_may_not_read_is_not_told_what_an_immutable_tag_is() {
    let rules = "access:\n  - {who: alice, repositories: '**', may: admin}\n  - {who: ci, repositories: 'in/*', may: [push, \
                 delete]}\ntags: {immutable: [{repositories: 'in/*', tags: '*'}]}\n";
    let wharf = guarded::prepare(rules).go();
    let alice = wharf.user("alice").repo("in/box");
    let first = alice.push_image("1", 1).await;
    let ci = wharf.user("ci").repo("in/box");
    let second = ci.prepare_image(2).await;
    for answer in [ci.put("1", &second).await, ci.delete("manifests/1").await] {
        let said = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        let refused = answer.refuses(403, "DENIED");
        assert!(refused.message().contains("is immutable"), "{said}");
        assert!(!said.contains(&first.digest()), "{said}");
    }
    let told = alice.put("1", &second).await.refuses(403, "DENIED");
    assert!(told.message().contains(&first.digest()), "whoever may read it is told");
}
