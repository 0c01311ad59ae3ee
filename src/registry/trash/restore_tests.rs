//! What comes back is whole, and leaves nothing in the trash that nobody knows of.

use std::fs;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::oci::Tag;
use crate::registry::samples::{
    digest, image, index, name, new, open, push, put, serves_blob, serves_manifest, tag, volume,
};
use crate::registry::{CollectionTerms, Effort, Emptying, Precondition, Unfollowed, Untagged};

async fn collect(registry: &Registry) -> Option<BatchId> {
    registry.settle().await;
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let (stop, by) = (CancellationToken::new(), Actor::unknown());
    registry.collect(terms, Effort::FULL, &by, &Unfollowed, &stop).await.unwrap().batch
}

async fn restore(registry: &Registry, id: &BatchId) -> Restored {
    registry.restore_batch(id, &Actor::unknown()).await.unwrap()
}

async fn empty(registry: &Registry, id: &BatchId) {
    let (now, stop) = (SystemTime::now(), CancellationToken::new());
    registry.empty_trash(Emptying::One(id), Duration::ZERO, now, &stop).await.unwrap();
}

async fn delete(registry: &Registry, repository: &RepositoryName, digest: &Digest) -> BatchId {
    let before: Vec<BatchId> = registry.batches().await.unwrap();
    registry.delete_manifest(repository, digest, &Precondition::None, &Actor::unknown()).await.unwrap();
    registry.batches().await.unwrap().into_iter().find(|id| !before.contains(id)).unwrap()
}

/// Deletes a repository, and loses a content for good, as a registry finds it that knows nothing yet.
async fn delete_and_lose(
    volume: &TempDir,
    registry: &Registry,
    repository: &RepositoryName,
    content: &Digest,
) -> (BatchId, Registry) {
    registry.settle().await;
    let batch = registry.delete_repository(repository, &Actor::unknown()).await.unwrap();
    fs::remove_file(volume.path().join(layout::blob(content).as_str())).unwrap();
    (batch, open(volume.path(), Default::default()))
}

/// What stands in the directory of a content.
fn beside(volume: &TempDir, digest: &Digest) -> Vec<String> {
    let entries = fs::read_dir(volume.path().join(layout::blob_directory(digest).as_str()));
    let mut names: Vec<String> =
        entries.into_iter().flatten().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// An index of two images with a layer each, and its children.
async fn push_index(registry: &Registry, repository: &RepositoryName, tags: &[&str]) -> (Digest, [Digest; 2]) {
    let mut children = Vec::new();
    for platform in ["arm", "amd"] {
        let layer = push(registry, repository, format!("layer for {platform}").as_bytes()).await;
        children.push(put(registry, repository, new(&image(layer, &[layer]), &[])).await);
    }
    let whole = put(registry, repository, new(&index(&children), tags)).await;
    (whole, children.try_into().unwrap())
}

#[tokio::test]
async fn a_copy_of_what_was_pushed_again_goes_with_the_batch_that_is_brought_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    let batch = collect(&registry).await.unwrap();
    push(&registry, &app, b"layer").await;
    registry.settle().await;
    assert_eq!(beside(&directory, &layer), ["data".to_owned(), format!("data.{batch}")]);
    restore(&registry, &batch).await;
    assert_eq!(beside(&directory, &layer), ["data"]);
    assert_eq!(registry.trash().await.unwrap(), []);
}

#[tokio::test]
async fn what_two_batches_have_comes_from_the_one_that_is_brought_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    let first = collect(&registry).await.unwrap();
    push(&registry, &app, b"layer").await;
    let second = collect(&registry).await.unwrap();
    assert_eq!(restore(&registry, &first).await.blobs, 1);
    assert_eq!(beside(&directory, &layer), ["data".to_owned(), format!("data.{second}")]);
    empty(&registry, &second).await;
    assert_eq!(beside(&directory, &layer), ["data"]);
    assert!(serves_blob(&registry, &app, &layer).await);
}

#[tokio::test]
async fn an_index_comes_back_with_what_was_collected_behind_it() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let (inner, children) = push_index(&registry, &app, &[]).await;
    let outer = put(&registry, &app, new(&index(&[inner, children[0]]), &["all"])).await;
    let batch = delete(&registry, &app, &outer).await;
    collect(&registry).await.unwrap();
    for digest in [inner, children[0], children[1]] {
        assert!(!serves_manifest(&registry, &app, digest).await);
    }
    let restored = restore(&registry, &batch).await;
    assert_eq!((restored.manifests, restored.tags, &restored.lost[..]), (4, 1, &[][..]));
    for digest in [outer, inner, children[0], children[1]] {
        assert!(serves_manifest(&registry, &app, digest).await, "{digest}");
    }
    for layer in ["layer for arm", "layer for amd"] {
        assert!(serves_blob(&registry, &app, &digest(layer)).await, "{layer}");
    }
    assert!(serves_manifest(&registry, &app, tag("all")).await);
}

#[tokio::test]
async fn no_tag_is_set_on_what_cannot_be_pulled_and_the_batch_stays() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let (inner, children) = push_index(&registry, &app, &[]).await;
    let outer = put(&registry, &app, new(&index(&[inner]), &["all"])).await;
    let batch = delete(&registry, &app, &outer).await;
    let collected = collect(&registry).await.unwrap();
    // Of what was collected the batch is gone, and of the outer index alone somebody else has the content.
    empty(&registry, &collected).await;
    push(&registry, &name("other"), index(&[inner]).to_string().as_bytes()).await;
    let restored = restore(&registry, &batch).await;
    assert_eq!((restored.tags, &restored.lost[..]), (0, &[(app.clone(), inner)][..]));
    assert_eq!(registry.resolve(&app, &tag("all")).await.unwrap(), None);
    // What was lost is pushed again.
    assert_eq!(push_index(&registry, &app, &[]).await, (inner, children));
    let restored = restore(&registry, &batch).await;
    assert_eq!((restored.tags, &restored.lost[..]), (1, &[][..]));
    assert!(serves_manifest(&registry, &app, tag("all")).await);
    assert!(!registry.batches().await.unwrap().contains(&batch));
}

#[tokio::test]
async fn an_index_is_not_whole_if_what_it_lists_lacks_a_layer() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let (whole, children) = push_index(&registry, &app, &["all"]).await;
    let batch = delete(&registry, &app, &whole).await;
    collect(&registry).await.unwrap();
    let lost = digest("layer for arm");
    fs::remove_dir_all(directory.path().join(layout::blob_directory(&lost).as_str())).unwrap();
    let restored = restore(&registry, &batch).await;
    assert_eq!((restored.manifests, restored.tags, &restored.lost[..]), (3, 0, &[(app.clone(), lost)][..]));
    assert!(serves_manifest(&registry, &app, children[1]).await);
    assert_eq!(registry.resolve(&app, &tag("all")).await.unwrap(), None);
}

#[tokio::test]
async fn of_a_repository_comes_back_what_is_left_and_nothing_that_leads_nowhere() {
    let (directory, registry) = volume();
    let (app, other) = (name("team/app"), name("team/other"));
    let kept = push(&registry, &app, b"kept").await;
    let gone = push(&registry, &app, b"gone").await;
    let lost = put(&registry, &app, new(&image(gone, &[gone]), &["lost"])).await;
    let above = put(&registry, &app, new(&index(&[lost]), &["above"])).await;
    let whole = put(&registry, &app, new(&image(kept, &[kept]), &["whole"])).await;
    // Somebody else holds these.
    put(&registry, &other, new(&index(&[]), &["v1"])).await;
    push(&registry, &other, b"kept").await;
    put(&registry, &other, new(&image(kept, &[kept]), &["v2"])).await;
    let batch = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    let collected = collect(&registry).await.unwrap();
    empty(&registry, &collected).await;
    let restored = restore(&registry, &batch).await;
    let mut expected = vec![(app.clone(), lost), (app.clone(), above)];
    expected.sort();
    assert_eq!(restored.lost, expected);
    assert!(serves_manifest(&registry, &app, tag("whole")).await);
    assert!(serves_manifest(&registry, &app, whole).await);
    for key in [
        layout::revision_link(&app, &lost),
        layout::revision_link(&app, &above),
        layout::layer_link(&app, &gone),
        layout::tag_current(&app, &tag("lost")),
        layout::tag_current(&app, &tag("above")),
    ] {
        assert!(!directory.path().join(key.as_str()).exists(), "{key}");
    }
    // Nothing leads nowhere, so garbage can be collected.
    collect(&registry).await;
    // What was lost is pushed again, and the rest comes back behind it.
    push(&registry, &app, b"gone").await;
    put(&registry, &app, new(&image(gone, &[gone]), &[])).await;
    assert_eq!(restore(&registry, &batch).await.lost, [(app.clone(), above)]);
    let tags: [Tag; 2] = [tag("lost"), tag("whole")];
    for of in tags {
        assert!(serves_manifest(&registry, &app, of).await);
    }
}

#[tokio::test]
async fn a_tag_stays_in_the_trash_however_often_what_is_not_whole_is_brought_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let (config, layer) = (push(&registry, &app, b"config").await, push(&registry, &app, b"layer").await);
    let child = put(&registry, &app, new(&image(config, &[layer]), &[])).await;
    put(&registry, &app, new(&index(&[child]), &["all"])).await;
    put(&registry, &app, new(&image(layer, &[]), &["one"])).await;
    let (batch, registry) = delete_and_lose(&directory, &registry, &app, &layer).await;
    for _ in 0..2 {
        assert_eq!(restore(&registry, &batch).await.lost, [(app.clone(), layer)]);
        assert!(registry.holds_manifest(&app, &child).await.unwrap());
        for of in ["one", "all"] {
            assert_eq!(registry.resolve(&app, &tag(of)).await.unwrap(), None);
        }
    }
    push(&registry, &app, b"layer").await;
    assert_eq!(restore(&registry, &batch).await.lost, []);
    for of in ["one", "all"] {
        assert!(serves_manifest(&registry, &app, tag(of)).await);
    }
    assert_eq!(registry.batches().await.unwrap(), []);
}

#[tokio::test]
async fn a_tag_stays_in_the_trash_if_its_manifest_was_deleted_since() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let (config, layer) = (push(&registry, &app, b"config").await, push(&registry, &app, b"layer").await);
    let manifest = put(&registry, &app, new(&image(config, &[layer]), &["v1"])).await;
    let (batch, registry) = delete_and_lose(&directory, &registry, &app, &layer).await;
    assert_eq!(restore(&registry, &batch).await.lost, [(app.clone(), layer)]);
    delete(&registry, &app, &manifest).await;
    push(&registry, &app, b"layer").await;
    assert_eq!(restore(&registry, &batch).await.lost, [(app.clone(), manifest)]);
    assert_eq!(registry.resolve(&app, &tag("v1")).await.unwrap(), None);
    put(&registry, &app, new(&image(config, &[layer]), &[])).await;
    assert_eq!(restore(&registry, &batch).await.lost, []);
    assert!(serves_manifest(&registry, &app, tag("v1")).await);
}

#[tokio::test]
async fn a_batch_stays_as_long_as_anything_of_it_is_lost() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let (config, layer) = (push(&registry, &app, b"config").await, push(&registry, &app, b"layer").await);
    put(&registry, &app, new(&image(config, &[layer]), &[])).await;
    let (batch, registry) = delete_and_lose(&directory, &registry, &app, &layer).await;
    for _ in 0..2 {
        assert_eq!(restore(&registry, &batch).await.lost, [(app.clone(), layer)]);
    }
    push(&registry, &name("team/other"), b"layer").await;
    registry.settle().await;
    assert_eq!(restore(&registry, &batch).await.lost, []);
    assert!(serves_blob(&registry, &app, &layer).await);
}

/// What is not there is not counted, so a rule that asks for pulls would take what was in the trash for unused.
#[tokio::test]
async fn it_is_not_known_what_was_pulled_of_a_repository_before_it_came_back() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    put(&registry, &app, new(&index(&[]), &["v1"])).await;
    let batch = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    // It is known to the second.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    let before = SystemTime::now() - Duration::from_secs(1);
    assert!(registry.pulls(&app).await.unwrap().since() < before);
    restore(&registry, &batch).await;
    assert!(registry.pulls(&app).await.unwrap().since() >= before);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_what_is_in_the_trash_at_the_same_time_gets_it() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let batch: BatchId = "20010909T014640.000Z-1f2e3d4c".parse().unwrap();
    for number in 0..64 {
        let layer = push(&registry, &app, format!("layer {number}").as_bytes()).await;
        registry.settle().await;
        let (place, trashed) = (layout::blob(&layer), layout::trashed_blob(&layer, &batch));
        fs::rename(directory.path().join(place.as_str()), directory.path().join(trashed.as_str())).unwrap();
        let asking = (0..8).map(|_| {
            let registry = registry.clone();
            tokio::spawn(async move { registry.stat_content(&layer).await.map(|meta| meta.size) })
        });
        for asked in futures_util::future::join_all(asking).await {
            asked.unwrap().unwrap();
        }
    }
}

#[tokio::test]
async fn a_manifest_that_lies_in_the_trash_is_read_from_there() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    let manifest = put(&registry, &app, new(&image(layer, &[layer]), &["v1"])).await;
    let batch: BatchId = "20010909T014640.000Z-1f2e3d4c".parse().unwrap();
    let trashed = layout::trashed_blob(&manifest, &batch);
    fs::rename(directory.path().join(layout::blob(&manifest).as_str()), directory.path().join(trashed.as_str()))
        .unwrap();
    let registry = open(directory.path(), Default::default());
    assert!(serves_manifest(&registry, &app, tag("v1")).await);
    assert_eq!(beside(&directory, &manifest), ["data"]);
}

#[tokio::test]
async fn a_repository_of_which_nothing_is_left_is_not_said_to_be_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    let manifest = put(&registry, &app, new(&image(layer, &[layer]), &["v1"])).await;
    let batch = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    let collected = collect(&registry).await.unwrap();
    empty(&registry, &collected).await;
    let restored = restore(&registry, &batch).await;
    assert_eq!((&restored.repositories[..], &restored.lost[..]), (&[][..], &[(app.clone(), manifest)][..]));
    assert!(!directory.path().join(layout::repository(&app).as_str()).exists());
}
