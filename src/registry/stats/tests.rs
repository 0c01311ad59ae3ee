//! The figures of a volume whose contents are known.

use std::fs;
use std::time::{Duration, SystemTime};

use super::*;
use crate::registry::samples::{image, name, new, open, push, put};
use crate::registry::{Actor, JobResult, JobState, MountFrom, Namespace, Quota, Quotas, Registry, Settings};

async fn figures(registry: &Registry, below: Option<&str>) -> Statistics {
    let terms = StatisticsTerms { below: below.map(name), effort: Effort::FULL };
    let job = registry.start_statistics(Actor::unknown(), terms).unwrap();
    let over = async {
        loop {
            match registry.job(job.id).unwrap().state {
                JobState::Running => tokio::time::sleep(Duration::from_millis(1)).await,
                JobState::Done(JobResult::Statistics(found)) => return *found,
                other => panic!("{other:?}"),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), over).await.unwrap()
}

fn shares(shares: &[Share]) -> Vec<(&str, u64)> {
    shares.iter().map(|share| (share.repository.as_str(), share.bytes.0)).collect()
}

#[tokio::test]
async fn what_is_shared_is_stored_once_and_counted_in_each_repository() {
    let directory = tempfile::tempdir().unwrap();
    let quota = Quota { key: "q".into(), namespace: Namespace::Named(name("team")), bytes: ByteSize(1 << 20) };
    let settings = Settings { quotas: Quotas(vec![quota]), ..Settings::default() };
    let registry = open(directory.path(), settings.clone());
    let base = push(&registry, &name("team/a"), &[1; 10_000]).await;
    let old = push(&registry, &name("team/a"), &[2; 3_000]).await;
    registry.mount_blob(&name("team/b"), &base, MountFrom::Repository(&name("team/a"))).await.unwrap();
    let config = push(&registry, &name("team/b"), &[3; 500]).await;
    let one = image(base, &[old]);
    let other = image(config, &[base]);
    put(&registry, &name("team/a"), new(&one, &["1", "2"])).await;
    put(&registry, &name("team/b"), new(&other, &["1"])).await;
    registry.start_upload(&name("busy"), None, Default::default()).await.unwrap();
    push(&registry, &name("lone"), &[4; 70]).await;
    registry.delete_blob(&name("lone"), &crate::registry::samples::digest([4; 70]), &Actor::unknown()).await.unwrap();
    // It came twenty days ago.
    let link = format!("docker/registry/v2/repositories/team/a/_layers/sha256/{}/link", old.hex());
    let file = fs::File::options().write(true).open(directory.path().join(link)).unwrap();
    file.set_modified(SystemTime::now() - 20 * DAY).unwrap();
    registry.finish().await;
    let registry = open(directory.path(), settings);
    registry.start_upload(&name("busy"), None, Default::default()).await.unwrap();
    let (first, second) = (one.to_string().len() as u64, other.to_string().len() as u64);

    let found = figures(&registry, None).await;
    assert_eq!((found.repositories, found.tags, found.manifests, found.blobs), (2, 3, 2, 3));
    assert_eq!(found.bytes.0, 13_500 + first + second);
    assert_eq!(found.unshared.0, 23_500 + first + second);
    assert_eq!(shares(&found.largest), [("team/a", 13_000 + first), ("team/b", 10_500 + second)]);
    assert_eq!(shares(&found.growing_7_days), [("team/b", 10_500 + second), ("team/a", 10_000 + first)]);
    assert_eq!(shares(&found.growing_30_days), [("team/a", 13_000 + first), ("team/b", 10_500 + second)]);
    assert_eq!(found.uploads, 2, "one that is on disk and one that is only remembered");
    let volume = found.volume.unwrap();
    assert_eq!(volume.stored.0, 13_570 + first + second, "with what nobody holds");
    assert_eq!((volume.trash_batches, volume.trash.0), (0, 0));
    assert_eq!(volume.reclaimable, Reclaimable::Bytes(ByteSize(0)), "it is too young");
    assert_eq!(found.quotas.len(), 1);
    assert_eq!((found.quotas[0].used.0, found.quotas[0].is_counted), (13_500 + first + second, true));

    let found = figures(&registry, Some("team/b")).await;
    assert_eq!((found.repositories, found.bytes.0, found.unshared.0), (1, 10_500 + second, 10_500 + second));
    assert_eq!((found.volume, found.quotas, found.uploads), (None, vec![], 0));
}

#[tokio::test]
async fn what_a_collection_would_remove_is_reclaimable_and_then_in_the_trash() {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.collection.grace = Duration::ZERO;
    let registry = open(directory.path(), settings.clone());
    let blob = push(&registry, &name("a"), &[1; 1000]).await;
    registry.delete_blob(&name("a"), &blob, &Actor::unknown()).await.unwrap();
    registry.finish().await;
    let registry = open(directory.path(), settings.clone());
    let volume = figures(&registry, None).await.volume.unwrap();
    assert_eq!((volume.stored.0, volume.reclaimable), (1000, Reclaimable::Bytes(ByteSize(1000))));
    let terms = crate::registry::CollectionTerms {
        grace: Duration::ZERO,
        untagged: settings.collection.untagged,
        dry_run: false,
    };
    let stop = tokio_util::sync::CancellationToken::new();
    let follow = crate::registry::Unfollowed;
    registry.collect(terms, Effort::FULL, &Actor::unknown(), &follow, &stop).await.unwrap();
    let volume = figures(&registry, None).await.volume.unwrap();
    assert_eq!((volume.stored.0, volume.trash_batches, volume.trash.0), (0, 1, 1000));
    assert_eq!(volume.reclaimable, Reclaimable::Bytes(ByteSize(0)));
    let read_only = open(directory.path(), Settings { read_only: true, ..settings });
    let volume = figures(&read_only, None).await.volume.unwrap();
    assert!(matches!(volume.reclaimable, Reclaimable::Unknown(reason) if reason.contains("read-only")));
}

#[test]
fn a_list_has_the_ten_largest_in_order_and_none_that_is_nothing() {
    let mut list = Vec::new();
    for bytes in [5, 0, 20, 7, 1, 2, 3, 4, 6, 8, 9, 20, 10] {
        rank(&mut list, Share { repository: name("a"), bytes: ByteSize(bytes) });
    }
    assert_eq!(list.iter().map(|share| share.bytes.0).collect::<Vec<_>>(), [20, 20, 10, 9, 8, 7, 6, 5, 4, 3]);
}
