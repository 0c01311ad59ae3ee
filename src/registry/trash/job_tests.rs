//! Work on the trash that is stopped or fails in the middle says what it has done.

use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;

use super::*;
use crate::registry::samples::{image, name, new, push, put, serves_blob, tag};
use crate::registry::{
    CollectionTerms, Effort, ImmutableRule, ImmutableTags, JobState, Precondition, Settings, Unfollowed, Untagged,
};
use crate::storage::{self, Call, Filesystem, Watch};

/// At which call the work is stopped that this belongs to.
type StopAt = (fn(&Call<'_>) -> bool, CancellationToken);

/// A disk that stops somebody's work when it does something.
#[derive(Debug, Default)]
struct Stops(Mutex<Option<StopAt>>);

impl Watch for Stops {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let mut stops = self.0.lock().unwrap();
        if let Some((_, stop)) = stops.take_if(|(is_it, _)| is_it(&call)) {
            stop.cancel();
        }
        Ok(())
    }
}

fn registry(root: &Path) -> (Registry, Arc<Stops>) {
    let stops = Arc::new(Stops::default());
    let watch = Arc::clone(&stops) as Arc<dyn Watch>;
    let filesystem = Filesystem::open_watched(&storage::Settings::of(root), watch).unwrap();
    (Registry::new(Arc::new(filesystem), Settings::default()), stops)
}

/// Puts an image of three contents into the trash, by a collection.
async fn trashed(registry: &Registry, number: &str) -> BatchId {
    let app = name("team/app");
    let config = push(registry, &app, format!("config {number}").as_bytes()).await;
    let layer = push(registry, &app, format!("layer {number}").as_bytes()).await;
    put(registry, &app, new(&image(config, &[layer]), &[number])).await;
    registry.settle().await;
    registry.delete_tag(&app, &tag(number), &Precondition::None, &Actor::unknown()).await.unwrap();
    let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
    let stop = CancellationToken::new();
    let collected = registry.collect(terms, Effort::FULL, &Actor::unknown(), &Unfollowed, &stop).await.unwrap();
    assert_eq!(collected.swept, 3);
    collected.batch.unwrap()
}

#[tokio::test]
async fn a_restoration_that_is_stopped_is_done_again() {
    let directory = tempfile::tempdir().unwrap();
    let (registry, stops) = registry(directory.path());
    let id = trashed(&registry, "1").await;
    let stop = CancellationToken::new();
    let comes_back = |call: &Call<'_>| matches!(call, Call::Rename(_, path) if path.ends_with("data"));
    *stops.0.lock().unwrap() = Some((comes_back, stop.clone()));
    let restored = registry.restore_until(&id, &Actor::unknown(), &stop).await.unwrap();
    let Ended::Stopped(restored) = restored else { panic!("{restored:?}") };
    assert_eq!((restored.blobs, restored.manifests), (1, 0));
    let restored = registry.restore_batch(&id, &Actor::unknown()).await.unwrap();
    assert_eq!((restored.blobs, restored.manifests, &restored.lost[..]), (2, 1, &[][..]));
    assert!(serves_blob(&registry, &name("team/app"), &crate::registry::samples::digest("layer 1")).await);
}

#[tokio::test]
async fn an_emptying_that_is_stopped_says_what_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let (registry, stops) = registry(directory.path());
    trashed(&registry, "1").await;
    trashed(&registry, "2").await;
    let (stop, mut emptied) = (CancellationToken::new(), Emptied::default());
    let goes = |call: &Call<'_>| format!("{call:?}").contains("/data.");
    *stops.0.lock().unwrap() = Some((goes, stop.clone()));
    let now = SystemTime::now() + Duration::from_secs(1);
    let ended = registry.empty_into(Emptying::All, Duration::ZERO, now, &stop, &mut emptied).await;
    assert!(matches!(ended, Err(RegistryError::Stopped)), "{ended:?}");
    assert_eq!((emptied.batches, emptied.blobs), (1, 3));
    assert_eq!(registry.trash().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_deletion_that_fails_names_what_it_has_deleted_before() {
    let directory = tempfile::tempdir().unwrap();
    let rule = ImmutableRule {
        key: "tags.immutable[0]".to_owned(),
        repositories: vec!["team/kept".parse().unwrap()],
        tags: vec!["*".parse().unwrap()],
        except: Vec::new(),
    };
    let settings = Settings { immutable_tags: ImmutableTags(vec![rule]), ..Settings::default() };
    let registry = crate::registry::samples::open(directory.path(), settings);
    for repository in ["team/app", "team/kept", "team/other"] {
        put(&registry, &name(repository), new(&crate::registry::samples::index(&[]), &["1"])).await;
    }
    let id = registry.start_deletion(Actor::unknown(), name("team")).unwrap().id;
    let over = async {
        loop {
            match registry.job(id).unwrap().state {
                JobState::Running => tokio::task::yield_now().await,
                state => break state,
            }
        }
    };
    let JobState::Failed { reason, done: Some(JobResult::RepositoryDeletion(deleted)) } = over.await else { panic!() };
    assert!(reason.contains("team/kept"), "{reason}");
    let [(repository, batch)] = &deleted[..] else { panic!("{deleted:?}") };
    assert_eq!(*repository, name("team/app"));
    registry.restore_batch(batch, &Actor::unknown()).await.unwrap();
}
