//! Going back.

use super::*;
use crate::registry::samples::{digest, image, index, name, new, open, push, put, serves_manifest, tag, volume};
use crate::registry::{ImmutableRule, ImmutableTags, NewManifest, Settings, layout};

fn numbered(number: u64, tags: &[&str]) -> NewManifest {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    new(&manifest, tags)
}

fn bob() -> Actor {
    Actor::named("bob")
}

async fn at(registry: &Registry, text: &str) -> Option<Digest> {
    registry.resolve(&name("team/app"), &tag(text)).await.unwrap()
}

async fn back(registry: &Registry, text: &str, to: Option<Digest>) -> Result<PointedTag> {
    let (name, tag) = (name("team/app"), tag(text));
    match to {
        Some(to) => registry.point_tag(&name, &tag, &to, bob(), Precondition::None, Overwrite::Allowed).await,
        None => registry.roll_back(&name, &tag, bob(), Precondition::None, Overwrite::Allowed).await,
    }
}

#[tokio::test]
async fn a_tag_goes_back_to_where_it_was_and_back_again() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let mut digests = Vec::new();
    for number in 0..3 {
        digests.push(put(&registry, &name, numbered(number, &["v"])).await);
    }
    let pointed = back(&registry, "v", None).await.unwrap();
    assert_eq!(pointed, PointedTag { from: Some(digests[2]), to: digests[1] });
    assert_eq!(at(&registry, "v").await, Some(digests[1]));
    back(&registry, "v", None).await.unwrap();
    assert_eq!(at(&registry, "v").await, Some(digests[2]));
    back(&registry, "v", Some(digests[0])).await.unwrap();
    assert_eq!(at(&registry, "v").await, Some(digests[0]));
    // To where it is already is no move.
    back(&registry, "v", Some(digests[0])).await.unwrap();
    let moves = registry.tag_history(&name, &tag("v")).await.unwrap();
    let seen: Vec<_> = moves.iter().map(|moved| (moved.to, moved.how)).collect();
    let to = |number: usize, how| (Some(digests[number]), how);
    let (put, back) = (How::Put, How::RollBack);
    assert_eq!(seen, [to(0, back), to(2, back), to(1, back), to(2, put), to(1, put), to(0, put)]);
    assert!(moves[..3].iter().all(|moved| moved.by == bob()));
    // registry:2 finds it where it looks.
    assert!(serves_manifest(&registry, &name, tag("v")).await);
}

#[tokio::test]
async fn a_tag_that_was_deleted_comes_back_to_where_it_was() {
    let (directory, registry) = volume();
    let name = name("team/app");
    put(&registry, &name, numbered(1, &["v"])).await;
    let two = put(&registry, &name, numbered(2, &["v", "kept"])).await;
    registry.delete_tag(&name, &tag("v"), &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(back(&registry, "v", None).await.unwrap(), PointedTag { from: None, to: two });
    let registry = open(directory.path(), Settings::default());
    assert_eq!(at(&registry, "v").await, Some(two));
    let moves = registry.tag_history(&name, &tag("v")).await.unwrap();
    assert_eq!((moves[0].how, moves[0].from, moves[0].to), (How::Restore, None, Some(two)));
    let index = directory.path().join(layout::tag_index(&name, &tag("v"), &two).as_str());
    assert!(index.exists(), "registry:2's collector would take what it does not list");
}

#[tokio::test]
async fn what_is_gone_is_passed_over_and_asked_for_it_is_said_when_it_went() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let one = put(&registry, &name, numbered(1, &["v"])).await;
    let two = put(&registry, &name, numbered(2, &["v"])).await;
    put(&registry, &name, numbered(1, &["v"])).await;
    let three = put(&registry, &name, numbered(3, &["v"])).await;
    put(&registry, &name, numbered(2, &["v"])).await;
    registry.delete_manifest(&name, &two, &Precondition::None, &Actor::named("dora")).await.unwrap();
    let gone = back(&registry, "v", Some(two)).await.unwrap_err();
    assert!(matches!(gone, RegistryError::ManifestRemoved { .. }), "{gone:?}");
    let said = gone.to_string();
    assert!(said.contains(" deleted at 2") && said.contains(" by dora;") && said.contains("wharf trash"), "{said}");
    assert_eq!(at(&registry, "v").await, None, "it was pointed at nothing");
    assert_eq!(back(&registry, "v", None).await.unwrap().to, three);
    assert_eq!(back(&registry, "v", None).await.unwrap().to, one);
    let never = back(&registry, "v", Some(digest("never"))).await;
    assert!(matches!(never, Err(RegistryError::ManifestUnknown { .. })), "{never:?}");
}

#[tokio::test]
async fn where_there_is_nothing_to_go_back_to_nothing_moves() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let one = put(&registry, &name, numbered(1, &["v"])).await;
    let nothing = back(&registry, "v", None).await;
    assert!(matches!(nothing, Err(RegistryError::NothingToGoBackTo { .. })), "{nothing:?}");
    assert_eq!(at(&registry, "v").await, Some(one));
    let never = back(&registry, "w", None).await;
    assert!(matches!(never, Err(RegistryError::ManifestUnknown { .. })), "{never:?}");
}

#[tokio::test]
async fn a_tag_does_not_go_back_to_what_cannot_be_pulled() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let layer = push(&registry, &name, b"layer").await;
    let whole = put(&registry, &name, new(&image(layer, &[layer]), &["v"])).await;
    let now = put(&registry, &name, numbered(1, &["v"])).await;
    registry.delete_blob(&name, &layer, &Actor::unknown()).await.unwrap();
    let lacking = back(&registry, "v", Some(whole)).await;
    assert!(matches!(lacking, Err(RegistryError::ReferencesUnknown { .. })), "{lacking:?}");
    assert_eq!(at(&registry, "v").await, Some(now));
    push(&registry, &name, b"layer").await;
    back(&registry, "v", None).await.unwrap();
    assert_eq!(at(&registry, "v").await, Some(whole));
}

#[tokio::test]
async fn conditions_and_rules_hold_as_for_a_put() {
    let (directory, registry) = volume();
    let name = name("team/app");
    let one = put(&registry, &name, numbered(1, &["v"])).await;
    let two = put(&registry, &name, numbered(2, &["v"])).await;
    let swap = |registry: &Registry, condition, overwrite| {
        let (registry, name) = (registry.clone(), name.clone());
        async move { registry.point_tag(&name, &tag("v"), &one, bob(), condition, overwrite).await }
    };
    let stale = swap(&registry, Precondition::OneOf(vec![one]), Overwrite::Allowed).await;
    assert!(matches!(stale, Err(RegistryError::PreconditionFailed { .. })), "{stale:?}");
    let create = swap(&registry, Precondition::None, Overwrite::Refused).await;
    assert!(matches!(create, Err(RegistryError::WouldOverwrite { .. })), "{create:?}");
    let stale = registry.roll_back(&name, &tag("v"), bob(), Precondition::Absent, Overwrite::Allowed).await;
    assert!(matches!(stale, Err(RegistryError::PreconditionFailed { .. })), "{stale:?}");
    let create = registry.roll_back(&name, &tag("v"), bob(), Precondition::None, Overwrite::Refused).await;
    assert!(matches!(create, Err(RegistryError::WouldOverwrite { .. })), "{create:?}");
    let any = vec!["*".parse().unwrap()];
    let rule = ImmutableRule {
        key: "tags.immutable[0]".to_owned(),
        repositories: vec!["**".parse().unwrap()],
        tags: any,
        except: Vec::new(),
    };
    let settings = Settings { immutable_tags: ImmutableTags(vec![rule]), ..Settings::default() };
    let fixed = swap(&open(directory.path(), settings), Precondition::None, Overwrite::Allowed).await;
    assert!(matches!(fixed, Err(RegistryError::TagImmutable { .. })), "{fixed:?}");
    let settings = Settings { read_only: true, ..Settings::default() };
    let read_only = swap(&open(directory.path(), settings), Precondition::None, Overwrite::Allowed).await;
    assert!(matches!(read_only, Err(RegistryError::ReadOnly)), "{read_only:?}");
    assert_eq!(at(&registry, "v").await, Some(two));
    swap(&registry, Precondition::OneOf(vec![two]), Overwrite::Allowed).await.unwrap();
    assert_eq!(at(&registry, "v").await, Some(one));
}

/// A manifest whose bytes do not say its type keeps the one that was noted.
#[tokio::test]
async fn going_back_changes_nothing_of_the_manifest() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    let kind = "application/vnd.example.thing+json";
    let untyped = serde_json::json!({"schemaVersion": 2, "config": {"digest": push(&registry, &name, b"c").await}});
    let thing = NewManifest { media_type: Some(kind.parse().unwrap()), ..new(&untyped, &["v"]) };
    let thing = put(&registry, &name, thing).await;
    let before = registry.get_manifest(&name, &thing.into()).await.unwrap();
    put(&registry, &name, numbered(1, &["v"])).await;
    back(&registry, "v", None).await.unwrap();
    let after = registry.get_manifest(&name, &tag("v").into()).await.unwrap();
    assert_eq!((after.digest, after.media_type, after.bytes), (before.digest, before.media_type, before.bytes));
}

/// No tag that was acknowledged points at nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn going_back_against_a_deletion_leaves_the_tag_there_with_its_manifest_or_not_at_all() {
    let (_directory, registry) = volume();
    let name = name("team/app");
    for round in 0..30 {
        let old = put(&registry, &name, numbered(1, &["v"])).await;
        put(&registry, &name, numbered(2, &["v"])).await;
        let (one, two) = (registry.clone(), registry.clone());
        let deleting = tokio::spawn(async move {
            one.delete_manifest(&"team/app".parse().unwrap(), &old, &Precondition::None, &Actor::unknown()).await
        });
        let went = tokio::spawn(async move { back(&two, "v", None).await }).await.unwrap();
        deleting.await.unwrap().unwrap();
        match (&went, at(&registry, "v").await) {
            (Ok(_), Some(now)) => assert!(serves_manifest(&registry, &name, now).await, "{round}"),
            (Ok(_) | Err(RegistryError::NothingToGoBackTo { .. }), _) => {}
            (Err(error), _) => panic!("{error}"),
        }
        assert!(!serves_manifest(&registry, &name, old).await);
    }
}
