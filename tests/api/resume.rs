//! Uploads that are broken off: by the client, by another request, by a crash.

use std::path::Path;

use crate::support::Wharf;
use crate::support::content::{bytes, sha256};
use crate::support::raw::Raw;
use crate::support::upload::Upload;

/// More than the server holds in memory before it writes.
const PART: usize = 1_500_000;

/// Begins a PATCH that announces the whole content, sends the first part of it, and stops there.
async fn stall(wharf: &Wharf, upload: &Upload, content: &[u8]) -> Raw {
    let mut raw = wharf.connect().await;
    let length = format!("content-length: {}", content.len());
    raw.request(&format!("PATCH {}", upload.location), &[&length]).await;
    raw.send(&content[..PART]).await.unwrap();
    raw
}

/// The offset at which an upload goes on.
async fn offset(upload: &Upload) -> usize {
    let status = upload.status().await.is(204);
    status.header("range").strip_prefix("0-").unwrap().parse::<usize>().unwrap() + 1
}

async fn has_some(upload: &Upload) {
    let come = async { while offset(upload).await <= 1 {} };
    tokio::time::timeout(crate::support::client::PATIENCE, come).await.expect("bytes arrive");
}

#[tokio::test]
async fn an_upload_survives_the_kill_of_the_server_in_the_middle_of_a_patch() {
    let wharf = Wharf::start();
    let content = bytes(3_000_000, 10);
    let upload = wharf.repo("resume/kill").upload().await;
    upload.patch_at("0-9999", &content[..10_000]).await.is(202);
    let _stalled = stall(&wharf, &upload, &content[10_000..]).await;
    let come = async { while offset(&upload).await < 500_000 {} };
    tokio::time::timeout(crate::support::client::PATIENCE, come).await.expect("bytes arrive");

    let wharf = wharf.crash_and_restart();
    let upload = upload.at(wharf.client());
    let kept = offset(&upload).await;
    assert!((500_000..=10_000 + PART).contains(&kept), "{kept}");
    let range = format!("{kept}-{}", content.len() - 1);
    upload.patch_at(&range, &content[kept..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
    assert!(wharf.repo("resume/kill").blob(&sha256(&content)).await.is(200).body == content);
}

#[tokio::test]
async fn what_was_acknowledged_survives_the_kill_of_the_server() {
    let wharf = Wharf::start();
    let repo = wharf.repo("resume/acknowledged");
    let image = repo.push_image("latest", 1).await;
    let upload = repo.upload().await;
    upload.patch(b"abc").await.is(202);
    let wharf = wharf.crash_and_restart();
    assert_eq!(wharf.repo("resume/acknowledged").manifest("latest").await.is(200).body, image.bytes);
    let upload = upload.at(wharf.client());
    assert_eq!(upload.status().await.is(204).header("range"), "0-2");
    upload.finish(&sha256(b"abcdef"), b"def").await.is(201);
}

/// They have a file and no directory yet.
#[tokio::test]
async fn a_small_upload_that_was_begun_a_moment_ago_survives_the_kill_of_the_server_too() {
    let wharf = Wharf::start();
    let upload = wharf.repo("resume/small").upload().await;
    upload.patch(b"abc").await.is(202);
    upload.patch_at("3-4", b"de").await.is(202);
    let wharf = wharf.crash_and_restart();
    let upload = upload.at(wharf.client());
    assert_eq!(upload.status().await.is(204).header("range"), "0-4");
    upload.patch_at("4-4", b"x").await.refuses(416, "RANGE_INVALID");
    upload.patch_at("5-5", b"f").await.is(202);
    upload.finish(&sha256(b"abcdef"), b"").await.is(201);
    assert_eq!(wharf.repo("resume/small").blob(&sha256(b"abcdef")).await.is(200).body, b"abcdef");
    assert_eq!(Wharf::files_below(&wharf.repository("resume/small/_uploads")), [""; 0]);
}

#[tokio::test]
async fn an_upload_that_rests_has_the_directory_that_registry_2_knows() {
    for durability in ["barrier", "none"] {
        let wharf = Wharf::prepare().env("REGISTRY_STORAGE_FILESYSTEM_DURABILITY", durability).go();
        let upload = wharf.repo("resume/rests").upload().await;
        upload.patch(b"abc").await.is(202);
        let uploads = wharf.repository("resume/rests/_uploads");
        let expected = [format!("{}/data", upload.id), format!("{}/startedat", upload.id)];
        wharf.until(|| Wharf::files_below(&uploads) == expected).await;
        upload.finish(&sha256(b"abcdef"), b"def").await.is(201);
        assert_eq!(Wharf::files_below(&uploads), [""; 0]);
    }
}

#[tokio::test]
async fn what_arrived_before_the_client_went_away_is_kept() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("resume/disconnect");
    let content = bytes(2_000_000, 11);
    let upload = repo.upload().await;
    let stalled = stall(&wharf, &upload, &content).await;
    has_some(&upload).await;
    drop(stalled);
    // All of it, not only what had been written when the connection ended.
    upload.has_come_to(&format!("0-{}", PART - 1)).await;
    upload.patch_at(&format!("{PART}-1999999"), &content[PART..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
    assert!(repo.blob(&sha256(&content)).await.is(200).body == content);
}

#[tokio::test]
async fn a_chunk_that_breaks_off_is_kept_as_far_as_it_came() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("resume/chunk").upload().await;
    let mut raw = wharf.connect().await;
    raw.request(&format!("PATCH {}", upload.location), &["content-length: 6", "content-range: 0-5"]).await;
    raw.send(b"abcd").await.unwrap();
    drop(raw);
    upload.has_come_to("0-3").await;
    upload.patch_at("4-5", b"ef").await.is(202);
    upload.finish(&sha256(b"abcdef"), b"").await.is(201);
}

#[tokio::test]
async fn a_put_that_breaks_off_leaves_the_upload_where_it_came_to() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("resume/put").upload().await;
    let digest = sha256(b"abcdef");
    let mut raw = wharf.connect().await;
    let line = format!("PUT {}?digest={digest}", upload.location);
    raw.request(&line, &["content-length: 6"]).await;
    raw.send(b"abc").await.unwrap();
    drop(raw);
    upload.has_come_to("0-2").await;
    upload.finish(&digest, b"def").await.is(201);
}

#[tokio::test]
async fn a_later_patch_takes_over_from_one_that_stalls() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("resume/takeover");
    let content = bytes(2_000_000, 12);
    let upload = repo.upload().await;
    let mut stalled = stall(&wharf, &upload, &content).await;
    has_some(&upload).await;
    // The client does not know yet how far it came; asking in the middle of it need not be exact, the refusal is.
    let refused = upload.patch_at("1999999-1999999", b"x").await.refuses(416, "RANGE_INVALID");
    let kept: usize = refused.header("range").strip_prefix("0-").unwrap().parse().unwrap();
    let kept = kept + 1;
    assert!(kept <= PART);
    stalled.answer().await.refuses(409, "BLOB_UPLOAD_INVALID");
    upload.patch_at(&format!("{kept}-1999999"), &content[kept..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
    assert!(repo.blob(&sha256(&content)).await.is(200).body == content);
}

/// The later one may be the older one, which a slow network delivered late: its bytes would end up behind those of the other.
#[tokio::test]
async fn who_takes_over_has_to_say_where_its_bytes_belong() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("resume/blind");
    let content = bytes(2_000_000, 15);
    let upload = repo.upload().await;
    let mut stalled = stall(&wharf, &upload, &content).await;
    has_some(&upload).await;
    upload.patch(&content).await.refuses(409, "BLOB_UPLOAD_INVALID");
    stalled.answer().await.refuses(409, "BLOB_UPLOAD_INVALID");
    let kept = offset(&upload).await;
    assert!(kept <= PART);
    upload.patch_at(&format!("{kept}-1999999"), &content[kept..]).await.is(202);
    upload.finish(&sha256(&content), b"").await.is(201);
    assert!(repo.blob(&sha256(&content)).await.is(200).body == content);
}

#[tokio::test]
async fn giving_an_upload_up_ends_a_patch_that_stalls() {
    let wharf = Wharf::shared();
    let upload = wharf.repo("resume/cancel").upload().await;
    let mut stalled = stall(&wharf, &upload, &bytes(2_000_000, 13)).await;
    has_some(&upload).await;
    upload.cancel().await.is(204);
    stalled.answer().await.refuses(409, "BLOB_UPLOAD_INVALID");
    upload.status().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
    let left = Wharf::files_below(&wharf.repository("resume/cancel"));
    assert_eq!(left, [""; 0]);
}

#[tokio::test]
async fn a_post_that_breaks_off_leaves_nothing() {
    let wharf = Wharf::start();
    let content = bytes(2_000_000, 14);
    let uploads = wharf.repository("resume/post/_uploads");
    let mut raw = wharf.connect().await;
    let line = format!("POST /v2/resume/post/blobs/uploads/?digest={}", sha256(&content));
    raw.request(&line, &["content-length: 2000000"]).await;
    raw.send(&content[..PART]).await.unwrap();
    wharf.until(|| has_data(&uploads)).await;
    drop(raw);
    wharf.until(|| Wharf::files_below(&uploads).is_empty()).await;
}

fn has_data(uploads: &Path) -> bool {
    Wharf::files_below(uploads).iter().any(|file| file.ends_with("/data"))
}
