//! Chunks: in order, out of order, of the wrong length, and without a length.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{bytes, sha256};
use crate::support::upload::Upload;

/// A refusal that tells the client where to go on.
#[track_caller]
fn shows_position(answer: &Answer, upload: &Upload, range: &str) {
    assert_eq!(answer.header("range"), range);
    assert_eq!(answer.header("location"), upload.location);
    assert_eq!(answer.header("docker-upload-uuid"), upload.id);
}

#[tokio::test]
async fn chunks_in_order_make_a_blob() {
    let repo = Wharf::shared().repo("chunks/order");
    let content = bytes(900_000, 3);
    let upload = repo.upload().await;
    for (first, last) in [(0, 0), (1, 99), (100, 599_999)] {
        let answer = upload.patch_at(&format!("{first}-{last}"), &content[first..=last]).await.is(202);
        shows_position(&answer, &upload, &format!("0-{last}"));
        assert_eq!(answer.header("content-length"), "0");
    }
    let finish = upload.finishing(&sha256(&content)).header("content-range", "600000-899999");
    finish.body(content[600_000..].to_vec()).send().await.is(201);
    assert!(repo.blob(&sha256(&content)).await.is(200).body == content);
}

#[tokio::test]
async fn chunks_in_order_may_end_with_an_empty_put() {
    let repo = Wharf::shared().repo("chunks/emptyput");
    let upload = repo.upload().await;
    upload.patch_at("0-2", b"abc").await.is(202);
    upload.patch_at("3-5", b"def").await.is(202);
    upload.finish(&sha256(b"abcdef"), b"").await.is(201);
    assert_eq!(repo.blob(&sha256(b"abcdef")).await.is(200).body, b"abcdef");
}

#[tokio::test]
async fn a_chunk_that_skips_ahead_or_goes_back_is_refused_and_the_upload_survives() {
    let repo = Wharf::shared().repo("chunks/disorder");
    let upload = repo.upload().await;
    let answer = upload.patch_at("3-5", b"def").await.refuses(416, "RANGE_INVALID");
    shows_position(&answer, &upload, "0-0");
    upload.patch_at("0-2", b"abc").await.is(202);
    for range in ["0-2", "2-4", "4-6", "100-102"] {
        let answer = upload.patch_at(range, b"xyz").await.refuses(416, "RANGE_INVALID");
        shows_position(&answer, &upload, "0-2");
    }
    upload.patch_at("3-5", b"def").await.is(202);
    upload.finish(&sha256(b"abcdef"), b"").await.is(201);
}

#[tokio::test]
async fn a_last_chunk_out_of_order_is_refused_and_the_upload_survives() {
    let repo = Wharf::shared().repo("chunks/lastdisorder");
    let upload = repo.upload().await;
    upload.patch_at("0-2", b"abc").await.is(202);
    let digest = sha256(b"abcdef");
    let finish = |range: &str| upload.finishing(&digest).header("content-range", range).body("def");
    for range in ["0-2", "4-6"] {
        let answer = finish(range).send().await.refuses(416, "RANGE_INVALID");
        shows_position(&answer, &upload, "0-2");
    }
    finish("3-5").send().await.is(201);
    repo.blob(&digest).await.is(200);
}

#[tokio::test]
async fn a_chunk_of_another_length_than_its_range_never_was() {
    let repo = Wharf::shared().repo("chunks/length");
    let upload = repo.upload().await;
    upload.patch_at("0-2", b"abc").await.is(202);
    for (range, body) in [("3-5", &b"xy"[..]), ("3-5", b"wxyz"), ("3-3", b"")] {
        upload.patch_at(range, body).await.refuses(400, "SIZE_INVALID");
        assert_eq!(upload.status().await.is(204).header("range"), "0-2", "{range}");
    }
    let digest = sha256(b"abcdef");
    let finish = upload.finishing(&digest).header("content-range", "3-5").body("de");
    finish.send().await.refuses(400, "SIZE_INVALID");
    upload.patch_at("3-5", b"def").await.is(202);
    upload.finish(&digest, b"").await.is(201);
    assert_eq!(repo.blob(&digest).await.is(200).body, b"abcdef");
}

#[tokio::test]
async fn a_large_chunk_of_the_wrong_length_leaves_no_byte() {
    let repo = Wharf::shared().repo("chunks/large");
    let content = bytes(2_000_000, 4);
    let upload = repo.upload().await;
    upload.patch_at("0-999999", &content[..1_000_000]).await.is(202);
    upload.patch_at("1000000-1999998", &content[1_000_000..]).await.refuses(400, "SIZE_INVALID");
    assert_eq!(upload.status().await.header("range"), "0-999999");
    upload.patch_at("1000000-1999999", &content[1_000_000..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
}

#[tokio::test]
async fn the_range_may_be_written_as_in_http() {
    let repo = Wharf::shared().repo("chunks/bytes");
    let upload = repo.upload().await;
    upload.patch_at("bytes 0-2/6", b"abc").await.is(202);
    upload.patch_at("bytes=3-5", b"def").await.is(202);
    upload.patch_at("bytes 0-2/6", b"abc").await.refuses(416, "RANGE_INVALID");
    upload.finish(&sha256(b"abcdef"), b"").await.is(201);
}

#[tokio::test]
async fn a_range_that_cannot_be_read_is_refused_with_the_position() {
    let repo = Wharf::shared().repo("chunks/garbage");
    let upload = repo.upload().await;
    upload.patch_at("0-2", b"abc").await.is(202);
    for range in ["", "x", "3", "3-", "-5", "5-3", "3--5", "0x3-5", "3-99999999999999999999", "bytes */6"] {
        let answer = upload.patch_at(range, b"def").await.refuses(416, "RANGE_INVALID");
        shows_position(&answer, &upload, "0-2");
        let finish = upload.finishing(&sha256(b"abcdef")).header("content-range", range);
        finish.body("def").send().await.refuses(416, "RANGE_INVALID");
    }
    upload.finish(&sha256(b"abcdef"), b"def").await.is(201);
}

#[tokio::test]
async fn patches_without_a_range_or_a_length_add_to_the_end() {
    let repo = Wharf::shared().repo("chunks/streamed");
    let content = bytes(3_000_000, 5);
    let upload = repo.upload().await;
    let (first, rest) = content.split_at(1_234_567);
    let pieces = first.chunks(50_000).map(<[u8]>::to_vec).collect();
    let answer = upload.request(Method::PATCH).streamed(pieces).send().await.is(202);
    shows_position(&answer, &upload, "0-1234566");
    upload.patch(&rest[..1]).await.is(202);
    let pieces = rest[1..].chunks(70_000).map(<[u8]>::to_vec).collect();
    upload.finishing(&sha256(&content)).streamed(pieces).send().await.is(201);
    assert!(repo.blob(&sha256(&content)).await.is(200).body == content);
}

#[tokio::test]
async fn a_streamed_chunk_with_a_range_is_held_to_it() {
    let repo = Wharf::shared().repo("chunks/streamedrange");
    let upload = repo.upload().await;
    let streamed = |range: &str, content: &[u8]| {
        let pieces = content.chunks(1).map(<[u8]>::to_vec).collect();
        upload.request(Method::PATCH).header("content-range", range).streamed(pieces).send()
    };
    streamed("0-2", b"abcd").await.refuses(400, "SIZE_INVALID");
    streamed("0-2", b"abc").await.is(202);
    upload.finish(&sha256(b"abc"), b"").await.is(201);
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_the_body_is_asked() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("chunks/expect").upload().await;
    let mut raw = wharf.connect().await;
    raw.request(&format!("PATCH {}", upload.location), &["content-length: 3", "expect: 100-continue"]).await;
    raw.answer_without_body().await.is(100);
    raw.send(b"abc").await.unwrap();
    assert_eq!(raw.answer().await.is(202).header("range"), "0-2");
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_is_not_asked_for_what_is_refused() {
    let wharf = Wharf::shared();
    let mut raw = wharf.connect().await;
    let path = "/v2/chunks/refused/blobs/uploads/11111111-2222-4333-8444-555555555555";
    raw.request(&format!("PATCH {path}"), &["content-length: 3", "expect: 100-continue"]).await;
    raw.answer().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

#[tokio::test]
async fn of_a_chunk_that_goes_on_behind_its_range_no_more_is_read_than_shows_it() {
    let wharf = Wharf::start();
    let upload = wharf.repo("chunks/endless").upload().await;
    upload.patch_at("0-4", b"01234").await.is(202);
    let mut raw = wharf.connect().await;
    raw.request(&format!("PATCH {}", upload.location), &["content-range: 5-9", "transfer-encoding: chunked"]).await;
    let chunk = [b"10000\r\n".to_vec(), vec![b'x'; 0x10000], b"\r\n".to_vec()].concat();
    // It never ends; the answer comes all the same.
    for _ in 0..16 {
        if raw.send(&chunk).await.is_err() {
            break;
        }
    }
    assert_eq!(raw.answer().await.status, 400);
    assert_eq!(upload.status().await.is(204).header("range"), "0-4");
}
