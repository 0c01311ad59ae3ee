//! Connections that outlive a request with a body, read or not.

use crate::support::Wharf;

const UPLOAD: &str = "/v2/connections/none/blobs/uploads/11111111-2222-4333-8444-555555555555";

/// The refusal is sent before the body arrives; the client sends the body all the same and uses the connection again.
#[tokio::test]
async fn after_a_refusal_of_a_small_body_the_connection_goes_on() {
    let wharf = Wharf::shared();
    let mut raw = wharf.connect().await;
    for body in [&b""[..], b"x", &[b'x'; 200_000]] {
        raw.request(&format!("PATCH {UPLOAD}"), &[&format!("content-length: {}", body.len())]).await;
        let refusal = raw.answer().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
        assert!(!refusal.has("connection"), "{} bytes", body.len());
        raw.send(body).await.unwrap();
        raw.request("GET /v2/", &[]).await;
        raw.answer().await.is(200);
    }
}

/// As docker sends its layers.
#[tokio::test]
async fn after_a_chunked_body_the_connection_goes_on() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("connections/chunked").upload().await;
    let mut raw = wharf.connect().await;
    for _ in 0..3 {
        raw.request(&format!("PATCH {}", upload.location), &["transfer-encoding: chunked"]).await;
        raw.send(b"3\r\nabc\r\n0\r\n\r\n").await.unwrap();
        assert!(!raw.answer().await.is(202).has("connection"));
    }
}

#[tokio::test]
async fn before_the_rest_of_a_large_body_the_client_is_told_that_the_connection_ends() {
    let wharf = Wharf::shared();
    for head in ["content-length: 50000000", "transfer-encoding: chunked"] {
        let mut raw = wharf.connect().await;
        raw.request(&format!("PATCH {UPLOAD}"), &[head]).await;
        let refusal = raw.answer().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
        assert_eq!(refusal.header("connection"), "close", "{head}");
    }
}

/// Everything is sent before the answer is read, as many clients do.
#[tokio::test]
async fn who_sends_some_megabytes_first_still_reads_the_refusal() {
    let wharf = Wharf::shared();
    let body = vec![b'x'; 6_000_000];
    let mut raw = wharf.connect().await;
    raw.request(&format!("PATCH {UPLOAD}"), &["content-length: 6000000"]).await;
    raw.send(&body).await.unwrap();
    raw.answer().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    assert!(raw.is_closed().await);
}

#[tokio::test]
async fn who_waits_to_be_asked_is_told_that_the_connection_ends() {
    let wharf = Wharf::shared();
    let mut raw = wharf.connect().await;
    raw.request(&format!("PATCH {UPLOAD}"), &["content-length: 3", "expect: 100-continue"]).await;
    let refusal = raw.answer().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    assert_eq!(refusal.header("connection"), "close");
    assert!(raw.is_closed().await);
}
