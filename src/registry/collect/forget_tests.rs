//! What is noted goes when nothing of it can come back, and not before.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, RepositoryName};
use crate::registry::effort::{Effort, Pacer};
use crate::registry::samples::{index, name, new, put, serves_manifest, tag, volume};
use crate::registry::{Actor, Emptying, Precondition, Registry};

use super::*;
use crate::registry::collect::tests::{USUAL, run};

const DAY: Duration = Duration::from_secs(24 * 3600);

async fn push(registry: &Registry, to: &RepositoryName, number: u64, tags: &[&str]) -> Digest {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    put(registry, to, new(&manifest, tags)).await
}

async fn delete(registry: &Registry, from: &RepositoryName, digest: &Digest) {
    registry.delete_manifest(from, digest, &Precondition::None, &Actor::unknown()).await.unwrap();
}

/// Does what a collection does at its end.
async fn forget(registry: &Registry, now: SystemTime) {
    let stop = CancellationToken::new();
    let mut pace = Pace { pacer: Pacer::new(registry.clock.as_ref(), Effort::FULL), stop: &stop };
    registry.forget(now, &mut pace).await.unwrap();
}

/// Empties the trash of everything, some days from now, and forgets what nothing needs any more.
async fn empty(registry: &Registry, days: u32) -> u64 {
    let (now, stop) = (SystemTime::now() + days * DAY, CancellationToken::new());
    let emptied = registry.empty_trash(Emptying::All, Duration::ZERO, now, &stop).await.unwrap();
    forget(registry, now).await;
    emptied.batches
}

fn notes(directory: &TempDir, of: &str) -> PathBuf {
    directory.path().join("wharf/repositories").join(of)
}

#[tokio::test]
async fn notes_of_a_repository_stay_as_long_as_anything_of_it_is_in_the_trash() {
    let (directory, registry) = volume();
    let (app, below) = (name("team/app"), name("team/app/below"));
    let one = push(&registry, &app, 1, &["latest"]).await;
    push(&registry, &below, 3, &["latest"]).await;
    delete(&registry, &app, &one).await;
    let first = registry.trash().await.unwrap().remove(0).id;
    assert!(!registry.repository_exists(&app).await.unwrap());
    // What comes back has its history.
    registry.restore_batch(&first, &Actor::unknown()).await.unwrap();
    let moves = registry.tag_history(&app, &tag("latest")).await.unwrap();
    assert_eq!(moves.len(), 3);
    // Two batches name it.
    let two = push(&registry, &app, 2, &["latest"]).await;
    delete(&registry, &app, &two).await;
    delete(&registry, &app, &one).await;
    let second = registry.trash().await.unwrap().remove(1).id;
    let stop = CancellationToken::new();
    registry.empty_trash(Emptying::One(&second), Duration::ZERO, SystemTime::now(), &stop).await.unwrap();
    forget(&registry, SystemTime::now()).await;
    assert!(notes(&directory, "team/app/_history/latest+").exists(), "the other has it yet");
    assert_eq!(empty(&registry, 1).await, 1);
    // It may be on a disk that is not mounted.
    assert_eq!(empty(&registry, 20).await, 0);
    assert!(notes(&directory, "team/app/_history").exists());
    assert_eq!(empty(&registry, 22).await, 0);
    assert!(!notes(&directory, "team/app/_history").exists());
    assert!(notes(&directory, "team/app/below/_history/latest+").exists(), "it is another repository");
    // Who takes the name later begins with nothing.
    push(&registry, &app, 4, &["latest"]).await;
    assert_eq!(registry.tag_history(&app, &tag("latest")).await.unwrap().len(), 1);
    // A repository that was deleted as a whole, and of which nothing is left.
    for gone in [&below, &app] {
        registry.delete_repository(gone, &Actor::unknown()).await.unwrap();
        assert!(notes(&directory, gone.as_str()).exists());
    }
    registry
        .empty_trash(Emptying::All, Duration::ZERO, SystemTime::now() + DAY, &CancellationToken::new())
        .await
        .unwrap();
    run(&registry, USUAL).await.unwrap();
    for gone in [&below, &app] {
        let seen = fs::File::open(notes(&directory, gone.as_str()).join(layout::GONE)).unwrap();
        seen.set_modified(SystemTime::now() - 22 * DAY).unwrap();
    }
    run(&registry, USUAL).await.unwrap();
    assert!(!notes(&directory, "team").exists(), "a collection ends with it");
}

#[tokio::test]
async fn a_repository_that_was_hidden_is_not_held_to_be_gone_since_then() {
    let (directory, registry) = volume();
    push(&registry, &name("team/app"), 1, &["latest"]).await;
    let (team, away) = (directory.path().join("docker/registry/v2/repositories/team"), directory.path().join("away"));
    let gone = notes(&directory, "team/app").join(layout::GONE);
    fs::rename(&team, &away).unwrap();
    forget(&registry, SystemTime::now()).await;
    assert!(gone.exists());
    fs::rename(&away, &team).unwrap();
    forget(&registry, SystemTime::now() + 30 * DAY).await;
    assert!(!gone.exists());
    fs::rename(&team, &away).unwrap();
    forget(&registry, SystemTime::now() + 31 * DAY).await;
    assert!(notes(&directory, "team/app/_history/latest+").exists());
}

#[tokio::test]
async fn what_is_in_the_trash_keeps_its_history_when_its_name_is_used_again() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let one = push(&registry, &app, 1, &["old", "latest"]).await;
    let whole = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    push(&registry, &app, 2, &["latest"]).await;
    forget(&registry, SystemTime::now() + 100 * DAY).await;
    registry.restore_batch(&whole, &Actor::unknown()).await.unwrap();
    assert_eq!(registry.tag_history(&app, &tag("old")).await.unwrap().len(), 1);
    // It lost that tag long before it went.
    registry.delete_tag(&app, &tag("old"), &Precondition::None, &Actor::unknown()).await.unwrap();
    delete(&registry, &app, &one).await;
    forget(&registry, SystemTime::now() + 100 * DAY).await;
    assert!(notes(&directory, "team/app/_history/old+").exists());
    assert_eq!(empty(&registry, 100).await, 1);
    assert!(!notes(&directory, "team/app/_history/old+").exists());
}

#[tokio::test]
async fn what_went_into_the_trash_meanwhile_keeps_its_history() {
    let (directory, registry) = volume();
    let app = name("team/app");
    push(&registry, &app, 1, &["old"]).await;
    let mut trashed = Trashed::default();
    registry.look_into_trash(&mut trashed).await.unwrap();
    registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    push(&registry, &app, 2, &["latest"]).await;
    let later = SystemTime::now() + 100 * DAY;
    assert_eq!(registry.gone_tags(&app, later).await.unwrap(), [tag("old")]);
    registry.forget_tag(&app, &tag("old"), &mut trashed, later).await.unwrap();
    assert!(notes(&directory, "team/app/_history/old+").exists());
}

#[tokio::test]
async fn a_batch_that_was_being_written_is_looked_into_again() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let batch: BatchId = "20010909T014640.000Z-1f2e3d4c".parse().unwrap();
    fs::create_dir_all(directory.path().join(layout::batch(&batch).as_str())).unwrap();
    let mut trashed = Trashed::default();
    registry.look_into_trash(&mut trashed).await.unwrap();
    let log = "{\"at\":\"2001-09-09T01:46:40Z\",\"by\":null,\"what\":\"repository-deletion\"}\n\
               {\"removed\":\"repository\",\"repository\":\"team/app\"}\n";
    fs::write(directory.path().join(layout::batch_log(&batch).as_str()), log).unwrap();
    registry.look_into_trash(&mut trashed).await.unwrap();
    assert!(trashed.whole.contains(&app) && !trashed.is_unknown);
}

#[tokio::test]
async fn a_history_goes_when_its_tag_is_gone_and_nothing_that_it_leads_to_can_come_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    push(&registry, &app, 1, &["there"]).await;
    let held = push(&registry, &app, 2, &["held"]).await;
    registry.delete_tag(&app, &tag("held"), &Precondition::None, &Actor::unknown()).await.unwrap();
    let gone = push(&registry, &app, 3, &["gone"]).await;
    delete(&registry, &app, &gone).await;
    let histories =
        || ["there", "held", "gone"].map(|of| notes(&directory, "team/app/_history").join(format!("{of}+")).exists());
    // Fourteen days until it would be collected, and seven in the trash.
    assert_eq!(empty(&registry, 20).await, 1);
    assert_eq!(histories(), [true; 3]);
    let other = push(&registry, &app, 4, &[]).await;
    delete(&registry, &app, &other).await;
    assert_eq!(empty(&registry, 22).await, 1);
    assert_eq!(histories(), [true, true, false]);
    registry
        .roll_back(&app, &tag("held"), Actor::unknown(), Precondition::None, crate::registry::Overwrite::Allowed)
        .await
        .unwrap();
    assert!(serves_manifest(&registry, &app, held).await);
    // A tag of that name begins anew.
    push(&registry, &app, 5, &["gone"]).await;
    assert_eq!(registry.tag_history(&app, &tag("gone")).await.unwrap().len(), 1);
}
