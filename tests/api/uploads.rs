//! Uploads: starting, finishing, looking, giving up, and whose they are.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::content::{bytes, sha256, sha512};

const UNKNOWN: &str = "11111111-2222-4333-8444-555555555555";

#[tokio::test]
async fn an_upload_starts_at_nothing_and_says_where_it_is() {
    let wharf = Wharf::shared();
    for path in ["/v2/uploads/start/blobs/uploads/", "/v2/uploads/start/blobs/uploads"] {
        let answer = wharf.client().request(Method::POST, path).send().await.is(202);
        let id = answer.header("docker-upload-uuid");
        assert_eq!(answer.header("location"), format!("/v2/uploads/start/blobs/uploads/{id}"));
        // dockerd fails with "bad range format" if the end comes before the start.
        assert_eq!(answer.header("range"), "0-0");
        assert_eq!(answer.header("content-length"), "0");
    }
}

#[tokio::test]
async fn the_location_is_a_path_behind_any_proxy() {
    let wharf = Wharf::shared();
    let request = wharf.client().request(Method::POST, "/v2/uploads/proxied/blobs/uploads/");
    let request = request.header("x-forwarded-proto", "https").header("x-forwarded-host", "evil.example");
    let answer = request.header("host", "other.example:5000").send().await.is(202);
    assert!(answer.header("location").starts_with("/v2/uploads/proxied/"));
}

#[tokio::test]
async fn a_blob_is_pushed_with_post_and_put() {
    let repo = Wharf::shared().repo("uploads/put");
    let content = bytes(2_000_000, 2);
    let digest = sha256(&content);
    let upload = repo.upload().await;
    let answer = upload.finish(&digest, &content).await.is(201);
    assert_eq!(answer.header("location"), format!("/v2/uploads/put/blobs/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest);
    assert_eq!(answer.header("content-length"), "0");
    assert!(repo.blob(&digest).await.is(200).body == content);
    // What is finished is no upload any more.
    upload.status().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    upload.patch(b"more").await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    upload.finish(&digest, b"").await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn an_upload_of_nothing_is_the_empty_blob() {
    let repo = Wharf::shared().repo("uploads/empty");
    repo.upload().await.finish(&sha256(b""), b"").await.is(201);
    assert_eq!(repo.blob(&sha256(b"")).await.is(200).body, b"");
    let patched = repo.upload().await;
    assert_eq!(patched.patch(b"").await.is(202).header("range"), "0-0");
    patched.finish(&sha512(b""), b"").await.is(201);
}

#[tokio::test]
async fn the_status_is_the_same_to_get_and_head() {
    let repo = Wharf::shared().repo("uploads/status");
    let upload = repo.upload().await;
    upload.patch(&[7; 1000]).await.is(202);
    for method in [Method::GET, Method::HEAD] {
        let answer = upload.request(method).send().await.is(204);
        assert_eq!(answer.header("range"), "0-999");
        assert_eq!(answer.header("location"), upload.location);
        assert_eq!(answer.header("docker-upload-uuid"), upload.id);
    }
}

#[tokio::test]
async fn an_answer_that_cannot_have_a_body_has_no_length() {
    let repo = Wharf::shared().repo("uploads/nolength");
    let upload = repo.upload().await;
    let digest = repo.push_blob(b"content").await;
    for method in [Method::GET, Method::HEAD] {
        let status = upload.request(method.clone()).send().await.is(204);
        assert!(!status.has("content-length"), "{method} 204 (RFC 9110 §8.6)");
        let request = repo.request(method.clone(), &format!("blobs/{digest}"));
        let unchanged = request.header("if-none-match", "*").send().await.is(304);
        assert!(!unchanged.has("content-length"), "{method} 304: it is not the content's length");
    }
}

#[tokio::test]
async fn a_cancelled_upload_is_gone_with_its_bytes() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("uploads/cancel");
    let upload = repo.upload().await;
    upload.patch(b"unwanted").await.is(202);
    upload.cancel().await.is(204);
    upload.status().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    upload.cancel().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    upload.finish(&sha256(b"unwanted"), b"").await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(Wharf::files_below(&wharf.repository("uploads/cancel")), [""; 0]);
}

#[tokio::test]
async fn an_upload_that_nobody_started_is_unknown() {
    let repo = Wharf::shared().repo("uploads/unknown");
    for method in [Method::GET, Method::HEAD, Method::PATCH, Method::DELETE] {
        let answer = repo.request(method, &format!("blobs/uploads/{UNKNOWN}")).send().await;
        assert_eq!(answer.status, 404, "{}", answer.asked);
    }
    let digest = sha256(b"x");
    let finish = repo.request(Method::PUT, &format!("blobs/uploads/{UNKNOWN}?digest={digest}"));
    finish.body("x").send().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    repo.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn an_upload_belongs_to_the_repository_in_which_it_was_started() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("uploads/owner").upload().await;
    upload.patch(b"secret").await.is(202);
    let digest = sha256(b"secret");
    for name in ["uploads/thief", "uploads", "uploads/owner/below"] {
        let thief = wharf.repo(name);
        let path = format!("blobs/uploads/{}", upload.id);
        for method in [Method::GET, Method::HEAD, Method::DELETE, Method::PATCH] {
            let answer = thief.request(method, &path).send().await;
            assert_eq!(answer.status, 404, "{}", answer.asked);
        }
        let finish = thief.request(Method::PUT, &format!("{path}?digest={digest}"));
        finish.send().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
        thief.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    }
    assert_eq!(upload.status().await.is(204).header("range"), "0-5");
    upload.finish(&digest, b"").await.is(201);
}

#[tokio::test]
async fn a_put_without_a_digest_or_with_a_bad_one_is_refused_and_the_upload_survives() {
    let repo = Wharf::shared().repo("uploads/nodigest");
    let upload = repo.upload().await;
    upload.patch(b"12345").await.is(202);
    upload.request(Method::PUT).send().await.refuses(400, "DIGEST_INVALID");
    for digest in ["", "latest", "sha256:abc", "md5:d41d8cd98f00b204e9800998ecf8427e"] {
        upload.finish(digest, b"").await.refuses(400, "DIGEST_INVALID");
    }
    assert_eq!(upload.status().await.is(204).header("range"), "0-4");
    upload.finish(&sha256(b"12345"), b"").await.is(201);
}

#[tokio::test]
async fn a_put_of_other_content_than_its_digest_says_ends_the_upload() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("uploads/mismatch");
    let upload = repo.upload().await;
    upload.patch(b"12345").await.is(202);
    upload.finish(&sha256(b"54321"), b"").await.refuses(400, "DIGEST_INVALID");
    upload.status().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    for content in [&b"12345"[..], b"54321"] {
        repo.blob(&sha256(content)).await.refuses(404, "BLOB_UNKNOWN");
    }
    assert_eq!(Wharf::files_below(&wharf.repository("uploads/mismatch")), [""; 0]);
}

#[tokio::test]
async fn a_sha512_may_be_announced_at_the_start_or_only_at_the_end() {
    let repo = Wharf::shared().repo("uploads/sha512");
    for (seed, start) in [(1, "?digest-algorithm=sha512"), (2, ""), (3, "?digest-algorithm=sha256")] {
        let content = bytes(700_000, seed);
        let digest = sha512(&content);
        let upload = repo.upload_with(start).await;
        upload.patch(&content[..300_001]).await.is(202);
        let answer = upload.finish(&digest, &content[300_001..]).await.is(201);
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert!(repo.blob(&digest).await.is(200).body == content);
    }
}

#[tokio::test]
async fn an_upload_announced_as_sha512_may_end_as_sha256() {
    let repo = Wharf::shared().repo("uploads/sha256");
    let upload = repo.upload_with("?digest-algorithm=sha512").await;
    upload.patch(b"abc").await.is(202);
    upload.finish(&sha256(b"abcdef"), b"def").await.is(201);
    assert_eq!(repo.blob(&sha256(b"abcdef")).await.is(200).body, b"abcdef");
}

#[tokio::test]
async fn many_uploads_of_one_blob_at_once_all_succeed() {
    let repo = Wharf::shared().repo("uploads/together");
    let content = bytes(300_000, 9);
    let digest = sha256(&content);
    let pushes = (0..8).map(|_| repo.post_blob(&digest, &content));
    for answer in futures_util::future::join_all(pushes).await {
        answer.is(201);
    }
    assert!(repo.blob(&digest).await.is(200).body == content);
}
