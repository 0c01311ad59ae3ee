//! A client of the Rust ecosystem, the `oci-client` crate: push, pull, mount, lists, referrers; byte for byte.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what a test cannot do without fails it")]

#[expect(dead_code, reason = "shared with the tests of access; this one uses a part of it")]
#[path = "access/guarded.rs"]
mod guarded;
#[expect(dead_code, unreachable_pub, reason = "shared with other tests; this one uses a part of it")]
mod support;

use futures_util::TryStreamExt;
use oci_client::Reference;
use oci_client::client::{BlobResponse, Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use serde_json::Value;
use support::Wharf;
use wharf::oci::{Algorithm, Digest};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
const AUTH: &RegistryAuth = &RegistryAuth::Anonymous;
/// More than two of the client's chunks.
const LARGE: usize = 9 * 1024 * 1024 + 7;

#[tokio::test]
async fn an_image_comes_back_byte_for_byte_pushed_in_chunks_and_in_one_piece() {
    let wharf = Wharf::start();
    for (in_one_piece, tag) in [(false, "chunks"), (true, "piece")] {
        let client = client(in_one_piece);
        let image = image(&wharf, "team/app", tag);
        let (layers, config) = (layers(tag), config());
        let manifest = OciImageManifest::build(&layers, &config, None);
        client.push(&image, &layers, config, AUTH, Some(manifest.clone())).await.unwrap();

        let (raw, digest) = client.pull_manifest_raw(&image, AUTH, &[MANIFEST]).await.unwrap();
        assert_eq!(digest, Digest::of(Algorithm::Sha256, &raw).to_string());
        assert_eq!(client.fetch_manifest_digest(&image, AUTH).await.unwrap(), digest);
        let back = client.pull(&image, AUTH, vec![LAYER]).await.unwrap();
        let read: Value = serde_json::from_slice(&raw).unwrap();
        assert_eq!(read, serde_json::to_value(&manifest).unwrap());
        assert_eq!(back.config.data, "{}");
        let pulled = |tag: usize| back.layers.iter().any(|layer| layer.data == layers[tag].data);
        assert!(back.layers.len() == 2 && pulled(0) && pulled(1));
    }
}

#[tokio::test]
async fn a_manifest_keeps_its_spelling() {
    let wharf = Wharf::start();
    let (client, image) = (client(false), image(&wharf, "team/app", "1"));
    client.push(&image, &[], config(), AUTH, None).await.unwrap();
    let manifest = OciImageManifest::build(&[], &config(), None);
    let spelled = format!("\n{}\n\n", serde_json::to_string_pretty(&manifest).unwrap()).into_bytes();
    client.push_manifest_raw(&image, spelled.clone(), MANIFEST.parse().unwrap()).await.unwrap();
    let (raw, _) = client.pull_manifest_raw(&image, AUTH, &[MANIFEST]).await.unwrap();
    assert_eq!(raw, spelled);
}

#[tokio::test]
async fn a_pull_that_broke_off_goes_on_where_it_was() {
    let wharf = Wharf::start();
    let (client, image) = (client(false), image(&wharf, "team/app", "1"));
    let (layers, config) = (layers("1"), config());
    let manifest = OciImageManifest::build(&layers, &config, None);
    client.push(&image, &layers, config, AUTH, None).await.unwrap();
    let rest = client.pull_blob_stream_partial(&image, &manifest.layers[0], 1000, None).await.unwrap();
    let BlobResponse::Partial(rest) = rest else {
        panic!("the whole was sent");
    };
    let pieces: Vec<_> = rest.stream.try_collect().await.unwrap();
    assert!(pieces.concat() == layers[0].data[1000..]);
}

#[tokio::test]
async fn blobs_are_mounted_and_tags_repositories_and_referrers_listed() {
    let wharf = Wharf::start();
    let client = client(false);
    let (layers, from) = (layers("1"), image(&wharf, "team/app", "1"));
    for tag in ["1", "2", "3"] {
        client.push(&image(&wharf, "team/app", tag), &layers, config(), AUTH, None).await.unwrap();
    }
    let to = image(&wharf, "other/app", "1");
    let digest = layers[0].sha256_digest();
    client.mount_blob(&to, &from, &digest).await.unwrap();
    assert!(client.blob_exists(&to, &digest).await.unwrap());
    assert!(!client.blob_exists(&to, &layers[1].sha256_digest()).await.unwrap());

    client.push(&to, &layers, config(), AUTH, None).await.unwrap();
    let tags = client.list_tags(&from, AUTH, None, None).await.unwrap();
    assert_eq!(tags.tags, ["1", "2", "3"]);
    let tags = client.list_tags(&from, AUTH, Some(1), Some("1")).await.unwrap();
    assert_eq!(tags.tags, ["2"]);
    let catalog = client.catalog(&from, AUTH, None, None).await.unwrap();
    assert_eq!(catalog.repositories, ["other/app", "team/app"]);

    let subject = client.fetch_manifest_digest(&from, AUTH).await.unwrap();
    let subject = from.clone_with_digest(subject);
    assert!(client.pull_referrers(&subject, None).await.unwrap().manifests.is_empty());
}

#[tokio::test]
async fn tokens_are_fetched_for_what_the_user_may_do_and_for_what_anybody_may() {
    let wharf = guarded::start();
    let [public, carols, daves] =
        ["public/app", "carol/app", "dave/app"].map(|repository| image(&wharf, repository, "1"));
    let small = [ImageLayer::new(b"small".to_vec(), LAYER.to_owned(), None)];
    // A client keeps what it was told of a registry first, so each user has one of their own.
    let user = |name: &str| RegistryAuth::Basic(name.to_owned(), format!("{}{name}", guarded::PASSWORD));
    let push =
        async |image: &Reference, auth: &RegistryAuth| client(false).push(image, &small, config(), auth, None).await;
    let pull = async |image: &Reference, auth: &RegistryAuth| client(false).pull(image, auth, vec![LAYER]).await;

    push(&public, &user("alice")).await.unwrap();
    push(&carols, &user("carol")).await.unwrap();
    let refused = push(&daves, &user("carol")).await.err().unwrap().to_string();
    assert!(refused.contains("carol may not push to dave/app"), "{refused}");
    assert!(push(&public, AUTH).await.is_err());

    assert_eq!(pull(&public, AUTH).await.unwrap().layers[0].data, small[0].data);
    assert_eq!(pull(&carols, &user("carol")).await.unwrap().layers[0].data, small[0].data);
    let wrong = RegistryAuth::Basic("carol".to_owned(), "wrong".to_owned());
    for (auth, message) in [
        (AUTH, "UnauthorizedError"),
        (&user("dave"), "no repository carol/app that dave may pull"),
        (&wrong, "UnauthorizedError"),
    ] {
        let refused = pull(&carols, auth).await.err().unwrap();
        assert!(format!("{refused:?}").contains(message), "{refused:?}");
    }
}

fn client(in_one_piece: bool) -> Client {
    let config =
        ClientConfig { protocol: ClientProtocol::Http, use_monolithic_push: in_one_piece, ..ClientConfig::default() };
    Client::new(config)
}

fn image(wharf: &Wharf, repository: &str, tag: &str) -> Reference {
    Reference::with_tag(wharf.address().to_owned(), repository.to_owned(), tag.to_owned())
}

fn config() -> Config {
    Config::new("{}", "application/vnd.oci.empty.v1+json".to_owned(), None)
}

/// A large layer and a small one that no other image has.
fn layers(salt: &str) -> Vec<ImageLayer> {
    let large: Vec<u8> = salt.bytes().chain(0..=250).cycle().take(LARGE).collect();
    let small = format!("small {salt}").into_bytes();
    [large, small].map(|data| ImageLayer::new(data, LAYER.to_owned(), None)).into()
}
