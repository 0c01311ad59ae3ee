//! What a put that may only create leaves alone (CVE-2026-31801).

use std::fs;

use futures_util::future::join_all;

use super::*;
use crate::oci::Reference;
use crate::registry::samples::{digest, image, index, name, new, push, put, serves_manifest, tag, volume};
use crate::registry::{Actor, NewManifest, Precondition};

const CREATORS: u64 = 20;

fn creating(manifest: &serde_json::Value, tags: &[&str]) -> NewManifest {
    NewManifest { overwrite: Overwrite::Refused, ..new(manifest, tags) }
}

fn numbered(number: u64) -> serde_json::Value {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    manifest
}

async fn at(registry: &Registry, of: &RepositoryName, text: &str) -> Option<Digest> {
    registry.resolve(of, &tag(text)).await.unwrap()
}

#[tokio::test]
async fn a_tag_that_exists_is_not_moved_by_who_may_only_create() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let old = put(&registry, &name, creating(&numbered(1), &["latest", "v1"])).await;
    // By the tag itself, among others, as one of many of a put by digest, and at the manifest that it has already.
    for (number, tags) in [(2, &["latest"][..]), (2, &["new", "v1"]), (1, &["v1"]), (1, &["new", "latest", "newer"])] {
        let refused = registry.put_manifest(&name, creating(&numbered(number), tags)).await.unwrap_err();
        let RegistryError::WouldOverwrite { repository, tag, digest } = &refused else { panic!("{refused:?}") };
        assert_eq!((repository, *digest), (&name, old));
        assert!(tags.contains(&tag.as_str()));
        let message = refused.to_string();
        assert!(message.contains(tag.as_str()) && message.contains(&old.to_string()), "{message}");
    }
    let mut by_digest = creating(&numbered(2), &["new", "v1"]);
    by_digest.reference = Reference::Digest(digest(&by_digest.bytes));
    assert!(registry.put_manifest(&name, by_digest).await.is_err());
    for (text, expected) in [("latest", Some(old)), ("v1", Some(old)), ("new", None), ("newer", None)] {
        assert_eq!(at(&registry, &name, text).await, expected, "{text}");
    }
    assert!(
        !serves_manifest(&registry, &name, digest(numbered(2).to_string())).await,
        "the refused put left something"
    );
    // What is new is created, also for a manifest that is there.
    put(&registry, &name, creating(&numbered(1), &["new"])).await;
    put(&registry, &name, creating(&numbered(1), &[])).await;
    put(&registry, &name, creating(&numbered(2), &["newer"])).await;
}

#[tokio::test]
async fn a_condition_that_holds_does_not_allow_what_is_not_allowed() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let old = put(&registry, &name, new(&numbered(1), &["v1"])).await;
    for precondition in [
        Precondition::OneOf(vec![old]),
        Precondition::OneOf(Vec::new()),
        Precondition::Exists,
        Precondition::Absent,
        Precondition::None,
    ] {
        let swap = NewManifest { precondition, ..creating(&numbered(2), &["v1"]) };
        let refused = registry.put_manifest(&name, swap).await;
        assert!(matches!(refused, Err(RegistryError::WouldOverwrite { .. })), "{refused:?}");
    }
    let absent = NewManifest { precondition: Precondition::Exists, ..creating(&numbered(2), &["v2"]) };
    let refused = registry.put_manifest(&name, absent).await;
    assert!(matches!(refused, Err(RegistryError::PreconditionFailed { .. })), "{refused:?}");
    let created = NewManifest { precondition: Precondition::Absent, ..creating(&numbered(2), &["v2"]) };
    put(&registry, &name, created).await;
    put(&registry, &name, new(&numbered(2), &["v1"])).await;
}

#[tokio::test]
async fn a_tag_that_was_deleted_can_be_created_again() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    for number in 0..3 {
        put(&registry, &name, creating(&numbered(number), &["v1"])).await;
        registry.delete_tag(&name, &tag("v1"), &Precondition::None, &Actor::unknown()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_create_one_tag_exactly_one_succeeds_and_the_others_leave_nothing() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    for round in 0..5 {
        let shared = format!("round{round}");
        let puts = (0..CREATORS).map(|number| {
            let (registry, name, shared) = (registry.clone(), name.clone(), shared.clone());
            tokio::spawn(async move {
                let own = format!("own{round}-{number}");
                // In different orders, so that they would wait for each other if that were possible.
                let tags = if number % 2 == 0 { [&*own, &*shared] } else { [&*shared, &*own] };
                registry.put_manifest(&name, creating(&numbered(number), &tags)).await
            })
        });
        let ends: Vec<_> = join_all(puts).await.into_iter().map(|end| end.unwrap()).collect();
        let won: Vec<Digest> = ends.iter().filter_map(|end| Some(end.as_ref().ok()?.digest)).collect();
        assert_eq!(won.len(), 1);
        for (number, end) in ends.iter().enumerate() {
            let own = at(&registry, &name, &format!("own{round}-{number}")).await;
            match end {
                Ok(put) => assert_eq!(own, Some(put.digest)),
                Err(RegistryError::WouldOverwrite { digest, .. }) => assert_eq!((*digest, own), (won[0], None)),
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(at(&registry, &name, &shared).await, Some(won[0]));
    }
}

/// The bytes do not say what it is, so each put could say something else.
fn untyped(kind: &str, overwrite: Overwrite) -> NewManifest {
    let manifest = serde_json::json!({"schemaVersion": 2, "manifests": []});
    NewManifest { media_type: Some(kind.parse().unwrap()), overwrite, ..new(&manifest, &[]) }
}

#[tokio::test]
async fn what_a_manifest_is_served_as_is_not_changed_by_who_may_only_create() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let one = "application/vnd.example.one";
    for kind in [one, "application/vnd.oci.image.index.v1+json"] {
        let held = untyped(kind, Overwrite::Allowed);
        let of = put(&registry, &name, held).await;
        put(&registry, &name, untyped(kind, Overwrite::Refused)).await;
        for tags in [vec![], vec![tag("new")]] {
            let other = NewManifest { tags, ..untyped("application/vnd.example.two", Overwrite::Refused) };
            let refused = registry.put_manifest(&name, other).await;
            assert!(matches!(refused, Err(RegistryError::WouldRetype { .. })), "{refused:?}");
        }
        let served = registry.get_manifest(&name, &of.into()).await.unwrap();
        assert_eq!(served.media_type.as_str(), kind);
    }
    // Another repository's is another manifest.
    put(&registry, &"team/other".parse().unwrap(), untyped(one, Overwrite::Refused)).await;
}

/// The note of its type was lost with the directory `wharf`.
#[tokio::test]
async fn a_manifest_that_nobody_can_be_served_is_healed_by_who_may_only_create() {
    let (directory, registry) = volume();
    let name = name("team/app");
    let bytes = serde_json::json!({"schemaVersion": 2, "anything": "else"});
    let typed = |overwrite| NewManifest {
        media_type: Some("application/vnd.example.one".parse().unwrap()),
        overwrite,
        ..new(&bytes, &[])
    };
    let of = put(&registry, &name, typed(Overwrite::Allowed)).await;
    fs::remove_dir_all(directory.path().join("wharf/repositories/team/app/_types")).unwrap();
    put(&registry, &name, typed(Overwrite::Refused)).await;
    assert!(serves_manifest(&registry, &name, of).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_that_put_one_manifest_as_different_things_exactly_one_succeeds() {
    let (_directory, registry) = volume();
    for round in 0..5 {
        let name = name(&format!("team/app{round}"));
        let puts = (0..CREATORS).map(|number| {
            let (registry, name) = (registry.clone(), name.clone());
            let kind = format!("application/vnd.example.kind{number}");
            tokio::spawn(async move {
                let put = registry.put_manifest(&name, untyped(&kind, Overwrite::Refused)).await;
                put.map(|put| (put.digest, kind))
            })
        });
        let ends: Vec<_> = join_all(puts).await.into_iter().map(|end| end.unwrap()).collect();
        let won: Vec<_> = ends.iter().filter_map(|end| end.as_ref().ok()).collect();
        let refused = |end: &&_| matches!(end, Err(RegistryError::WouldRetype { .. }));
        assert_eq!((won.len(), ends.iter().filter(refused).count()), (1, 19));
        let (digest, kind) = won[0];
        let served = registry.get_manifest(&name, &(*digest).into()).await.unwrap();
        assert_eq!(served.media_type.as_str(), kind);
    }
}

#[tokio::test]
async fn a_blob_that_is_served_as_a_manifest_stays_what_it_is() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let config = push(&registry, &name, b"{}").await;
    let mut manifest = image(config, &[]);
    manifest.as_object_mut().unwrap().remove("mediaType");
    let of = push(&registry, &name, manifest.to_string().as_bytes()).await;
    registry.settle().await;
    let before = registry.get_manifest(&name, &of.into()).await.unwrap().media_type;
    let other =
        NewManifest { media_type: Some("application/vnd.example.one".parse().unwrap()), ..creating(&manifest, &[]) };
    let refused = registry.put_manifest(&name, other).await;
    assert!(matches!(refused, Err(RegistryError::WouldRetype { .. })), "{refused:?}");
    assert_eq!(registry.get_manifest(&name, &of.into()).await.unwrap().media_type, before);
}
