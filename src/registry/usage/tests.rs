//! Namespaces hold as much as they may and not more, whichever way it comes, and get room back.

use std::fs;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::registry::samples::{body, digest, image, name, new, open, push, put};
use crate::registry::{
    Actor, CollectionTerms, Effort, Everything, Incoming, Mount, MountFrom, Settings, Unfollowed, Untagged,
};
use crate::registry::{Precondition, Registry, RegistryError};

/// A registry where these namespaces may hold so much.
fn with(directory: &TempDir, quotas: &[(&str, u64)]) -> Registry {
    let quota = |(namespace, bytes): &(&str, u64)| Quota {
        key: format!("quota of {namespace}"),
        namespace: namespace.parse().map_or(Namespace::EachFirst, Namespace::Named),
        bytes: ByteSize(*bytes),
    };
    let quotas = Quotas(quotas.iter().map(quota).collect());
    open(directory.path(), Settings { quotas, ..Settings::default() })
}

fn bytes(length: usize, seed: u8) -> Vec<u8> {
    vec![seed; length]
}

/// What a namespace holds, counted.
async fn used(registry: &Registry, namespace: &str) -> u64 {
    let quotas = registry.quotas(&Everything).await.unwrap();
    let found = quotas.iter().find(|quota| quota.namespace.as_str() == namespace).unwrap();
    assert!(found.is_counted);
    found.used.0
}

fn announced(content: &[u8]) -> Incoming {
    Incoming { length: Some(content.len() as u64), body: body(content) }
}

/// The sentence of a refusal for want of room.
fn refusal<T: std::fmt::Debug>(result: Result<T>) -> String {
    match result {
        Err(error @ RegistryError::QuotaExceeded(_)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

async fn try_push(registry: &Registry, to: &str, content: &[u8]) -> Result<()> {
    registry.put_blob(&name(to), None, digest(content), announced(content)).await
}

#[tokio::test]
async fn content_counts_once_within_a_namespace_and_in_every_one_above() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 10_000), ("team/app", 10_000), ("other", 10_000)]);
    push(&registry, &name("team/app/web"), &bytes(1000, 1)).await;
    push(&registry, &name("team/db"), &bytes(1000, 1)).await;
    push(&registry, &name("team/app"), &bytes(500, 2)).await;
    push(&registry, &name("teams"), &bytes(300, 3)).await;
    for registry in [registry, with(&directory, &[("team", 10_000), ("team/app", 10_000), ("other", 10_000)])] {
        let used = [used(&registry, "team").await, used(&registry, "team/app").await, used(&registry, "other").await];
        assert_eq!(used, [1500, 1500, 0], "the second has just been started");
    }
}

#[tokio::test]
async fn the_narrowest_namespace_and_the_widest_both_refuse() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000), ("team/app", 100)]);
    assert!(refusal(try_push(&registry, "team/app", &bytes(101, 1)).await).contains("namespace team/app may hold"));
    push(&registry, &name("team/db"), &bytes(950, 2)).await;
    assert!(refusal(try_push(&registry, "team/app", &bytes(60, 3)).await).contains("namespace team may hold"));
    try_push(&registry, "team/app", &bytes(50, 4)).await.unwrap();
    assert_eq!(used(&registry, "team").await, 1000);
}

#[tokio::test]
async fn what_is_too_much_by_its_own_word_is_refused_before_a_byte_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    let unread = || Incoming { length: Some(1001), body: stream::poll_fn(|_| panic!("it was read")).boxed() };
    let team = name("team");
    let said = refusal(registry.put_blob(&team, None, digest("x"), unread()).await);
    assert_eq!(
        said,
        "namespace team may hold 1000 bytes and holds 0 bytes, so 1001 bytes more do not fit: delete what is not needed \
         there and have garbage collected, or ask an administrator to raise quota of team in the registry's configuration"
    );
    let upload = registry.start_upload(&team, None, Default::default()).await.unwrap();
    registry.append_upload(&team, upload.id, None, body(&bytes(10, 1))).await.unwrap();
    refusal(registry.append_upload(&team, upload.id, None, unread()).await);
    let chunk = crate::oci::ChunkRange::parse("10-1000").unwrap();
    let unread = Incoming { length: None, body: unread().body };
    refusal(registry.append_upload(&team, upload.id, Some(chunk), unread).await);
    assert_eq!(registry.upload_status(&team, upload.id).await.unwrap().offset, 10, "it can go on with less");
    let content = [bytes(10, 1), bytes(990, 2)].concat();
    registry.finish_upload(&team, upload.id, digest(&content), None, announced(&content[10..])).await.unwrap();
    assert_eq!(used(&registry, "team").await, 1000);
}

#[tokio::test]
async fn a_stream_of_unknown_length_is_refused_when_it_is_too_much_and_what_fits_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    let team = name("team");
    let upload = registry.start_upload(&team, None, Default::default()).await.unwrap();
    let pieces = (0..20).map(|_| Ok(Bytes::from(bytes(90, 1))));
    let said = refusal(registry.append_upload(&team, upload.id, None, stream::iter(pieces).boxed()).await);
    assert!(said.contains("holds 0 bytes, so 1.0 KiB more"), "what it has reserved itself is no one else's: {said}");
    assert_eq!(registry.upload_status(&team, upload.id).await.unwrap().offset, 990);
    // Nothing is reserved any more: only what is there counts.
    try_push(&registry, "team", &bytes(400, 2)).await.unwrap();
    let all = bytes(990, 1);
    refusal(registry.finish_upload(&team, upload.id, digest(&all), None, body(b"")).await);
    registry.cancel_upload(&team, upload.id).await.unwrap();
    assert_eq!(used(&registry, "team").await, 400);
}

#[tokio::test]
async fn a_mount_and_a_manifest_are_refused_too() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    let elsewhere = push(&registry, &name("elsewhere"), &bytes(600, 1)).await;
    let mount = || async { registry.mount_blob(&name("team/a"), &elsewhere, MountFrom::Anywhere).await };
    let config = push(&registry, &name("team"), &bytes(500, 2)).await;
    refusal(mount().await);
    let held = MountFrom::Repository(&name("team"));
    assert_eq!(registry.mount_blob(&name("team/a"), &config, held).await.unwrap(), Mount::Mounted, "it holds that");
    push(&registry, &name("team"), &bytes(400, 3)).await;
    let manifest = image(config, &[]);
    let length = manifest.to_string().len() as u64;
    assert!(length > 100, "the manifest does not fit");
    let said = refusal(registry.put_manifest(&name("team"), new(&manifest, &["1"])).await);
    assert!(said.contains(&format!("holds 900 bytes, so {length} bytes more")), "{said}");
    assert_eq!(used(&registry, "team").await, 900);
}

#[tokio::test]
async fn over_quota_what_is_held_can_be_pushed_again_and_deleted_and_nothing_can_be_added() {
    let directory = tempfile::tempdir().unwrap();
    let before = with(&directory, &[]);
    let team = name("team");
    let layer = push(&before, &team, &bytes(2000, 1)).await;
    let manifest = put(&before, &team, new(&image(layer, &[]), &["1"])).await;
    before.finish().await;
    let registry = with(&directory, &[("team", 1000)]);
    registry.count_quotas().await.unwrap();
    refusal(try_push(&registry, "team", b"x").await);
    try_push(&registry, "team/other", &bytes(2000, 1)).await.unwrap();
    put(&registry, &team, new(&image(layer, &[]), &["1", "2"])).await;
    let by = Actor::unknown();
    registry.delete_manifest(&team, &manifest, &Precondition::None, &by).await.unwrap();
    registry.delete_blob(&team, &layer, &by).await.unwrap();
    refusal(try_push(&registry, "team", b"x").await);
    registry.delete_blob(&name("team/other"), &layer, &by).await.unwrap();
    try_push(&registry, "team", &bytes(1000, 3)).await.unwrap();
    assert_eq!(used(&registry, "team").await, 1000);
}

#[tokio::test]
async fn a_collection_and_the_deletion_of_a_repository_make_room_and_what_comes_back_takes_it() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 3000)]);
    let (by, stop) = (Actor::unknown(), CancellationToken::new());
    let layer = push(&registry, &name("team/a"), &bytes(1500, 1)).await;
    let manifest = put(&registry, &name("team/a"), new(&image(layer, &[]), &["1"])).await;
    push(&registry, &name("team/b"), &bytes(1000, 2)).await;
    let other = put(&registry, &name("team/b"), new(&image(digest(bytes(1000, 2)), &[]), &["1"])).await;
    assert!(used(&registry, "team").await > 2500);
    registry.delete_manifest(&name("team/a"), &manifest, &Precondition::None, &by).await.unwrap();
    assert!(used(&registry, "team").await > 2500, "its layer is held until garbage is collected");
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let collected = registry.collect(terms, Effort::FULL, &by, &Unfollowed, &stop).await.unwrap();
    assert_eq!(collected.links, 1);
    let left = used(&registry, "team").await;
    assert!((1000..1500).contains(&left), "{left}");
    assert!(registry.holds_manifest(&name("team/b"), &other).await.unwrap());
    let batch = registry.delete_repository(&name("team/b"), &by).await.unwrap();
    assert_eq!(used(&registry, "team").await, 0);
    try_push(&registry, "team/c", &bytes(3000, 3)).await.unwrap();
    registry.restore_batch(&batch, &Actor::unknown()).await.unwrap();
    assert_eq!(used(&registry, "team").await, 3000 + left);
    refusal(try_push(&registry, "team/c", b"x").await);
}

#[tokio::test]
async fn of_two_pushes_at_once_that_do_not_fit_together_the_second_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    let (go_on, rest) = oneshot::channel::<Bytes>();
    let content = bytes(600, 1);
    let first = tokio::spawn({
        let (registry, content) = (registry.clone(), content.clone());
        let begun = stream::iter([Ok(Bytes::from(bytes(100, 1)))]);
        let slow = begun.chain(stream::once(async { Ok(rest.await.unwrap()) })).boxed();
        async move {
            let incoming = Incoming { length: Some(600), body: slow };
            registry.put_blob(&name("team/a"), None, digest(&content), incoming).await
        }
    });
    let reserved = async {
        while !registry.usage.lock().values().any(|ledger| ledger.reserved == 600) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reserved).await.unwrap();
    let said = refusal(try_push(&registry, "team/b", &bytes(401, 2)).await);
    assert!(said.contains("holds 0 bytes, with 600 bytes more under way, so 401 bytes more"), "{said}");
    go_on.send(Bytes::from(bytes(500, 1))).unwrap();
    first.await.unwrap().unwrap();
    try_push(&registry, "team/b", &bytes(400, 3)).await.unwrap();
    assert_eq!(used(&registry, "team").await, 1000);
    assert!(registry.usage.lock().values().all(|ledger| ledger.reserved == 0), "everything was given back");
}

#[tokio::test]
async fn a_push_that_breaks_off_gives_its_room_back() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    let broken = stream::iter([Ok(Bytes::from(bytes(100, 1))), Err("gone".into())]).boxed();
    let incoming = Incoming { length: Some(1000), body: broken };
    let error = registry.put_blob(&name("team"), None, digest("x"), incoming).await.unwrap_err();
    assert!(matches!(error, RegistryError::BodyBroken(_)), "{error:?}");
    let wrong = registry.put_blob(&name("team"), None, digest("x"), announced(&bytes(1000, 2))).await.unwrap_err();
    assert!(matches!(wrong, RegistryError::DigestMismatch { .. }), "{wrong:?}");
    try_push(&registry, "team", &bytes(1000, 3)).await.unwrap();
}

/// A count may take minutes. Nobody waits for it that long, or more than once for one body, and nothing is refused that
/// would fit.
#[tokio::test(start_paused = true)]
async fn who_waits_for_a_count_waits_once_and_is_let_through_if_it_is_not_over() {
    let directory = tempfile::tempdir().unwrap();
    let registry = with(&directory, &[("team", 1000)]);
    try_push(&registry, "team", &bytes(900, 1)).await.unwrap();
    assert_eq!(used(&registry, "team").await, 900);
    registry.delete_blob(&name("team"), &digest(bytes(900, 1)), &Actor::unknown()).await.unwrap();
    let others = registry.usage.counting.lock().await;
    let began = tokio::time::Instant::now();
    let content = bytes(500, 2);
    let pieces: Vec<_> = content.chunks(50).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    registry.put_blob(&name("team"), None, digest(&content), stream::iter(pieces).boxed()).await.unwrap();
    assert!(began.elapsed() < 2 * count::PATIENCE, "{:?}", began.elapsed());
    let known = registry.quotas_known();
    assert!(!known[0].is_counted);
    drop(others);
    assert_eq!(used(&registry, "team").await, 500);
    refusal(try_push(&registry, "team", &bytes(501, 3)).await);
}

#[tokio::test]
async fn a_star_is_about_each_first_part_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let before = with(&directory, &[]);
    push(&before, &name("old/app"), &bytes(900, 1)).await;
    before.finish().await;
    let registry = with(&directory, &[("*", 1000), ("big", 5000)]);
    refusal(try_push(&registry, "old/new", &bytes(101, 2)).await);
    try_push(&registry, "new/app", &bytes(1000, 3)).await.unwrap();
    try_push(&registry, "big/app", &bytes(2000, 4)).await.unwrap();
    let quotas = registry.quotas(&Everything).await.unwrap();
    let shown: Vec<_> = quotas.iter().map(|quota| (quota.namespace.as_str(), quota.used.0, quota.percent())).collect();
    assert_eq!(shown, [("big", 2000, 40), ("new", 1000, 100), ("old", 900, 90)]);
}

/// What registry:2 leaves behind when it deletes, or is stopped hard, holds nothing.
#[tokio::test]
async fn directories_without_links_and_empty_links_hold_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let before = with(&directory, &[]);
    let blobs = [push(&before, &name("a"), &bytes(700, 1)).await, push(&before, &name("a"), &bytes(50, 2)).await];
    before.finish().await;
    let link = |digest: &Digest| {
        directory.path().join(format!("docker/registry/v2/repositories/a/_layers/sha256/{}/link", digest.hex()))
    };
    fs::remove_file(link(&blobs[0])).unwrap();
    fs::write(link(&blobs[1]), "").unwrap();
    assert_eq!(used(&with(&directory, &[("a", 1000)]), "a").await, 0);
}
