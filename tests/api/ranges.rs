//! Parts of blobs (RFC 9110 §14).

use reqwest::Method;

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{NOTHING, bytes};
use crate::support::repository::Repository;

const SIZE: usize = 1_000_000;

async fn blob(name: &str) -> (Repository, Vec<u8>, String) {
    let repo = Wharf::shared().repo(name);
    let content = bytes(SIZE, 60);
    let digest = repo.push_blob(&content).await;
    (repo, content, digest)
}

async fn part(repo: &Repository, digest: &str, headers: &[(&str, &str)]) -> Answer {
    let request = repo.request(Method::GET, &format!("blobs/{digest}"));
    let with = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
    with.send().await
}

#[tokio::test]
async fn a_range_gets_exactly_its_bytes() {
    let (repo, content, digest) = blob("ranges/exact").await;
    for (range, first, last) in [
        ("bytes=0-0", 0, 0),
        ("bytes=0-99", 0, 99),
        ("bytes=262143-262144", 262_143, 262_144),
        ("bytes=100-999998", 100, 999_998),
        ("bytes=999999-999999", 999_999, 999_999),
        ("bytes=500000-", 500_000, 999_999),
        ("bytes=0-", 0, 999_999),
        ("bytes=-1", 999_999, 999_999),
        ("bytes=-1000", 999_000, 999_999),
        // Clipped to what there is.
        ("bytes=999990-2000000", 999_990, 999_999),
        ("bytes=1-99999999999999999999999", 1, 999_999),
        ("bytes=-5000000", 0, 999_999),
        ("Bytes=1-2", 1, 2),
    ] {
        let answer = part(&repo, &digest, &[("range", range)]).await.is(206);
        assert_eq!(answer.header("content-range"), format!("bytes {first}-{last}/{SIZE}"), "{range}");
        assert_eq!(answer.header("content-length"), (last - first + 1).to_string(), "{range}");
        assert_eq!(answer.header("docker-content-digest"), digest);
        assert_eq!(answer.header("etag"), format!("\"{digest}\""));
        assert!(answer.body == content[first..=last], "{range}: other bytes");
    }
}

#[tokio::test]
async fn a_range_that_holds_no_byte_is_refused_with_the_size() {
    let (repo, _, digest) = blob("ranges/unsatisfiable").await;
    for range in ["bytes=1000000-", "bytes=1000000-1000001", "bytes=-0", "bytes=99999999999999999999-", "bytes=5-2"] {
        let answer = part(&repo, &digest, &[("range", range)]).await.refuses(416, "RANGE_INVALID");
        assert_eq!(answer.header("content-range"), format!("bytes */{SIZE}"), "{range}");
    }
}

#[tokio::test]
async fn several_ranges_and_what_is_no_range_get_the_whole() {
    let (repo, content, digest) = blob("ranges/whole").await;
    for range in ["bytes=0-1,5-6", "bytes=-", "bytes=", "bytes=a-b", "bytes=1-x", "bytes=-1-2", "items=0-1", "0-1", ""]
    {
        let answer = part(&repo, &digest, &[("range", range)]).await.is(200);
        assert!(!answer.has("content-range"), "{range}");
        assert!(answer.body == content, "{range}: other bytes");
    }
}

#[tokio::test]
async fn a_range_of_what_the_client_began_with_is_sent_and_otherwise_the_whole() {
    let (repo, content, digest) = blob("ranges/ifrange").await;
    for (tag, status) in [
        (format!("\"{digest}\""), 206),
        (digest.clone(), 206),
        (format!("\"{NOTHING}\""), 200),
        ("Wed, 21 Oct 2026 07:28:00 GMT".to_owned(), 200),
        // A weak tag is never enough for a range (RFC 9110 §13.1.5).
        (format!("W/\"{digest}\""), 200),
    ] {
        let answer = part(&repo, &digest, &[("range", "bytes=10-19"), ("if-range", &tag)]).await.is(status);
        let expected = if status == 206 { &content[10..20] } else { &content[..] };
        assert!(answer.body == expected, "{tag}");
    }
    // Against other content an unsatisfiable range is none.
    let headers = [("range", "bytes=5000000-"), ("if-range", "\"other\"")];
    part(&repo, &digest, &headers).await.is(200);
}

#[tokio::test]
async fn what_the_client_has_whole_comes_before_its_range() {
    let (repo, _, digest) = blob("ranges/cached").await;
    let tag = format!("\"{digest}\"");
    part(&repo, &digest, &[("range", "bytes=0-1"), ("if-none-match", &tag)]).await.is(304);
}

#[tokio::test]
async fn a_range_means_nothing_to_head() {
    let (repo, _, digest) = blob("ranges/head").await;
    let request = repo.request(Method::HEAD, &format!("blobs/{digest}")).header("range", "bytes=0-1");
    assert_eq!(request.send().await.is(200).header("content-length"), SIZE.to_string());
}

#[tokio::test]
async fn of_the_empty_blob_the_whole_is_sent_whatever_part_is_asked_for() {
    let repo = Wharf::shared().repo("ranges/empty");
    let digest = repo.push_blob(b"").await;
    for range in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
        let answer = part(&repo, &digest, &[("range", range)]).await.is(200);
        assert_eq!((answer.header("content-length"), answer.body.len()), ("0", 0));
    }
}

#[tokio::test]
async fn parts_fetched_side_by_side_make_the_whole() {
    let (repo, content, digest) = blob("ranges/parallel").await;
    let ranges: Vec<String> = (0..10).map(|n| format!("bytes={}-{}", n * 100_000, n * 100_000 + 99_999)).collect();
    let headers: Vec<[(&str, &str); 1]> = ranges.iter().map(|range| [("range", range.as_str())]).collect();
    let parts = headers.iter().map(|headers| part(&repo, &digest, headers));
    let parts = futures_util::future::join_all(parts).await;
    let joined: Vec<u8> = parts.into_iter().flat_map(|part| part.is(206).body).collect();
    assert!(joined == content);
}

#[tokio::test]
async fn a_manifest_has_no_parts() {
    let repo = Wharf::shared().repo("ranges/manifest");
    let image = repo.push_image("latest", 61).await;
    let request = repo.request(Method::GET, "manifests/latest").header("range", "bytes=0-1");
    assert_eq!(request.send().await.is(200).body, image.bytes);
}
