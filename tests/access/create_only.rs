//! Who may create and not overwrite (S12, CVE-2026-31801: `latest` could be overwritten by whoever might only create).

use futures_util::future::join_all;

use crate::guarded;
use crate::support::content::Manifest;

#[tokio::test]
async fn a_tag_that_exists_is_not_moved_whatever_its_name_and_whichever_way() {
    let wharf = guarded::start();
    let ci = wharf.user("ci").repo("team/app");
    let first = ci.push_image("latest", 1).await;
    ci.put("v1", &first).await.is(201);
    let second = ci.prepare_image(2).await;
    for tag in ["latest", "v1"] {
        let refused = ci.put(tag, &second).await.refuses(403, "DENIED");
        let message = refused.message();
        assert!(message.contains(tag) && message.contains(&first.digest()), "{message}");
        assert!(
            message.ends_with("moving a tag on team/app needs push for ci; rules 2 and 4 were considered"),
            "{message}"
        );
        ci.put(&format!("{}?tag=new&tag={tag}", second.digest()), &second).await.refuses(403, "DENIED");
        // The same again is no exception: what somebody else made of the tag meanwhile is not asked.
        ci.put(tag, &first).await.refuses(403, "DENIED");
        let conditional = ci.putting(tag, &second).header("if-match", &format!("\"{}\"", first.digest())).send().await;
        conditional.refuses(403, "DENIED");
        assert_eq!(ci.manifest(tag).await.is(200).body, first.bytes);
    }
    assert_eq!(ci.tags().await, ["latest", "v1"], "nothing of a refused request is left");
    ci.put("v2", &second).await.is(201);
    ci.put(&first.digest(), &first).await.is(201);
    // With a token it is the same.
    let token = wharf.user("ci").token("repository:team/app:pull,push").await;
    wharf.client().bearer(&token).repo("team/app").put("latest", &second).await.refuses(403, "DENIED");
    // And whoever may push moves it.
    wharf.user("alice").repo("team/app").put("latest", &second).await.is(201);
}

#[tokio::test]
async fn of_many_who_create_one_tag_exactly_one_does() {
    let wharf = guarded::start();
    let ci = wharf.user("ci").repo("team/app");
    let images: Vec<Manifest> = join_all((0..16).map(|seed| ci.prepare_image(seed))).await;
    let statuses: Vec<u16> =
        join_all(images.iter().map(|image| ci.put("latest", image))).await.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 403)), "{statuses:?}");
}

/// Who may add and not read is told that there is something, for that cannot be hidden, and not what.
#[tokio::test]
async fn who_may_not_read_is_not_told_what_a_tag_is() {
    let rules =
        "access:\n  - {who: alice, repositories: '**', may: admin}\n  - {who: ci, repositories: 'in/*', may: create}\n";
    let wharf = guarded::prepare(rules).go();
    let first = wharf.user("alice").repo("in/box").push_image("1", 1).await;
    let ci = wharf.user("ci").repo("in/box");
    let second = ci.prepare_image(2).await;
    for header in [("x-nothing", ""), ("if-none-match", "*"), ("if-match", "\"sha256:0\"")] {
        let answer = ci.putting("1", &second).header(header.0, header.1).send().await;
        let said = format!("{:?} {}", answer.headers, String::from_utf8_lossy(&answer.body));
        assert!(matches!(answer.status, 400 | 403), "{header:?} {said}");
        assert!(!said.contains(&first.digest()), "{header:?} {said}");
    }
}
