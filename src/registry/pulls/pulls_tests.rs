//! What is counted as a pull, and what is left of it.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::registry::samples::{index, name, new, open, put, tag, volume};
use crate::registry::{Actor, NewManifest, Precondition, Settings};
use crate::storage::{self, Call, Filesystem, Watch};

fn numbered(number: u64, tags: &[&str]) -> NewManifest {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    new(&manifest, tags)
}

async fn pull(registry: &Registry, repository: &str, reference: impl Into<Reference>) {
    registry.pull_manifest(&name(repository), &reference.into()).await.unwrap();
}

/// How often a tag was pulled that points there.
async fn count(registry: &Registry, repository: &str, of: &str, digest: &Digest) -> u64 {
    let pulls = registry.pulls(&name(repository)).await.unwrap();
    pulls.of(&tag(of), digest).map_or(0, |pulled| pulled.pulls)
}

#[tokio::test]
async fn pulls_are_counted_by_tag_and_by_digest_and_survive_the_end() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let one = put(&registry, &app, numbered(1, &["latest", "one"])).await;
    let two = put(&registry, &app, numbered(2, &["two"])).await;
    for _ in 0..2 {
        pull(&registry, "team/app", tag("latest")).await;
    }
    pull(&registry, "team/app", one).await;
    registry.get_manifest(&app, &tag("two").into()).await.unwrap();
    registry.pull_manifest(&app, &tag("absent").into()).await.unwrap_err();
    let before = registry.pulls(&app).await.unwrap();
    let counted = |pulls: &RepositoryPulls| {
        [("latest", one), ("one", one), ("two", two), ("absent", two)]
            .map(|(of, digest)| pulls.of(&tag(of), &digest).map_or(0, |pulled| pulled.pulls))
    };
    assert_eq!(counted(&before), [3, 1, 0, 0]);
    registry.finish().await;
    let again = open(directory.path(), Settings::default());
    let after = again.pulls(&app).await.unwrap();
    assert_eq!(counted(&after), [3, 1, 0, 0]);
    let last = |pulls: &RepositoryPulls| pulls.of(&tag("latest"), &one).unwrap().last;
    assert!(last(&before).duration_since(last(&after)).unwrap() < Duration::from_secs(1));
    assert!(before.since().duration_since(after.since()).unwrap() < Duration::from_secs(1), "counting goes on");
    pull(&again, "team/app", tag("latest")).await;
    assert_eq!(count(&again, "team/app", "latest", &one).await, 4, "what is in memory is added");
    again.flush_pulls().await.unwrap();
    assert_eq!(count(&again, "team/app", "latest", &one).await, 4);
}

#[tokio::test]
async fn what_is_gone_is_forgotten_when_it_is_written_down() {
    let (directory, registry) = volume();
    let (app, gone) = (name("team/app"), name("gone"));
    let one = put(&registry, &app, numbered(1, &["a", "b"])).await;
    let two = put(&registry, &app, numbered(2, &["c"])).await;
    put(&registry, &gone, numbered(1, &["a"])).await;
    for of in ["a", "b", "c"] {
        pull(&registry, "team/app", tag(of)).await;
    }
    pull(&registry, "team/app", one).await;
    pull(&registry, "team/app", two).await;
    pull(&registry, "gone", tag("a")).await;
    registry.delete_tag(&app, &tag("a"), &Precondition::None, &Actor::unknown()).await.unwrap();
    registry.delete_manifest(&app, &two, &Precondition::None, &Actor::unknown()).await.unwrap();
    registry.delete_repository(&gone, &Actor::unknown()).await.unwrap();
    registry.flush_pulls().await.unwrap();
    let left = registry.pulls(&app).await.unwrap();
    let mut left: Vec<String> = left.counts.keys().map(Reference::to_string).collect();
    left.sort();
    assert_eq!(left, ["b".to_owned(), one.to_string()]);
    assert!(!directory.path().join(layout::pulls(&gone).as_str()).exists());
    assert_eq!(registry.pulls.table.repositories(), []);
}

#[tokio::test]
async fn a_damaged_file_is_counted_anew_and_says_since_when() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let one = put(&registry, &app, numbered(1, &["latest"])).await;
    pull(&registry, "team/app", tag("latest")).await;
    registry.flush_pulls().await.unwrap();
    let since = registry.pulls(&app).await.unwrap().since();
    let file = directory.path().join(layout::pulls(&app).as_str());
    fs::write(&file, "{\"tags\":{\"lat").unwrap();
    let damaged = registry.pulls(&app).await.unwrap();
    assert_eq!(damaged.of(&tag("latest"), &one), None);
    assert!(damaged.since() > since);
    pull(&registry, "team/app", tag("latest")).await;
    registry.flush_pulls().await.unwrap();
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("{\"since\":"), "{written}");
    assert_eq!(count(&registry, "team/app", "latest", &one).await, 1);
}

#[tokio::test]
async fn a_registry_that_is_read_only_counts_nothing() {
    let (directory, registry) = volume();
    put(&registry, &name("team/app"), numbered(1, &["latest"])).await;
    let registry = open(directory.path(), Settings { read_only: true, ..Settings::default() });
    pull(&registry, "team/app", tag("latest")).await;
    assert_eq!(registry.pulls.table.repositories(), []);
}

/// A disk that takes no pulls of one repository while it is told so.
#[derive(Debug, Default)]
struct Refuses(AtomicBool);

impl Watch for Refuses {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        match call {
            Call::Rename(_, path) if path.ends_with("one/_pulls") && self.0.load(Ordering::Relaxed) => {
                Err(io::Error::from_raw_os_error(28))
            }
            _ => Ok(()),
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_kept_and_nothing_is_counted_twice() {
    let directory = tempfile::tempdir().unwrap();
    let refuses = Arc::new(Refuses::default());
    let watch = Arc::clone(&refuses) as Arc<dyn Watch>;
    let filesystem = Filesystem::open_watched(&storage::Settings::of(directory.path()), watch).unwrap();
    let registry = Registry::new(Arc::new(filesystem), Settings::default());
    let mut digests = Vec::new();
    let repositories = ["one", "two", "three"];
    for repository in repositories {
        digests.push(put(&registry, &name(repository), numbered(1, &["latest"])).await);
        pull(&registry, repository, tag("latest")).await;
    }
    refuses.0.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        registry.flush_pulls().await.unwrap_err();
        for (repository, digest) in repositories.iter().zip(&digests) {
            assert_eq!(count(&registry, repository, "latest", digest).await, 1, "{repository}");
        }
    }
    refuses.0.store(false, Ordering::Relaxed);
    registry.flush_pulls().await.unwrap();
    assert_eq!(registry.pulls.table.repositories(), []);
    for (repository, digest) in repositories.iter().zip(&digests) {
        assert_eq!(count(&registry, repository, "latest", digest).await, 1, "{repository}");
    }
}

/// Whoever looks while others pull and it is written down sees every pull once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_pull_is_missed_while_it_is_written_down() {
    let (_directory, registry) = volume();
    let digest = put(&registry, &name("team/app"), numbered(1, &["latest"])).await;
    for round in 1..=50 {
        pull(&registry, "team/app", tag("latest")).await;
        let writing = registry.clone();
        let writing = tokio::spawn(async move { writing.flush_pulls().await });
        assert_eq!(count(&registry, "team/app", "latest", &digest).await, round);
        writing.await.unwrap().unwrap();
    }
}
