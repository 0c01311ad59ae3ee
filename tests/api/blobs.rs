//! Blobs: whole ones in and out, and who holds what.

use crate::support::Wharf;
use crate::support::content::{NOTHING, bytes, sha256, sha512};

const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const BRACES: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

#[tokio::test]
async fn a_blob_comes_back_as_it_was_pushed_with_all_that_clients_look_at() {
    let repo = Wharf::shared().repo("blobs/contract");
    let content = bytes(3_000_000, 1);
    let digest = repo.push_blob(&content).await;
    let get = repo.blob(&digest).await.is(200);
    let head = repo.head(&format!("blobs/{digest}")).await.is(200);
    assert!(get.body == content, "other bytes came back");
    assert!(head.body.is_empty());
    for answer in [get, head] {
        assert_eq!(answer.header("content-length"), "3000000");
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        assert_eq!(answer.header("accept-ranges"), "bytes");
        assert_eq!(answer.header("cache-control"), "max-age=31536000");
        assert!(!answer.has("content-encoding"));
    }
}

#[tokio::test]
async fn a_browser_cannot_run_a_blob_as_a_page() {
    let repo = Wharf::shared().repo("blobs/page");
    let digest = repo.push_blob(b"<script>alert(1)</script>").await;
    let answer = repo.blob(&digest).await.is(200);
    assert_eq!(answer.header("content-security-policy"), "default-src 'none'; sandbox");
    assert_eq!(answer.header("content-disposition"), "attachment");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn an_encoding_that_a_client_accepts_changes_nothing() {
    let repo = Wharf::shared().repo("blobs/encoding");
    let content = vec![b'a'; 100_000];
    let digest = repo.push_blob(&content).await;
    let request = repo.request(reqwest::Method::GET, &format!("blobs/{digest}"));
    let answer = request.header("accept-encoding", "zstd;q=1.0, gzip;q=0.8").send().await.is(200);
    assert!(!answer.has("content-encoding"));
    assert_eq!(answer.body, content);
}

#[tokio::test]
async fn a_blob_pushed_in_one_post_is_answered_with_its_place() {
    let repo = Wharf::shared().repo("blobs/post");
    let digest = sha256(b"content");
    let answer = repo.post_blob(&digest, b"content").await.is(201);
    assert_eq!(answer.header("location"), format!("/v2/blobs/post/blobs/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest);
    assert_eq!(answer.header("content-length"), "0");
    assert_eq!(repo.client().get(answer.header("location")).await.is(200).body, b"content");
}

#[tokio::test]
async fn a_blob_that_is_not_what_its_digest_says_is_refused_and_leaves_nothing() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("blobs/mismatch");
    let answer = repo.post_blob(&sha256(b"announced"), b"sent").await.refuses(400, "DIGEST_INVALID");
    assert_eq!(answer.json()["errors"][0]["detail"]["expected"], sha256(b"announced"));
    assert_eq!(answer.json()["errors"][0]["detail"]["found"], sha256(b"sent"));
    for content in [&b"announced"[..], b"sent"] {
        repo.blob(&sha256(content)).await.refuses(404, "BLOB_UNKNOWN");
    }
    assert_eq!(Wharf::files_below(&wharf.repository("blobs/mismatch")), [""; 0]);
}

#[tokio::test]
async fn the_empty_blob_and_the_empty_object_are_blobs() {
    let repo = Wharf::shared().repo("blobs/empty");
    for (digest, content) in [(EMPTY, &b""[..]), (BRACES, b"{}")] {
        repo.post_blob(digest, content).await.is(201);
        let answer = repo.blob(digest).await.is(200);
        assert_eq!(answer.body, content);
        assert_eq!(answer.header("content-length"), content.len().to_string());
        let head = repo.head(&format!("blobs/{digest}")).await.is(200);
        assert_eq!(head.header("content-length"), content.len().to_string());
    }
}

#[tokio::test]
async fn a_blob_can_be_named_by_its_sha512() {
    let repo = Wharf::shared().repo("blobs/sha512");
    let content = bytes(200_000, 512);
    let digest = sha512(&content);
    repo.post_blob(&digest, &content).await.is(201);
    let answer = repo.blob(&digest).await.is(200);
    assert_eq!(answer.body, content);
    assert_eq!(answer.header("docker-content-digest"), digest);
    // One name was given, one name is known.
    repo.blob(&sha256(&content)).await.refuses(404, "BLOB_UNKNOWN");
    repo.post_blob(&sha512(b"other"), &content).await.refuses(400, "DIGEST_INVALID");
}

#[tokio::test]
async fn a_blob_is_readable_only_where_it_was_pushed() {
    let wharf = Wharf::shared();
    let digest = wharf.repo("blobs/mine").push_blob(b"mine alone").await;
    for other in ["blobs/yours", "blobs", "blobs/mine/below"] {
        let other = wharf.repo(other);
        other.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
        other.head(&format!("blobs/{digest}")).await.is(404);
        other.delete(&format!("blobs/{digest}")).await.refuses(404, "BLOB_UNKNOWN");
    }
    wharf.repo("blobs/mine").blob(&digest).await.is(200);
}

#[tokio::test]
async fn a_deleted_blob_is_gone_here_and_stays_elsewhere() {
    let wharf = Wharf::shared();
    let (here, there) = (wharf.repo("blobs/here"), wharf.repo("blobs/there"));
    let digest = here.push_blob(b"shared").await;
    there.push_blob(b"shared").await;
    let answer = here.delete(&format!("blobs/{digest}")).await.is(202);
    assert_eq!(answer.header("content-length"), "0");
    here.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    here.delete(&format!("blobs/{digest}")).await.refuses(404, "BLOB_UNKNOWN");
    assert_eq!(there.blob(&digest).await.is(200).body, b"shared");
    here.push_blob(b"shared").await;
    here.blob(&digest).await.is(200);
}

#[tokio::test]
async fn an_unknown_blob_is_refused_to_get_and_head_alike() {
    let repo = Wharf::shared().repo("blobs/unknown");
    repo.blob(NOTHING).await.refuses(404, "BLOB_UNKNOWN");
    repo.head(&format!("blobs/{NOTHING}")).await.is(404);
}

#[tokio::test]
async fn head_announces_the_length_and_sends_no_byte_so_that_the_connection_goes_on() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("blobs/head");
    let digest = repo.push_blob(b"0123456789").await;
    let mut raw = wharf.connect().await;
    for _ in 0..3 {
        raw.request(&format!("HEAD /v2/blobs/head/blobs/{digest}"), &[]).await;
        let head = raw.answer_without_body().await.is(200);
        assert_eq!(head.header("content-length"), "10");
    }
    raw.request(&format!("GET /v2/blobs/head/blobs/{digest}"), &[]).await;
    assert_eq!(raw.answer().await.is(200).body, b"0123456789");
}

#[tokio::test]
async fn pushing_a_blob_again_heals_a_copy_that_has_rotted() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("blobs/rotten");
    let content = bytes(10_000, 77);
    let digest = repo.push_blob(&content).await;
    wharf.has_settled(&digest).await;
    std::fs::write(wharf.blob(&digest), "rotten").unwrap();
    assert_eq!(repo.blob(&digest).await.is(200).body, b"rotten", "whatever its length, it is said truly");
    repo.push_blob(&content).await;
    assert_eq!(repo.blob(&digest).await.is(200).body, content);
}
