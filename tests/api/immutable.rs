//! Tags that stay where they are, as clients meet them.

use futures_util::future::join_all;
use reqwest::Method;

use crate::support::Wharf;
use crate::support::content::Manifest;

/// Tags below `prod` stay where they are, but for some.
fn start() -> Wharf {
    let rule = "{repositories: 'prod/**', tags: '*', except: [latest, 'dev-*']}";
    let storage = "storage: {filesystem: {rootdirectory: /nowhere}, delete: {enabled: true}}";
    Wharf::prepare()
        .config(&format!("version: 0.1\n{storage}\nhttp: {{addr: :0}}\ntags: {{immutable: [{rule}]}}\n"))
        .go()
}

#[tokio::test]
async fn another_manifest_is_refused_with_a_sentence_and_the_same_is_not() {
    let wharf = start();
    let repo = wharf.repo("prod/app");
    let image = repo.push_image("1.0", 1).await;
    let other = repo.prepare_image(2).await;
    let refused = repo.put("1.0", &other).await.refuses(403, "DENIED");
    for part in ["1.0", "prod/app", &image.digest(), "tags.immutable[0]"] {
        assert!(refused.message().contains(part), "{part}: {}", refused.message());
    }
    assert_eq!(refused.json()["errors"][0]["detail"]["rule"], "tags.immutable[0]");
    repo.put("1.0", &image).await.is(201);
    let path = format!("{}?tag=1.1&tag=1.0&tag=latest", other.digest());
    repo.put(&path, &other).await.refuses(403, "DENIED");
    assert_eq!(repo.tags().await, ["1.0"], "nothing of a refused request is left");
    for tag in ["latest", "dev-1"] {
        repo.put(tag, &image).await.is(201);
        repo.put(tag, &other).await.is(201);
    }
    let elsewhere = wharf.repo("test/app");
    elsewhere.push_image("1.0", 1).await;
    elsewhere.push_image("1.0", 2).await;
}

/// S7: whatever is asked for, the tag stays.
#[tokio::test]
async fn no_request_moves_or_removes_it() {
    let wharf = start();
    let repo = wharf.repo("prod/app");
    let image = repo.push_image("1.0", 3).await;
    let other = repo.prepare_image(4).await;
    let (digest, others) = (image.digest(), other.digest());
    let mut refused = 0;
    for rest in [
        "manifests/1.0".to_owned(),
        format!("manifests/{digest}"),
        format!("manifests/{digest}?tag=1.0"),
        format!("manifests/{others}?tag=1.0"),
        format!("manifests/{others}?tag=latest&tag=1.0"),
        "manifests/latest?tag=1.0".to_owned(),
        format!("blobs/{digest}"),
        "blobs/uploads/".to_owned(),
        format!("referrers/{digest}"),
        "tags/list".to_owned(),
    ] {
        for method in [Method::PUT, Method::POST, Method::PATCH, Method::DELETE] {
            for condition in [("x-nothing", ""), ("if-match", "*"), ("if-match", &*format!("\"{digest}\""))] {
                let request = repo.request(method.clone(), &rest).header(condition.0, condition.1);
                let answer = request.body(other.bytes.clone()).send().await;
                refused += usize::from(answer.status == 403);
                assert_eq!(repo.manifest("1.0").await.is(200).body, image.bytes, "{method} {rest}");
                repo.manifest(&digest).await.is(200);
            }
        }
    }
    // Two puts by a tag and two by a digest, and what deletes the tag or the manifest, spelled in three ways; three times each.
    assert_eq!(refused, 3 * (4 + 3), "of these are refused because the tag stays");
}

#[tokio::test]
async fn of_many_who_create_it_exactly_one_does() {
    let wharf = start();
    let repo = wharf.repo("prod/app");
    let images: Vec<Manifest> = join_all((10..22).map(|seed| repo.prepare_image(seed))).await;
    let answers = join_all(images.iter().map(|image| repo.put("1.0", image))).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 201 | 403)), "{statuses:?}");
}
