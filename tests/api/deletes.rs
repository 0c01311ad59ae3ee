//! Deleting manifests and tags.

use crate::support::Wharf;
use crate::support::content::{Manifest, NOTHING};

#[tokio::test]
async fn deleting_a_tag_leaves_the_manifest_and_its_other_tags() {
    let repo = Wharf::shared().repo("deletes/tag");
    let image = repo.push_image("one", 30).await;
    repo.put("two", &image).await.is(201);
    let answer = repo.delete("manifests/one").await.is(202);
    assert_eq!(answer.header("content-length"), "0");
    repo.manifest("one").await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete("manifests/one").await.refuses(404, "MANIFEST_UNKNOWN");
    assert_eq!(repo.manifest(&image.digest()).await.is(200).body, image.bytes);
    assert_eq!(repo.manifest("two").await.is(200).body, image.bytes);
    assert_eq!(repo.tags().await, ["two"]);
}

#[tokio::test]
async fn deleting_by_digest_takes_all_tags_of_the_manifest_and_no_other() {
    let repo = Wharf::shared().repo("deletes/digest");
    let image = repo.push_image("one", 31).await;
    repo.put("two", &image).await.is(201);
    let other = repo.push_image("moved", 31_000).await;
    // A tag that pointed here once is not one of its tags.
    repo.put("moved", &image).await.is(201);
    repo.put("moved", &other).await.is(201);
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    for reference in ["one", "two", &image.digest()] {
        repo.manifest(reference).await.refuses(404, "MANIFEST_UNKNOWN");
    }
    assert_eq!(repo.tags().await, ["moved"]);
    assert_eq!(repo.manifest("moved").await.is(200).body, other.bytes);
    repo.delete(&format!("manifests/{}", image.digest())).await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete(&format!("manifests/{NOTHING}")).await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_deleted_manifest_can_be_pushed_again() {
    let repo = Wharf::shared().repo("deletes/again");
    let image = repo.push_image("latest", 32).await;
    for _ in 0..3 {
        repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
        repo.put("latest", &image).await.is(201);
        assert_eq!(repo.manifest("latest").await.is(200).body, image.bytes);
    }
}

#[tokio::test]
async fn a_repository_whose_last_tag_is_gone_has_none() {
    let repo = Wharf::shared().repo("deletes/last");
    repo.push_image("latest", 33).await;
    repo.delete("manifests/latest").await.is(202);
    assert_eq!(repo.tags().await, [""; 0]);
}

#[tokio::test]
async fn deleting_in_one_repository_leaves_the_other_alone() {
    let wharf = Wharf::shared();
    let (here, there) = (wharf.repo("deletes/here"), wharf.repo("deletes/there"));
    let image = here.push_image("latest", 34).await;
    there.push_image("latest", 34).await;
    here.delete(&format!("manifests/{}", image.digest())).await.is(202);
    here.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN");
    assert_eq!(there.manifest("latest").await.is(200).body, image.bytes);
}

#[tokio::test]
async fn a_child_may_be_deleted_from_an_index_that_stays() {
    let repo = Wharf::shared().repo("deletes/child");
    let child = repo.push_image("child", 35).await;
    let index = Manifest::index(&[&child]);
    repo.put("index", &index).await.is(201);
    repo.delete(&format!("manifests/{}", child.digest())).await.is(202);
    assert_eq!(repo.manifest("index").await.is(200).body, index.bytes);
    repo.put("again", &index).await.refuses(404, "MANIFEST_BLOB_UNKNOWN");
}

/// S6: nothing that was read before is still served after the delete.
#[tokio::test]
async fn what_was_read_before_is_gone_after_the_delete() {
    let repo = Wharf::shared().repo("deletes/warm");
    let image = repo.push_image("latest", 36).await;
    let digest = repo.push_blob(b"warm").await;
    for _ in 0..3 {
        repo.manifest("latest").await.is(200);
        repo.manifest(&image.digest()).await.is(200);
        repo.blob(&digest).await.is(200);
    }
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    repo.delete(&format!("blobs/{digest}")).await.is(202);
    repo.manifest("latest").await.refuses(404, "MANIFEST_UNKNOWN");
    repo.manifest(&image.digest()).await.refuses(404, "MANIFEST_UNKNOWN");
    repo.blob(&digest).await.refuses(404, "BLOB_UNKNOWN");
    repo.head(&format!("blobs/{digest}")).await.is(404);
    assert_eq!(repo.tags().await, [""; 0]);
}

/// The first registries 2.x linked manifests as blobs.
#[tokio::test]
async fn a_manifest_that_is_held_as_a_blob_is_gone_with_the_blob() {
    let wharf = Wharf::prepare().env("REGISTRY_STORAGE_DELETE_ENABLED", "true").go();
    let repo = wharf.repo("deletes/as-blob");
    let image = repo.prepare_image(201).await;
    let digest = repo.push_blob(&image.bytes).await;
    wharf.has_settled(&digest).await;
    assert_eq!(repo.manifest(&digest).await.is(200).body, image.bytes);
    repo.delete(&format!("blobs/{digest}")).await.is(202);
    repo.manifest(&digest).await.refuses(404, "MANIFEST_UNKNOWN");
}
