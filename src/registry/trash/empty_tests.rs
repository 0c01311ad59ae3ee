//! Nothing is emptied that is not known to be done with.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::registry::samples::{image, name, new, open, push, put, serves_manifest, tag, volume};
use crate::registry::{Actor, CollectionTerms, Effort, Precondition, Settings, Unfollowed, Untagged};

const HOUR: Duration = Duration::from_secs(3600);

async fn empty(registry: &Registry, which: Option<&BatchId>, later: Duration) -> Result<Emptied> {
    let now = SystemTime::now() + later;
    let which = which.map_or(Emptying::All, Emptying::One);
    registry.empty_trash(which, Duration::ZERO, now, &CancellationToken::new()).await
}

async fn collect(registry: &Registry) -> Option<BatchId> {
    registry.settle().await;
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let (stop, by) = (CancellationToken::new(), Actor::unknown());
    registry.collect(terms, Effort::FULL, &by, &Unfollowed, &stop).await.unwrap().batch
}

fn log(volume: &TempDir, id: &BatchId) -> PathBuf {
    volume.path().join(layout::batch_log(id).as_str())
}

#[tokio::test]
async fn a_batch_that_is_just_being_written_is_not_emptied() {
    let (directory, registry) = volume();
    let id = BatchId::new(OffsetDateTime::now_utc());
    let log = log(&directory, &id);
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(log.with_extension("0196f0c4-5f5f-4a7e-8a35-2d9b3c1f8f11.tmp"), "{").unwrap();
    assert_eq!(empty(&registry, None, HOUR).await.unwrap(), Emptied::default());
    assert!(matches!(empty(&registry, Some(&id), HOUR).await, Err(RegistryError::BatchUnknown(_))));
    assert!(log.parent().unwrap().exists());
    // It never was: a crash has left it.
    assert_eq!(empty(&registry, None, HOUR * 7).await.unwrap().batches, 1);
    assert!(!log.parent().unwrap().exists());
}

#[tokio::test]
async fn a_batch_goes_by_itself_only_behind_a_collection_that_began_later() {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), Settings { delete_enabled: true, ..Settings::default() });
    let (keep, later) = (HOUR, SystemTime::now() + 2 * HOUR);
    let due = async || {
        let stop = CancellationToken::new();
        registry.empty_trash(Emptying::Due, keep, later, &stop).await.unwrap().batches
    };
    push(&registry, &name("team"), b"nobody needs it").await;
    assert!(collect(&registry).await.is_some());
    assert_eq!(due().await, 0);
    assert!(collect(&registry).await.is_none());
    assert_eq!(due().await, 1);
}

#[tokio::test]
async fn one_batch_is_emptied_only_if_it_is_as_old_as_was_asked_for() {
    let (_directory, registry) = volume();
    push(&registry, &name("team"), b"nobody needs it").await;
    let batch = collect(&registry).await.unwrap();
    let (now, stop) = (SystemTime::now(), CancellationToken::new());
    let old = registry.empty_trash(Emptying::One(&batch), HOUR, now, &stop).await.unwrap();
    assert_eq!(old, Emptied::default());
    assert_eq!(empty(&registry, Some(&batch), Duration::ZERO).await.unwrap().batches, 1);
}

#[tokio::test]
async fn a_repository_stays_in_the_trash_if_nobody_knows_what_has_put_it_there() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    put(&registry, &app, new(&image(layer, &[]), &["v1"])).await;
    let id = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    let text = fs::read_to_string(log(&directory, &id)).unwrap();
    // As a later version may write it; without its log; and empty.
    let later = text.replace("repository-deletion", "repository-retirement");
    for damaged in [Some(later.as_str()), None, Some("")] {
        match damaged {
            Some(damaged) => fs::write(log(&directory, &id), damaged).unwrap(),
            None => fs::remove_file(log(&directory, &id)).unwrap(),
        }
        assert_eq!(empty(&registry, None, HOUR * 1000).await.unwrap(), Emptied::default());
        let refused = empty(&registry, Some(&id), HOUR * 1000).await.unwrap_err().to_string();
        assert!(refused.contains("cannot be read") && refused.contains(id.as_str()), "{refused}");
        assert!(registry.restore_batch(&id, &Actor::unknown()).await.is_err());
    }
    fs::write(log(&directory, &id), text).unwrap();
    // The second try has brought back what could be read.
    assert!(serves_manifest(&registry, &app, tag("v1")).await);
    assert_eq!(empty(&registry, None, HOUR).await.unwrap().batches, 1);
}

#[tokio::test]
async fn a_batch_is_neither_emptied_nor_done_with_if_a_line_of_it_cannot_be_read() {
    let (directory, registry) = volume();
    let app = name("team/app");
    for layer in [&b"one"[..], b"two", b"three"] {
        push(&registry, &app, layer).await;
    }
    let id = collect(&registry).await.unwrap();
    let text = fs::read_to_string(log(&directory, &id)).unwrap();
    let line = text.lines().position(|line| line.contains("\"blob\"")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[line] = "\0\0\0\0";
    fs::write(log(&directory, &id), format!("{}\n", lines.join("\n"))).unwrap();
    assert_eq!(empty(&registry, None, HOUR).await.unwrap(), Emptied::default());
    let refused = empty(&registry, Some(&id), HOUR).await.unwrap_err().to_string();
    assert!(refused.contains(&format!("line {}", line + 1)), "{refused}");
    assert_eq!(registry.trash().await.unwrap()[0].blobs, 2);
    // What can be read comes back, and the batch stays for what cannot.
    assert!(registry.restore_batch(&id, &Actor::unknown()).await.is_err());
    assert!(log(&directory, &id).exists());
    fs::write(log(&directory, &id), text).unwrap();
    registry.restore_batch(&id, &Actor::unknown()).await.unwrap();
    assert!(!log(&directory, &id).exists());
}

#[tokio::test]
async fn a_manifest_of_hundreds_of_tags_comes_back_with_all_of_them() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let layer = push(&registry, &app, b"layer").await;
    let tags: Vec<String> = (0..300).map(|n| format!("v{n}")).collect();
    let named: Vec<&str> = tags.iter().map(String::as_str).collect();
    let manifest = put(&registry, &app, new(&image(layer, &[]), &named)).await;
    registry.delete_manifest(&app, &manifest, &Precondition::None, &Actor::unknown()).await.unwrap();
    let [batch] = &registry.trash().await.unwrap()[..] else { panic!() };
    assert_eq!(batch.manifests, 1);
    let restored = registry.restore_batch(&batch.id, &Actor::unknown()).await.unwrap();
    assert_eq!((restored.manifests, restored.tags), (1, 300));
    assert!(serves_manifest(&registry, &app, tag("v299")).await);
}
