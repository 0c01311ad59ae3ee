//! What the trash gives back, and what it does not.

use std::fs;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::oci::Algorithm;
use crate::registry::samples::{digest, image, name, new, put, serves_blob, serves_manifest, tag, volume};
use crate::registry::{Actor, Emptying, Everything, Page, Precondition, RegistryError};

use super::tests::{AT_ONCE, blob, file, files, push, repository, run};

#[tokio::test]
async fn what_went_comes_back_whole_from_the_trash() {
    let (directory, registry) = volume();
    let old = push(&registry, "team/app", "latest", &["one"]).await;
    push(&registry, "team/app", "latest", &["two"]).await;
    registry.settle().await;
    let before: Vec<String> = files(&directory);
    let collected = run(&registry, AT_ONCE).await.unwrap();
    assert!(!file(&directory, &old).exists());
    let [trash] = &registry.trash().await.unwrap()[..] else { panic!() };
    assert_eq!((Some(trash.id.clone()), trash.manifests, trash.blobs), (collected.batch, 1, 3));
    assert_eq!((trash.bytes, &trash.repositories[..]), (collected.bytes, &[name("team/app")][..]));

    let restored = registry.restore_batch(&trash.id, &Actor::unknown()).await.unwrap();
    assert_eq!((restored.manifests, restored.blobs, &restored.lost[..]), (1, 3, &[][..]));
    assert_eq!(files(&directory), before);
    assert!(serves_manifest(&registry, &name("team/app"), old).await);
    assert!(serves_blob(&registry, &name("team/app"), &digest("one")).await);
    assert!(matches!(registry.restore_batch(&trash.id, &Actor::unknown()).await, Err(RegistryError::BatchUnknown(_))));
}

#[tokio::test]
async fn what_is_emptied_from_the_trash_is_gone_from_disk() {
    let (directory, registry) = volume();
    push(&registry, "team/app", "1", &["one"]).await;
    registry.settle().await;
    registry.delete_tag(&name("team/app"), &tag("1"), &Precondition::None, &Actor::unknown()).await.unwrap();
    let collected = run(&registry, AT_ONCE).await.unwrap();
    let (stop, now) = (CancellationToken::new(), std::time::SystemTime::now());
    let kept = registry.empty_trash(Emptying::All, Duration::from_secs(60), now, &stop).await.unwrap();
    assert_eq!(kept.batches, 0);
    let emptied =
        registry.empty_trash(Emptying::All, Duration::ZERO, now + Duration::from_secs(1), &stop).await.unwrap();
    assert_eq!((emptied.blobs, emptied.bytes), (collected.swept, collected.bytes));
    let left = files(&directory);
    assert!(left.iter().all(|file| !file.contains("blobs") && !file.contains("trash")), "{left:?}");
    assert!(!repository(&directory, "team").exists(), "nothing is left of it");
    assert!(fs::read_dir(directory.path().join("docker/registry/v2/blobs/sha256")).unwrap().next().is_none());
}

#[tokio::test]
async fn a_repository_that_was_deleted_as_a_whole_is_gone_at_once_and_comes_back_as_it_was() {
    let (directory, registry) = volume();
    let (app, below) = (name("team/app"), name("team/app/below"));
    push(&registry, "team/app", "1", &["one"]).await;
    let second = push(&registry, "team/app", "2", &["two"]).await;
    push(&registry, "team/app/below", "1", &["three"]).await;
    registry.start_upload(&app, None, Algorithm::Sha256).await.unwrap();
    registry.settle().await;
    // So that all of it is remembered.
    assert!(serves_manifest(&registry, &app, tag("1")).await);
    let batch = registry.delete_repository(&app, &Actor::named("alice")).await.unwrap();
    for gone in [serves_manifest(&registry, &app, tag("1")).await, serves_blob(&registry, &app, &digest("one")).await] {
        assert!(!gone);
    }
    assert!(serves_manifest(&registry, &below, tag("1")).await);
    let catalog = registry.repositories(&Page::default(), &Everything).await.unwrap().entries;
    assert_eq!(catalog, [below]);
    assert!(!repository(&directory, "team/app").join("_uploads").exists());
    let error = registry.delete_repository(&app, &Actor::unknown()).await.unwrap_err();
    assert!(matches!(error, RegistryError::RepositoryUnknown { .. }), "{error}");

    // Collected meanwhile, and pushed to again.
    assert!(run(&registry, AT_ONCE).await.unwrap().swept > 0);
    let new = push(&registry, "team/app", "2", &["four"]).await;
    let restored = registry.restore_batch(&batch, &Actor::unknown()).await.unwrap();
    assert_eq!((&restored.repositories[..], &restored.lost[..]), (&[app.clone()][..], &[][..]));
    assert!(serves_manifest(&registry, &app, tag("1")).await);
    assert!(serves_blob(&registry, &app, &digest("one")).await);
    assert!(serves_manifest(&registry, &app, second).await);
    assert_eq!(registry.resolve(&app, &tag("2")).await.unwrap(), Some(new), "what was pushed since then stays");
}

#[tokio::test]
async fn a_repository_with_a_tag_that_is_immutable_is_not_deleted() {
    use crate::registry::{ImmutableRule, ImmutableTags, Settings};
    let directory = tempfile::tempdir().unwrap();
    let rule = ImmutableRule {
        key: "tags.immutable[0]".to_owned(),
        repositories: vec!["**".parse().unwrap()],
        tags: vec!["v*".parse().unwrap()],
        except: Vec::new(),
    };
    let settings = Settings { immutable_tags: ImmutableTags(vec![rule]), ..Settings::default() };
    let registry = crate::registry::samples::open(directory.path(), settings);
    push(&registry, "team/app", "latest", &["one"]).await;
    push(&registry, "team/other", "v1", &["two"]).await;
    let upload = registry.start_upload(&name("team/other"), None, Algorithm::Sha256).await.unwrap();
    let refused = registry.delete_repository(&name("team/other"), &Actor::unknown()).await.unwrap_err();
    assert!(matches!(refused, RegistryError::TagImmutable { .. }), "{refused}");
    assert!(registry.upload_status(&name("team/other"), upload.id).await.is_ok());
    registry.delete_repository(&name("team/app"), &Actor::unknown()).await.unwrap();
}

/// A manifest that refers to something opens nothing, not by way of the trash either.
#[tokio::test]
async fn what_comes_back_opens_no_blob_that_its_repository_never_held() {
    use crate::registry::{References, Settings, Validation};
    let directory = tempfile::tempdir().unwrap();
    let validation = Validation { references: References::MayBeAbsent, ..Validation::default() };
    let registry = crate::registry::samples::open(directory.path(), Settings { validation, ..Settings::default() });
    let secret = blob(&registry, "private/app", "secret").await;
    let thief = name("thief/app");
    let manifest = put(&registry, &thief, new(&image(secret, &[]), &["1"])).await;
    registry.delete_manifest(&thief, &manifest, &Precondition::None, &Actor::unknown()).await.unwrap();
    let batch = registry.trash().await.unwrap().remove(0).id;
    assert_eq!(registry.restore_batch(&batch, &Actor::unknown()).await.unwrap().manifests, 1);
    assert!(serves_manifest(&registry, &thief, tag("1")).await, "the tag has come back, too");
    assert!(!serves_blob(&registry, &thief, &secret).await);
}

#[tokio::test]
async fn what_is_pushed_again_while_it_is_in_the_trash_is_taken_from_there() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let layer = blob(&registry, "team/app", "layer").await;
    registry.settle().await;
    run(&registry, AT_ONCE).await.unwrap();
    assert!(!file(&directory, &layer).exists());
    blob(&registry, "team/app", "layer").await;
    registry.settle().await;
    assert!(serves_blob(&registry, &app, &layer).await);
    // Should a link be left to what is in the trash, reading it brings it back.
    let trashed = fs::read_dir(file(&directory, &layer).parent().unwrap()).unwrap().count();
    assert_eq!(trashed, 2, "the content and its copy in the trash");
    fs::remove_file(file(&directory, &layer)).unwrap();
    let registry = crate::registry::samples::open(directory.path(), Default::default());
    assert!(serves_blob(&registry, &app, &layer).await);
    assert!(file(&directory, &layer).exists());
}
