//! What a collection could lose, and does not.

use std::fs;
use std::time::{Duration, SystemTime};

use serde_json::json;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, MediaType};
use crate::registry::effort::{Effort, Pacer};
use crate::registry::history::moment;
use crate::registry::pins::Moment;
use crate::registry::samples::{
    described, digest, image, index, name, new, open, put, serves_blob, serves_manifest, tag, volume,
};
use crate::registry::{Actor, Precondition, Registry, RegistryError};

use super::Untagged;
use super::look::Terms;
use super::mark::Plan;
use super::marked::Marked;
use super::run::Pace;
use super::tests::{AT_ONCE, USUAL, blob, file, files, left, make_old, push, repository, revision, run};

async fn untag(registry: &Registry, repository: &str, text: &str) {
    registry.delete_tag(&name(repository), &tag(text), &Precondition::None, &Actor::unknown()).await.unwrap();
}

/// Lets every move of a tag's history have been made in 2020.
fn let_history_be_old(volume: &TempDir, of: &str) {
    let history = volume.path().join("wharf/repositories").join(of);
    let year = &moment(SystemTime::now())[..4];
    let text = fs::read_to_string(&history).unwrap();
    let old = text.replace(&format!("\"at\":\"{year}"), "\"at\":\"2020");
    assert_ne!(text, old);
    fs::write(&history, old).unwrap();
}

#[tokio::test]
async fn where_a_link_leads_nowhere_something_may_be_hidden() {
    let (directory, registry) = volume();
    push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "base", "1", &["two"]).await;
    registry.settle().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let (team, away) = (repository(&directory, "team"), elsewhere.path().join("team"));
    fs::rename(&team, &away).unwrap();
    std::os::unix::fs::symlink(&away, &team).unwrap();
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    fs::rename(&away, elsewhere.path().join("unmounted")).unwrap();
    let before = files(&directory);
    let error = run(&registry, AT_ONCE).await.unwrap_err();
    assert!(error.to_string().contains("storage"), "{error}");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("repositories/team") && cause.contains("mounted"), "{cause}");
    assert_eq!(files(&directory), before);
}

#[tokio::test]
async fn repositories_that_are_missing_keep_everything_and_what_went_for_them_comes_back() {
    let (directory, registry) = volume();
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "team/other", "1", &["two"]).await;
    push(&registry, "team/third", "1", &["two"]).await;
    push(&registry, "base", "1", &["three"]).await;
    registry.settle().await;
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    let (team, away) = (repository(&directory, "team"), directory.path().join("away"));
    fs::rename(&team, &away).unwrap();
    let registry = open(directory.path(), Default::default());
    let before = files(&directory);
    let error = run(&registry, AT_ONCE).await.unwrap_err();
    assert!(matches!(error, RegistryError::RepositoriesMissing { before: 4, found: 1, .. }), "{error}");
    assert_eq!(files(&directory), before);

    // As the message says. It was wrong: they come back.
    fs::remove_file(directory.path().join("wharf/collected")).unwrap();
    assert!(run(&registry, AT_ONCE).await.unwrap().swept > 0);
    assert!(!file(&directory, &manifest).exists());
    fs::rename(&away, &team).unwrap();
    let registry = open(directory.path(), Default::default());
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    assert!(file(&directory, &manifest).exists() && file(&directory, &digest("two")).exists());
    assert!(serves_manifest(&registry, &name("team/app"), tag("1")).await);
}

#[tokio::test]
async fn repositories_that_somebody_removed_are_not_missed() {
    let (_directory, registry) = volume();
    let mut manifests = Vec::new();
    for repository in ["a", "b", "c", "d"] {
        manifests.push(push(&registry, repository, "1", &["one"]).await);
    }
    run(&registry, AT_ONCE).await.unwrap();
    for repository in ["a", "b"] {
        registry.delete_repository(&name(repository), &Actor::unknown()).await.unwrap();
    }
    let of_c = &manifests[2];
    registry.delete_manifest(&name("c"), of_c, &Precondition::None, &Actor::unknown()).await.unwrap();
    untag(&registry, "d", "1").await;
    run(&registry, AT_ONCE).await.unwrap();
    assert_eq!(registry.last_collection().await.unwrap().holding, 0);
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().repositories, 0);
}

/// It lost its tag long ago, and then somebody pushed it by its digest.
#[tokio::test]
async fn what_was_pushed_again_stays_as_long_as_what_was_pushed_now() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "team/app", "1", &["two"]).await;
    registry.settle().await;
    untag(&registry, "team/app", "1").await;
    let_history_be_old(&directory, "team/app/_history/1+");
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    let again = image(digest("config of [\"one\"]"), &[digest("one")]);
    assert_eq!(put(&registry, &app, new(&again, &[])).await, manifest);
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
}

#[tokio::test]
async fn what_came_back_without_a_tag_has_its_time_anew() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "team/app", "1", &["two"]).await;
    registry.settle().await;
    let age = || {
        let _ = fs::remove_file(left(&directory, "team/app", &manifest));
        let_history_be_old(&directory, "team/app/_history/1+");
        make_old(&directory, &revision(&directory, "team/app", &manifest));
    };
    age();
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
    let collected = registry.trash().await.unwrap().remove(0).id;
    assert_eq!(registry.restore_batch(&collected, &Actor::unknown()).await.unwrap().manifests, 1);
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &revision(&directory, "team/app", &manifest));

    let deleted = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    assert_eq!(registry.restore_batch(&deleted, &Actor::unknown()).await.unwrap().repositories, [app]);
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
}

#[tokio::test]
async fn what_never_had_a_tag_stays_when_it_came_back() {
    let (directory, registry) = volume();
    let app = name("team/app");
    push(&registry, "team/app", "1", &["one"]).await;
    let config = blob(&registry, "team/app", "config").await;
    let manifest = put(&registry, &app, new(&image(config, &[]), &[])).await;
    registry.settle().await;
    let deleted = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    registry.restore_batch(&deleted, &Actor::unknown()).await.unwrap();
    assert!(!left(&directory, "team/app", &manifest).exists());
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
}

#[tokio::test]
async fn what_came_back_without_its_tag_has_its_time_anew() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    registry.settle().await;
    let_history_be_old(&directory, "team/app/_history/1+");
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    let deleted = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    fs::remove_file(file(&directory, &digest("one"))).unwrap();
    let registry = open(directory.path(), Default::default());
    let restored = registry.restore_batch(&deleted, &Actor::unknown()).await.unwrap();
    assert_eq!(restored.lost, [(app.clone(), digest("one"))]);
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    // Somebody has put its tag elsewhere.
    blob(&registry, "team/app", "one").await;
    registry.restore_batch(&deleted, &Actor::unknown()).await.unwrap();
    assert_eq!(registry.resolve(&app, &tag("1")).await.unwrap(), Some(manifest));
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    let deleted = registry.delete_repository(&app, &Actor::unknown()).await.unwrap();
    let other = push(&registry, "team/app", "1", &["two"]).await;
    registry.restore_batch(&deleted, &Actor::unknown()).await.unwrap();
    assert_eq!(registry.resolve(&app, &tag("1")).await.unwrap(), Some(other));
    let_history_be_old(&directory, "team/app/_history/1+");
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
}

/// A collection that could not see them has put both into the trash.
#[tokio::test]
async fn what_an_index_lists_that_was_sent_as_a_blob_keeps_its_layers_also_from_the_trash() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let (config, layer) = (blob(&registry, "team/app", "config").await, blob(&registry, "team/app", "layer").await);
    let child = blob(&registry, "team/app", &image(config, &[layer]).to_string()).await;
    put(&registry, &app, new(&index(&[child]), &["1"])).await;
    registry.settle().await;
    let (team, away) = (repository(&directory, "team"), directory.path().join("away"));
    fs::rename(&team, &away).unwrap();
    let registry = open(directory.path(), Default::default());
    assert!(run(&registry, AT_ONCE).await.unwrap().swept > 0);
    fs::rename(&away, &team).unwrap();
    let registry = open(directory.path(), Default::default());
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().links, 0);
    assert!(serves_blob(&registry, &app, &layer).await);
}

#[tokio::test]
async fn what_two_indexes_listed_has_its_time_from_the_second() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let child = put(&registry, &app, new(&image(config, &[]), &[])).await;
    let first = put(&registry, &app, new(&index(&[child]), &["1"])).await;
    let mut other = index(&[child]);
    other["annotations"] = json!({"other": "index"});
    let second = put(&registry, &app, new(&other, &["2"])).await;
    registry.delete_manifest(&app, &first, &Precondition::None, &Actor::unknown()).await.unwrap();
    make_old(&directory, &left(&directory, "team/app", &child));
    make_old(&directory, &revision(&directory, "team/app", &child));
    registry.delete_manifest(&app, &second, &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &left(&directory, "team/app", &child));
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
}

/// What registry:2 left is as old as it is, but nobody would have removed it.
#[tokio::test]
async fn a_volume_that_somebody_else_has_filled_loses_nothing_the_first_time() {
    let (directory, registry) = volume();
    let manifest = push(&registry, "team/app", "1", &["one"]).await;
    push(&registry, "team/app", "1", &["two"]).await;
    registry.settle().await;
    make_old(&directory, &revision(&directory, "team/app", &manifest));
    let hex = manifest.hex();
    let indexed = repository(&directory, "team/app").join(format!("_manifests/tags/1/index/sha256/{hex}/link"));
    let second = repository(&directory, "team/app").join("_manifests/tags/1/current/link");
    make_old(&directory, &indexed);
    make_old(&directory, &second);
    fs::remove_dir_all(directory.path().join("wharf/repositories")).unwrap();
    fs::remove_file(directory.path().join("wharf/collecting-since")).unwrap();
    let registry = open(directory.path(), Default::default());
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 0);
    make_old(&directory, &indexed);
    assert_eq!(run(&registry, USUAL).await.unwrap().manifests, 1);
}

/// A client may send a child as a blob, and the registry serves it as a manifest.
#[tokio::test]
async fn what_a_child_refers_to_stays_although_it_was_sent_as_a_blob() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let layer = blob(&registry, "team/app", "layer").await;
    let child = blob(&registry, "team/app", &image(config, &[layer]).to_string()).await;
    let list = put(&registry, &app, new(&index(&[child]), &["1"])).await;
    registry.settle().await;
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 0);
    assert!(serves_manifest(&registry, &app, child).await && serves_blob(&registry, &app, &layer).await);
    let mut spared = Marked::default();
    registry.spare(&app, list, &mut [&mut spared]).await.unwrap();
    assert!(spared.contains(&layer));
    registry.delete_manifest(&app, &list, &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(run(&registry, AT_ONCE).await.unwrap().swept, 4);
}

/// Somebody put a tag on it while a collection was about to remove it.
#[tokio::test]
async fn what_is_spared_keeps_what_speaks_about_it_and_what_it_speaks_about() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let subject = put(&registry, &app, new(&image(config, &[]), &[])).await;
    let about = |subject: Digest, text: &str| {
        let mut about = image(digest(text), &[]);
        about["subject"] = described(MediaType::OCI_MANIFEST, subject);
        about
    };
    for text in ["signature", "of the signature"] {
        blob(&registry, "team/app", text).await;
    }
    let signature = put(&registry, &app, new(&about(subject, "signature"), &[])).await;
    let second = put(&registry, &app, new(&about(signature, "of the signature"), &[])).await;
    for spared in [subject, signature, second] {
        let mut marked = Marked::default();
        registry.spare(&app, spared, &mut [&mut marked]).await.unwrap();
        let expected = [subject, signature, second, config, digest("signature"), digest("of the signature")];
        assert!(expected.iter().all(|digest| marked.contains(digest)), "{spared}");
    }
}

#[tokio::test]
async fn every_manifest_that_a_tag_pointed_at_goes_however_often_it_was_moved() {
    let (directory, registry) = volume();
    let app = name("team/app");
    let config = blob(&registry, "team/app", "config").await;
    let mut manifests = Vec::new();
    for number in 0..230 {
        let mut image = image(config, &[]);
        image["annotations"] = json!({"number": number.to_string()});
        manifests.push(put(&registry, &app, new(&image, &["nightly"])).await);
    }
    untag(&registry, "team/app", "nightly").await;
    for manifest in &manifests {
        make_old(&directory, &revision(&directory, "team/app", manifest));
        if let note = left(&directory, "team/app", manifest)
            && note.exists()
        {
            make_old(&directory, &note);
        }
    }
    let_history_be_old(&directory, "team/app/_history/nightly+");
    let collected = run(&registry, USUAL).await.unwrap();
    assert_eq!((collected.manifests, collected.manifests_kept), (230, 0));
}

#[tokio::test]
async fn what_is_too_much_for_one_run_is_cut_where_everything_stays_whole() {
    let (_directory, registry) = volume();
    let app = name("team/app");
    let mut children = Vec::new();
    for number in 0..3 {
        let config = blob(&registry, "team/app", &format!("config {number}")).await;
        children.push(put(&registry, &app, new(&image(config, &[]), &[])).await);
    }
    let list = put(&registry, &app, new(&index(&children), &["1"])).await;
    blob(&registry, "team/app", "stale").await;
    untag(&registry, "team/app", "1").await;
    registry.settle().await;
    let (now, began) = (SystemTime::now(), Moment::at(registry.clock.elapsed()));
    let pinned_since = registry.pins.begin(began).await.before(Duration::ZERO);
    let (grace, untagged) = (Duration::ZERO, Untagged::Go);
    let terms = Terms { now: now + Duration::from_secs(1), since: now, pinned_since, grace, untagged };
    for (manifests, links) in [(0, 9), (1, 9), (2, 9), (4, 0), (4, 2), (4, 9)] {
        let stop = CancellationToken::new();
        let mut pace = Pace { pacer: Pacer::new(registry.clock.as_ref(), Effort::FULL), stop: &stop };
        let mut looked = registry.look_at(&app, terms, &mut pace).await.unwrap();
        let (all, stale) = (looked.decided.going.len(), looked.stale.len());
        assert_eq!((all, stale, looked.decided.going[0].0), (4, 4, list));
        let mut plan = Plan::default();
        registry.cut(&app, &mut looked, manifests, links, &mut plan.marked).await.unwrap();
        let going: Vec<Digest> = looked.decided.going.iter().map(|(digest, _)| *digest).collect();
        assert_eq!(going.len(), manifests);
        assert_eq!(looked.stale.len(), if manifests < 4 { 0 } else { links.min(4) });
        for child in children.iter().filter(|child| !going.contains(child)) {
            assert!(plan.marked.contains(child));
        }
        for gone in going.iter().chain(&looked.stale) {
            assert!(!plan.marked.contains(gone));
        }
    }
}
