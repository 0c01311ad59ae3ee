//! Refusals: the status, the code and the sentence for each thing that can be wrong with a request.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::content::{Manifest, NOTHING};

#[tokio::test]
async fn each_malformed_word_of_a_path_has_its_own_code() {
    let wharf = Wharf::shared();
    let long = "a/".repeat(127) + "aa";
    let too_long = format!("/v2/{long}/tags/list");
    for (method, path, status, code) in [
        (Method::GET, "/v2/Upper/tags/list", 400, "NAME_INVALID"),
        (Method::GET, "/v2/a--/tags/list", 400, "NAME_INVALID"),
        (Method::GET, "/v2/a..b/manifests/x", 400, "NAME_INVALID"),
        (Method::GET, too_long.as_str(), 400, "NAME_INVALID"),
        (Method::POST, "/v2/-a/blobs/uploads/", 400, "NAME_INVALID"),
        (Method::PUT, "/v2/a/manifests/-tag", 400, "TAG_INVALID"),
        (Method::GET, "/v2/a/manifests/.tag", 400, "TAG_INVALID"),
        (Method::GET, "/v2/a/manifests/sha256:abc", 400, "DIGEST_INVALID"),
        (Method::DELETE, "/v2/a/manifests/md5:d41d8cd98f00b204e9800998ecf8427e", 400, "DIGEST_INVALID"),
        (Method::GET, "/v2/a/blobs/latest", 400, "DIGEST_INVALID"),
        (Method::DELETE, "/v2/a/blobs/sha256:", 400, "DIGEST_INVALID"),
        (Method::GET, "/v2/a/referrers/sha256:abc", 400, "DIGEST_INVALID"),
        (Method::GET, "/v2/a/blobs/uploads/1", 404, "BLOB_UPLOAD_UNKNOWN"),
        (Method::POST, "/v2/a/blobs/uploads/?digest=latest", 400, "DIGEST_INVALID"),
        (Method::POST, "/v2/a/blobs/uploads/?mount=latest", 400, "DIGEST_INVALID"),
        (Method::POST, "/v2/a/blobs/uploads/?digest-algorithm=md5", 400, "DIGEST_INVALID"),
    ] {
        wharf.client().request(method, path).send().await.refuses(status, code);
    }
}

#[tokio::test]
async fn the_longest_name_and_the_longest_tag_are_accepted() {
    let wharf = Wharf::shared();
    // Clients count the host too; the registry allows what a file system allows.
    let name = format!("errors/{}", "n".repeat(248));
    let repo = wharf.repo(&name);
    let tag = "T".repeat(128);
    let image = repo.push_image(&tag, 1).await;
    assert_eq!(repo.manifest(&tag).await.is(200).body, image.bytes);
    repo.manifest(&format!("{tag}T")).await.refuses(400, "TAG_INVALID");
    wharf.repo(&format!("{name}n")).get("tags/list").await.refuses(400, "NAME_INVALID");
}

#[tokio::test]
async fn a_refusal_is_json_with_code_sentence_and_detail() {
    let repo = Wharf::shared().repo("errors/shape");
    let answer = repo.blob(NOTHING).await.refuses(404, "BLOB_UNKNOWN");
    assert_eq!(answer.header("content-type"), "application/json");
    let body = answer.json();
    assert_eq!(body["errors"].as_array().unwrap().len(), 1);
    assert_eq!(body["errors"][0]["detail"]["name"], "errors/shape");
    assert_eq!(body["errors"][0]["detail"]["digest"], NOTHING);
    let answer = repo.manifest("none").await.refuses(404, "MANIFEST_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"]["reference"], "none");
    assert!(answer.message().contains("errors/shape"));
}

#[tokio::test]
async fn a_repository_that_is_not_there_is_unknown() {
    let repo = Wharf::shared().repo("errors/absent");
    let answer = repo.get("tags/list").await.refuses(404, "NAME_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"]["name"], "errors/absent");
    assert!(!answer.message().contains("API"), "{}", answer.message());
    repo.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete("manifests/latest").await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete(&format!("manifests/{NOTHING}")).await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete(&format!("blobs/{NOTHING}")).await.refuses(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn who_writes_v2_into_the_name_is_told_the_right_one() {
    let wharf = Wharf::shared();
    wharf.repo("errors/hint").push_image("latest", 1).await;
    let wrong = wharf.repo("v2/errors/hint");
    let answers = [
        wrong.get("tags/list").await.refuses(404, "NAME_UNKNOWN"),
        wrong.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN"),
        wrong.blob(NOTHING).await.refuses(404, "BLOB_UNKNOWN"),
    ];
    for answer in answers {
        assert!(answer.message().contains("HOST/errors/hint"), "{}", answer.message());
    }
}

#[tokio::test]
async fn a_refused_head_has_the_headers_of_the_refused_get_and_no_body() {
    let wharf = Wharf::shared();
    let get = wharf.repo("errors/head").blob(NOTHING).await.is(404);
    let mut raw = wharf.connect().await;
    for _ in 0..2 {
        raw.request(&format!("HEAD /v2/errors/head/blobs/{NOTHING}"), &[]).await;
        let head = raw.answer_without_body().await.is(404);
        assert_eq!(head.header("content-length"), get.body.len().to_string());
        assert_eq!(head.header("content-type"), "application/json");
    }
}

#[tokio::test]
async fn a_failure_inside_is_logged_with_its_cause() {
    let wharf = Wharf::start();
    let repo = wharf.repo("errors/logged");
    let digest = rot(&wharf, &repo.push_image("latest", 1).await);
    repo.manifest("latest").await.refuses(500, "UNKNOWN");
    wharf.logs(&digest["sha256:".len()..]);
}

/// Makes the content of a manifest on disk larger than any manifest; returns its digest.
fn rot(wharf: &Wharf, manifest: &Manifest) -> String {
    let digest = manifest.digest();
    std::fs::OpenOptions::new().write(true).open(wharf.blob(&digest)).unwrap().set_len(1 << 30).unwrap();
    digest
}

#[tokio::test]
async fn a_failure_inside_says_nothing_of_the_inside() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("errors/inside");
    let image = repo.push_image("latest", 1_000_001).await;
    let digest = rot(&wharf, &image);
    let answer = repo.manifest("latest").await.refuses(500, "UNKNOWN");
    let message = answer.message();
    assert!(!message.contains(&digest[7..]) && !message.contains("/"), "{message}");
    // What rotted is healed by pushing it again.
    repo.put("latest", &image).await.is(201);
    assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
}

#[tokio::test]
async fn a_body_of_many_missing_references_names_a_bounded_number_of_them() {
    let repo = Wharf::shared().repo("errors/many");
    let layers: Vec<Vec<u8>> = (0..300_u16).map(|number| number.to_be_bytes().to_vec()).collect();
    let layers: Vec<&[u8]> = layers.iter().map(Vec::as_slice).collect();
    let answer = repo.put("x", &Manifest::image(b"{}", &layers)).await;
    let answer = answer.refuses(404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.json()["errors"].as_array().unwrap().len(), 100);
}
