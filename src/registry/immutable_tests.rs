//! Tags that stay where they are.

use futures_util::future::join_all;

use super::*;
use crate::registry::samples::{
    described, digest, image, index, name, new, open, push, put, serves_blob, serves_manifest, tag,
};
use crate::registry::{Actor, NewManifest, Precondition, Settings};

fn rules(rules: &[(&str, &str, &str)]) -> ImmutableTags {
    fn patterns<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> Vec<T> {
        text.split_whitespace().map(|pattern| pattern.parse().unwrap()).collect()
    }
    let rules = rules.iter().enumerate().map(|(number, (repositories, tags, except))| ImmutableRule {
        key: format!("tags.immutable[{number}]"),
        repositories: patterns(repositories),
        tags: patterns(tags),
        except: patterns(except),
    });
    ImmutableTags(rules.collect())
}

fn registry() -> (tempfile::TempDir, Registry) {
    let directory = tempfile::tempdir().unwrap();
    let immutable_tags = rules(&[("prod/**", "*", "latest dev-*")]);
    let registry = open(directory.path(), Settings { immutable_tags, ..Settings::default() });
    (directory, registry)
}

fn numbered(number: u64, tags: &[&str]) -> NewManifest {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    new(&manifest, tags)
}

fn is_refused<T: std::fmt::Debug>(answer: Result<T>) -> String {
    match answer {
        Err(error @ RegistryError::TagImmutable { .. }) => error.to_string(),
        answer => panic!("{answer:?}"),
    }
}

#[test]
fn a_rule_is_about_its_repositories_and_tags_but_for_the_exceptions() {
    let rules = rules(&[("prod/** base", "v* 1.?", "*-dev"), ("{user}/x team/*", "stable", "")]);
    for (repository, text, expected) in [
        ("prod/app", "v1", Some("tags.immutable[0]")),
        ("prod/a/b", "1.2", Some("tags.immutable[0]")),
        ("base", "v1", Some("tags.immutable[0]")),
        ("prod/app", "v1-dev", None),
        ("prod/app", "1.20", None),
        ("prod", "v1", None),
        ("test/app", "v1", None),
        ("team/app", "stable", Some("tags.immutable[1]")),
        ("alice/x", "stable", None),
    ] {
        let rule = rules.rule(&name(repository), &tag(text)).map(|rule| rule.key.as_str());
        assert_eq!(rule, expected, "{repository}:{text}");
    }
}

#[tokio::test]
async fn a_tag_that_is_immutable_takes_the_same_manifest_and_no_other() {
    let (_directory, registry) = registry();
    let name = name("prod/app");
    let one = put(&registry, &name, numbered(1, &["v1", "latest"])).await;
    put(&registry, &name, numbered(1, &["v1"])).await;
    let said = is_refused(registry.put_manifest(&name, numbered(2, &["v1"])).await);
    for part in ["v1", "prod/app", &one.to_string(), "tags.immutable[0]"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    // A condition that holds does not allow it, and of several tags none is moved.
    let swap = NewManifest { precondition: Precondition::OneOf(vec![one]), ..numbered(2, &["v1"]) };
    is_refused(registry.put_manifest(&name, swap).await);
    is_refused(registry.put_manifest(&name, numbered(2, &["latest", "new", "v1"])).await);
    assert_eq!(registry.resolve(&name, &tag("latest")).await.unwrap(), Some(one));
    assert_eq!(registry.resolve(&name, &tag("new")).await.unwrap(), None);
    let two = put(&registry, &name, numbered(2, &["latest", "v2"])).await;
    assert_eq!(registry.resolve(&name, &tag("latest")).await.unwrap(), Some(two));
}

#[tokio::test]
async fn what_is_immutable_is_not_removed_with_its_manifest_nor_alone() {
    let (_directory, registry) = registry();
    let (name, nobody) = (name("prod/app"), Actor::unknown());
    let one = put(&registry, &name, numbered(1, &["v1", "latest", "dev-1"])).await;
    is_refused(registry.delete_tag(&name, &tag("v1"), &Precondition::None, &nobody).await);
    is_refused(registry.delete_manifest(&name, &one, &Precondition::None, &nobody).await);
    for text in ["v1", "latest", "dev-1"] {
        assert_eq!(registry.resolve(&name, &tag(text)).await.unwrap(), Some(one), "{text}");
    }
    assert!(serves_manifest(&registry, &name, one).await);
    registry.delete_tag(&name, &tag("dev-1"), &Precondition::None, &nobody).await.unwrap();
    let two = put(&registry, &name, numbered(2, &["latest"])).await;
    registry.delete_manifest(&name, &two, &Precondition::None, &nobody).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_put_one_immutable_tag_exactly_one_does() {
    let (_directory, registry) = registry();
    let name = name("prod/app");
    let puts = (0..20).map(|number| {
        let (registry, name) = (registry.clone(), name.clone());
        tokio::spawn(async move {
            let put = registry.put_manifest(&name, numbered(number, &["v1"])).await;
            // Removing it to put another is no way around.
            let gone = registry.delete_tag(&name, &tag("v1"), &Precondition::None, &Actor::unknown()).await;
            is_refused(gone);
            match put {
                Ok(put) => Some(put.digest),
                Err(error) => {
                    is_refused::<()>(Err(error));
                    None
                }
            }
        })
    });
    let won: Vec<Digest> = join_all(puts).await.into_iter().filter_map(|end| end.unwrap()).collect();
    assert_eq!(won.len(), 1);
    assert_eq!(registry.resolve(&name, &tag("v1")).await.unwrap(), Some(won[0]));
}

#[tokio::test]
async fn what_an_immutable_tag_leads_to_is_not_removed_by_its_digest_either() {
    let (_directory, registry) = registry();
    let (app, nobody) = (name("prod/app"), Actor::unknown());
    let mut children = Vec::new();
    for number in ["1", "2", "3"] {
        let config = push(&registry, &app, format!("config {number}").as_bytes()).await;
        let layer = push(&registry, &app, format!("layer {number}").as_bytes()).await;
        children.push(put(&registry, &app, new(&image(config, &[layer]), &[])).await);
    }
    let inner = put(&registry, &app, new(&index(&children[..1]), &[])).await;
    let outer = put(&registry, &app, new(&index(&[inner, children[1]]), &["v1"])).await;
    let mut signature = index(&[]);
    signature["subject"] = described(crate::oci::MediaType::OCI_INDEX, outer);
    let signature = put(&registry, &app, new(&signature, &[])).await;
    // Something that may be moved leads to the third.
    put(&registry, &app, new(&index(&children[2..]), &["latest"])).await;
    for kept in [outer, inner, children[0], children[1]] {
        let said = is_refused(registry.delete_manifest(&app, &kept, &Precondition::None, &nobody).await);
        assert!(said.contains("tag v1 ") && said.contains(&outer.to_string()), "{said}");
        assert!(serves_manifest(&registry, &app, kept).await);
    }
    for kept in ["config 1", "layer 1", "config 2", "layer 2"] {
        let said = is_refused(registry.delete_blob(&app, &digest(kept), &nobody).await);
        assert!(said.contains("tag v1 ") && said.contains("tags.immutable[0]"), "{said}");
        assert!(serves_blob(&registry, &app, &digest(kept)).await);
    }
    // A signature may go, and what only leads elsewhere.
    for gone in [signature, children[2]] {
        registry.delete_manifest(&app, &gone, &Precondition::None, &nobody).await.unwrap();
    }
    registry.delete_blob(&app, &digest("layer 3"), &nobody).await.unwrap();
    // Elsewhere the same blobs may go.
    let other = name("test/app");
    push(&registry, &other, b"layer 1").await;
    registry.delete_blob(&other, &digest("layer 1"), &nobody).await.unwrap();
}
