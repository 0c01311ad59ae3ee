//! Mounts: a blob that another repository holds, without sending it again.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::content::{NOTHING, sha512};
use crate::support::repository::Repository;

async fn mount(repo: &Repository, query: &str) -> Answer {
    let request = repo.request(Method::POST, &format!("blobs/uploads/?{query}"));
    request.send().await
}

#[tokio::test]
async fn a_blob_is_mounted_from_a_repository_that_holds_it() {
    let wharf = Wharf::shared();
    let digest = wharf.repo("mounts/source").push_blob(b"to be mounted").await;
    let target = wharf.repo("mounts/target");
    let answer = mount(&target, &format!("mount={digest}&from=mounts/source")).await.is(201);
    assert_eq!(answer.header("location"), format!("/v2/mounts/target/blobs/{digest}"));
    assert_eq!(answer.header("docker-content-digest"), digest);
    assert_eq!(answer.header("content-length"), "0");
    assert_eq!(target.blob(&digest).await.is(200).body, b"to be mounted");
    assert!(!wharf.repository("mounts/target/_uploads").exists());
    // A mount is not a borrowing: the source may let go.
    wharf.repo("mounts/source").delete(&format!("blobs/{digest}")).await.is(202);
    target.blob(&digest).await.is(200);
}

#[tokio::test]
async fn the_source_may_be_percent_encoded() {
    let wharf = Wharf::shared();
    let digest = wharf.repo("mounts/encoded").push_blob(b"encoded").await;
    let query = format!("mount={}&from=mounts%2Fencoded", digest.replace(':', "%3A"));
    mount(&wharf.repo("mounts/decoded"), &query).await.is(201);
}

#[tokio::test]
async fn a_blob_is_mounted_without_a_source_if_anybody_pushed_it() {
    let wharf = Wharf::shared();
    let digest = wharf.repo("mounts/anybody").push_blob(b"anybody's").await;
    let target = wharf.repo("mounts/anywhere");
    mount(&target, &format!("mount={digest}")).await.is(201);
    target.blob(&digest).await.is(200);
}

#[tokio::test]
async fn a_mount_that_cannot_be_is_an_upload() {
    let wharf = Wharf::shared();
    let held = wharf.repo("mounts/held").push_blob(b"held elsewhere").await;
    let target = wharf.repo("mounts/upload");
    for query in [
        format!("mount={NOTHING}&from=mounts/held"),
        format!("mount={NOTHING}"),
        format!("mount={held}&from=mounts/absent"),
        format!("mount={held}&from=mounts/upload"),
        format!("mount={held}&from=Not..A..Name"),
        format!("mount={held}&from="),
        format!("mount={}&from=mounts/held", sha512(b"held elsewhere")),
    ] {
        let answer = mount(&target, &query).await.is(202);
        assert_eq!(answer.header("range"), "0-0", "{query}");
        let location = answer.header("location");
        assert_eq!(location, format!("/v2/mounts/upload/blobs/uploads/{}", answer.header("docker-upload-uuid")));
        target.client().get(location).await.is(204);
    }
    target.blob(&held).await.refuses(404, "BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_mount_of_a_sha512_that_failed_goes_on_as_an_upload_of_it() {
    let repo = Wharf::shared().repo("mounts/sha512");
    let digest = sha512(b"content");
    let upload = repo.upload_with(&format!("?mount={digest}&from=mounts/none")).await;
    upload.finish(&digest, b"content").await.is(201);
    assert_eq!(repo.blob(&digest).await.is(200).body, b"content");
}
