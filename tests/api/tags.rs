//! Lists of tags, whole and in pages.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::support::Wharf;
use crate::support::content::Manifest;
use crate::support::repository::Repository;

async fn tagged(name: &str, tags: &[&str]) -> Repository {
    let repo = Wharf::shared().repo(name);
    let image = repo.prepare_image(70).await;
    for tag in tags {
        repo.put(tag, &image).await.is(201);
    }
    repo
}

#[tokio::test]
async fn tags_are_listed_in_byte_order_with_their_repository() {
    let repo = tagged("tags/order", &["b", "B", "_", "1.10", "1.2", "a", "a.b", "a-b", "latest"]).await;
    let answer = repo.get("tags/list").await.is(200);
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.json()["name"], "tags/order");
    assert_eq!(answer.list("tags"), ["1.10", "1.2", "B", "_", "a", "a-b", "a.b", "b", "latest"]);
    assert!(!answer.has("link"));
    let head = repo.head("tags/list").await.is(200);
    assert_eq!(head.header("content-length"), answer.body.len().to_string());
}

#[tokio::test]
async fn a_page_has_as_many_tags_as_asked_for_and_leads_to_the_next() {
    let repo = tagged("tags/pages", &["a", "b", "c", "d", "e"]).await;
    let first = repo.get("tags/list?n=2").await.is(200);
    assert_eq!(first.list("tags"), ["a", "b"]);
    assert_eq!(first.header("link"), "</v2/tags/pages/tags/list?last=b&n=2>; rel=\"next\"");
    let second = repo.client().get(&first.next().unwrap()).await.is(200);
    assert_eq!(second.list("tags"), ["c", "d"]);
    let third = repo.client().get(&second.next().unwrap()).await.is(200);
    assert_eq!(third.list("tags"), ["e"]);
    assert!(!third.has("link"));
    // A last page that is full is still the last.
    assert!(!repo.get("tags/list?n=5").await.is(200).has("link"));
    assert!(!repo.get("tags/list?n=1&last=d").await.is(200).has("link"));
}

#[tokio::test]
async fn a_list_begins_behind_the_last_which_need_not_be_there() {
    let repo = tagged("tags/last", &["a", "c", "e"]).await;
    for (last, expected) in [
        ("", vec!["a", "c", "e"]),
        ("0", vec!["a", "c", "e"]),
        ("a", vec!["c", "e"]),
        ("b", vec!["c", "e"]),
        ("e", vec![]),
        ("zzz", vec![]),
        ("..%2f..", vec!["a", "c", "e"]),
        ("%00", vec!["a", "c", "e"]),
        ("%ff", vec![]),
    ] {
        let answer = repo.get(&format!("tags/list?last={last}")).await.is(200);
        assert_eq!(answer.list("tags"), expected, "{last}");
    }
}

#[tokio::test]
async fn a_page_of_nothing_is_empty_and_the_end() {
    let repo = tagged("tags/none", &["a", "b"]).await;
    let answer = repo.get("tags/list?n=0").await.is(200);
    assert_eq!(answer.list("tags"), [""; 0]);
    assert!(!answer.has("link"));
    repo.client().repo("tags/absent").get("tags/list?n=0").await.refuses(404, "NAME_UNKNOWN");
}

/// Links are followed to the end, whatever the tags are and however long the pages: everything comes once and in order.
#[test]
fn the_pages_together_are_the_whole() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let wharf = Wharf::shared();
    let client = wharf.client();
    let tags = proptest::collection::btree_set("[a-cA-C0-1_][a-c._-]{0,3}", 1..12);
    let case = std::cell::Cell::new(0);
    proptest!(ProptestConfig::with_cases(12), |(tags in tags, n in 1_usize..6)| {
        case.set(case.get() + 1);
        let repo = client.repo(&format!("tags/random{}", case.get()));
        runtime.block_on(async {
            let image = repo.prepare_image(71).await;
            let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
            repo.put(&format!("{}?{}", image.digest(), query.join("&")), &image).await.is(201);
            let pages = client.pages(&repo.path(&format!("tags/list?n={n}")), "tags").await;
            let (last, full) = pages.split_last().unwrap();
            assert!(full.iter().all(|page| page.len() == n) && last.len() <= n, "{pages:?}");
            let listed: Vec<String> = pages.concat();
            assert_eq!(listed, tags.iter().cloned().collect::<Vec<_>>());
            assert_eq!(repo.tags().await, listed);
        });
    });
}

#[tokio::test]
async fn tags_that_come_and_go_between_pages_disturb_no_other() {
    let repo = tagged("tags/changing", &["a", "b", "c", "d", "e", "f"]).await;
    let image: Manifest = repo.prepare_image(70).await;
    let first = repo.get("tags/list?n=3").await.is(200);
    // The one that the next page begins behind goes, one before it comes, one behind it comes.
    repo.delete("manifests/c").await.is(202);
    repo.put("aa", &image).await.is(201);
    repo.put("dd", &image).await.is(201);
    let rest = repo.client().pages(&first.next().unwrap(), "tags").await.concat();
    assert_eq!(rest, ["d", "dd", "e", "f"]);
    let unique: BTreeSet<String> = first.list("tags").into_iter().chain(rest).collect();
    assert_eq!(unique.len(), 7);
}
