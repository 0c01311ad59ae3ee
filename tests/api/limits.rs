//! What a client sends without end (CVE-2017-11468).

use reqwest::Method;
use serde_json::json;

use crate::support::Wharf;
use crate::support::content::{Manifest, OCI_MANIFEST, descriptor};

const LIMIT: usize = 4 * 1024 * 1024;
/// What a refusal may cost, in bytes of memory.
const COST: u64 = 16 * 1024 * 1024;

/// An image of exactly this many bytes.
fn of_size(size: usize) -> Manifest {
    let body = |note: &str| {
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("a/b", b"{}"), "layers": [],
            "annotations": {"note": note}})
        .to_string()
    };
    let note = "x".repeat(size - body("").len());
    Manifest::new(OCI_MANIFEST, body(&note))
}

#[tokio::test]
async fn a_manifest_may_have_four_megabytes_and_no_byte_more() {
    let repo = Wharf::shared().repo("limits/size");
    repo.push_blob(b"{}").await;
    repo.put("large", &of_size(LIMIT)).await.is(201);
    assert_eq!(repo.manifest("large").await.is(200).body.len(), LIMIT);
    let answer = repo.put("larger", &of_size(LIMIT + 1)).await.refuses(413, "SIZE_INVALID");
    assert!(answer.message().contains("4194304"), "{}", answer.message());
    repo.manifest("larger").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_that_announces_too_much_is_refused_unread() {
    let wharf = Wharf::start();
    let before = wharf.resident();
    for length in ["4194305", "8589934592", "9223372036854775807"] {
        let mut raw = wharf.connect().await;
        let headers = [format!("content-length: {length}"), "expect: 100-continue".to_owned()];
        raw.request("PUT /v2/limits/announced/manifests/v1", &headers.each_ref().map(String::as_str)).await;
        // No 100 Continue: the body is not even asked for.
        let answer = raw.answer_without_body().await;
        assert!([413, 400].contains(&answer.status), "{length}: {}", answer.status);
    }
    assert!(wharf.resident() < before + COST);
}

#[tokio::test]
async fn a_manifest_without_end_is_refused_at_the_limit() {
    let wharf = Wharf::start();
    wharf.client().get("/v2/").await.is(200);
    let before = wharf.resident();
    let mut raw = wharf.connect().await;
    raw.request("PUT /v2/limits/endless/manifests/v1", &["transfer-encoding: chunked"]).await;
    let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
    let mut sent = 0;
    // It stops reading some buffers after the limit; then writing fails, or we have had enough.
    while sent < 64 * 1024 * 1024 && raw.send(&chunk).await.is_ok() {
        sent += 0x10000;
    }
    assert!(sent < 64 * 1024 * 1024, "the server took {sent} bytes");
    let grown = wharf.resident().saturating_sub(before);
    assert!(grown < COST, "{grown} bytes for one refused manifest");
}

#[tokio::test]
async fn a_manifest_that_ends_just_behind_the_limit_is_told_so() {
    let wharf = Wharf::shared();
    let mut raw = wharf.connect().await;
    raw.request("PUT /v2/limits/chunked/manifests/v1", &["transfer-encoding: chunked"]).await;
    let body = vec![b' '; LIMIT + 1];
    raw.send(format!("{:x}\r\n", body.len()).as_bytes()).await.unwrap();
    raw.send(&body).await.unwrap();
    raw.answer().await.refuses(413, "SIZE_INVALID");
}

#[tokio::test]
async fn a_large_upload_does_not_pass_through_memory() {
    let wharf = Wharf::start();
    let repo = wharf.repo("limits/blob");
    repo.push_blob(b"warm").await;
    let before = wharf.resident();
    let upload = repo.upload().await;
    let pieces = vec![vec![0; 1 << 20]; 96];
    upload.request(Method::PATCH).streamed(pieces).send().await.is(202);
    let grown = wharf.resident().saturating_sub(before);
    assert!(grown < 24 * 1024 * 1024, "{grown} bytes for an upload");
}

#[tokio::test]
async fn many_large_manifests_at_once_take_the_memory_of_a_few_and_small_ones_pass_by() {
    let wharf = Wharf::start();
    let repo = wharf.repo("limits/many");
    let image = repo.prepare_image(5).await;
    let before = wharf.resident();
    let (arrived, mut arrivals) = tokio::sync::mpsc::unbounded_channel();
    let mut senders = tokio::task::JoinSet::new();
    for number in 0..60 {
        let (mut raw, arrived) = (wharf.connect().await, arrived.clone());
        senders.spawn(async move {
            let line = format!("PUT /v2/limits/many/manifests/v{number}");
            raw.request(&line, &[&format!("content-length: {LIMIT}")]).await;
            // All but the last byte, which never comes.
            raw.send(&vec![b' '; LIMIT - 1]).await.unwrap();
            arrived.send(()).unwrap();
            std::future::pending::<()>().await;
        });
    }
    // As many as are read whole; the others wait for a place.
    for _ in 0..16 {
        arrivals.recv().await.unwrap();
    }
    repo.put("small", &image).await.is(201);
    let grown = wharf.resident().saturating_sub(before);
    assert!(grown < 160 * 1024 * 1024, "{grown} bytes for 60 manifests of 4 MiB");
}
