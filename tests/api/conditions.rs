//! Conditions: what a client has already, and what it demands to be so before a change.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{NOTHING, bytes};
use crate::support::repository::Repository;

async fn get_if_none_match(repo: &Repository, method: &Method, rest: &str, tags: &str) -> Answer {
    let request = repo.request(method.clone(), rest).header("if-none-match", tags);
    request.send().await
}

#[tokio::test]
async fn what_the_client_has_is_not_sent_again() {
    let repo = Wharf::shared().repo("conditions/cached");
    let image = repo.push_image("latest", 40).await.digest();
    let blob = repo.push_blob(&bytes(100, 40)).await;
    let things = [
        ("manifests/latest".to_owned(), &image),
        (format!("manifests/{image}"), &image),
        (format!("blobs/{blob}"), &blob),
    ];
    for (rest, digest) in things {
        for method in [Method::GET, Method::HEAD] {
            for tags in [
                format!("\"{digest}\""),
                digest.clone(),
                format!("W/\"{digest}\""),
                format!("\"other\", \"{NOTHING}\" ,\"{digest}\""),
                "*".to_owned(),
            ] {
                let answer = get_if_none_match(&repo, &method, &rest, &tags).await.is(304);
                assert_eq!(answer.header("etag"), format!("\"{digest}\""));
                assert_eq!(answer.header("docker-content-digest"), digest);
                assert!(answer.body.is_empty());
            }
            for tags in [format!("\"{NOTHING}\""), String::new(), "\"\"".to_owned(), "garbage".to_owned()] {
                let answer = get_if_none_match(&repo, &method, &rest, &tags).await.is(200);
                assert_eq!(answer.header("docker-content-digest"), digest);
            }
        }
    }
}

#[tokio::test]
async fn a_tag_that_moved_is_sent() {
    let repo = Wharf::shared().repo("conditions/moved");
    let old = repo.push_image("latest", 41).await;
    let tags = format!("\"{}\"", old.digest());
    get_if_none_match(&repo, &Method::GET, "manifests/latest", &tags).await.is(304);
    let new = repo.push_image("latest", 42).await;
    let answer = get_if_none_match(&repo, &Method::GET, "manifests/latest", &tags).await.is(200);
    assert_eq!(answer.body, new.bytes);
}

#[tokio::test]
async fn what_is_absent_is_not_found_whatever_the_client_has() {
    let repo = Wharf::shared().repo("conditions/absent");
    for rest in [format!("blobs/{NOTHING}"), format!("manifests/{NOTHING}"), "manifests/latest".to_owned()] {
        get_if_none_match(&repo, &Method::GET, &rest, "*").await.is(404);
        get_if_none_match(&repo, &Method::GET, &rest, &format!("\"{NOTHING}\"")).await.is(404);
    }
}

#[tokio::test]
async fn a_tag_is_created_only_if_it_is_not_there() {
    let repo = Wharf::shared().repo("conditions/create");
    let (first, second) = (repo.prepare_image(43).await, repo.prepare_image(44).await);
    let create = |manifest| repo.putting("v1", manifest).header("if-none-match", "*").send();
    create(&first).await.is(201);
    let refused = create(&second).await.refuses(412, "PRECONDITION_FAILED");
    assert!(refused.message().contains(&first.digest()), "{}", refused.message());
    create(&first).await.refuses(412, "PRECONDITION_FAILED");
    assert_eq!(repo.manifest("v1").await.is(200).body, first.bytes);
    // The refused one did not come in by its digest either.
    repo.manifest(&second.digest()).await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete("manifests/v1").await.is(202);
    create(&second).await.is(201);
}

#[tokio::test]
async fn of_several_tags_none_is_created_if_one_is_there() {
    let repo = Wharf::shared().repo("conditions/several");
    repo.push_image("taken", 45).await;
    let image = repo.prepare_image(46).await;
    let reference = format!("{}?tag=free&tag=taken", image.digest());
    let create = repo.putting(&reference, &image).header("if-none-match", "*");
    create.send().await.refuses(412, "PRECONDITION_FAILED");
    assert_eq!(repo.tags().await, ["taken"]);
}

#[tokio::test]
async fn a_manifest_is_created_by_its_digest_only_if_it_is_not_there() {
    let repo = Wharf::shared().repo("conditions/digest");
    let image = repo.prepare_image(47).await;
    let digest = image.digest();
    let put = |name: &str, value: &str| repo.putting(&digest, &image).header(name, value).send();
    put("if-match", "*").await.refuses(412, "PRECONDITION_FAILED");
    put("if-none-match", "*").await.is(201);
    put("if-none-match", "*").await.refuses(412, "PRECONDITION_FAILED");
    put("if-match", "*").await.is(201);
}

#[tokio::test]
async fn a_tag_moves_only_from_what_the_client_says_it_is() {
    let repo = Wharf::shared().repo("conditions/swap");
    let first = repo.push_image("v1", 48).await;
    let (second, third) = (repo.prepare_image(49).await, repo.prepare_image(50).await);
    let swap = |tags: String, manifest| repo.putting("v1", manifest).header("if-match", &tags).send();
    let refused = swap(format!("\"{}\"", second.digest()), &third).await.refuses(412, "PRECONDITION_FAILED");
    assert!(refused.message().contains(&first.digest()), "{}", refused.message());
    swap(format!("\"{}\"", first.digest()), &second).await.is(201);
    swap(format!("\"{}\"", first.digest()), &third).await.refuses(412, "PRECONDITION_FAILED");
    swap(format!("\"{}\", \"{}\"", first.digest(), second.digest()), &third).await.is(201);
    assert_eq!(repo.manifest("v1").await.is(200).body, third.bytes);
    let absent = repo.putting("v2", &first).header("if-match", &format!("\"{}\"", first.digest()));
    absent.send().await.refuses(412, "PRECONDITION_FAILED");
    repo.manifest("v2").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_tag_or_manifest_is_deleted_only_if_it_is_what_the_client_says() {
    let repo = Wharf::shared().repo("conditions/delete");
    let image = repo.push_image("v1", 51).await;
    let digest = image.digest();
    let delete = |rest: &str, tags: &str| {
        let request = repo.request(Method::DELETE, &format!("manifests/{rest}"));
        request.header("if-match", tags).send()
    };
    delete("v1", &format!("\"{NOTHING}\"")).await.refuses(412, "PRECONDITION_FAILED");
    delete("absent", "*").await.refuses(412, "PRECONDITION_FAILED");
    delete(&digest, &format!("\"{NOTHING}\"")).await.refuses(412, "PRECONDITION_FAILED");
    delete(NOTHING, "*").await.refuses(412, "PRECONDITION_FAILED");
    assert_eq!(repo.manifest("v1").await.is(200).body, image.bytes);
    delete("v1", &format!("\"{digest}\"")).await.is(202);
    repo.manifest("v1").await.refuses(404, "MANIFEST_UNKNOWN");
    delete(&digest, "*").await.is(202);
    repo.manifest(&digest).await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_condition_that_cannot_be_followed_is_not_ignored() {
    let repo = Wharf::shared().repo("conditions/garbage");
    let image = repo.push_image("v1", 52).await;
    for (name, value) in
        [("if-match", "garbage"), ("if-match", ""), ("if-match", "\"sha256:abc\""), ("if-none-match", "garbage")]
    {
        repo.putting("v1", &image).header(name, value).send().await.refuses(400, "PRECONDITION_FAILED");
        let delete = repo.request(Method::DELETE, "manifests/v1").header(name, value);
        delete.send().await.refuses(400, "PRECONDITION_FAILED");
    }
    assert_eq!(repo.manifest("v1").await.is(200).body, image.bytes);
}
