//! Manifests: putting and getting, and what comes back.

use serde_json::{Value, json};

use crate::support::Wharf;
use crate::support::content::{DOCKER_LIST, DOCKER_MANIFEST, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::support::content::{NOTHING, descriptor, sha512};
use crate::support::repository::Repository;

/// The body of an image that is there, to be made into something else.
async fn body(repo: &Repository, seed: u64) -> Value {
    serde_json::from_slice(&repo.prepare_image(seed).await.bytes).unwrap()
}

#[tokio::test]
async fn a_manifest_comes_back_byte_for_byte_with_all_that_clients_look_at() {
    let repo = Wharf::shared().repo("manifests/contract");
    let image = repo.prepare_image(1).await;
    let digest = image.digest();
    let put = repo.put("v1", &image).await.is(201);
    assert_eq!(put.header("location"), format!("/v2/manifests/contract/manifests/{digest}"));
    assert_eq!(put.header("docker-content-digest"), digest);
    assert_eq!(put.header("content-length"), "0");
    assert!(!put.has("oci-subject") && !put.has("oci-tag"));
    for reference in ["v1", &digest] {
        let get = repo.manifest(reference).await.is(200);
        assert_eq!(get.body, image.bytes);
        let head = repo.head(&format!("manifests/{reference}")).await.is(200);
        assert!(head.body.is_empty());
        for answer in [get, head] {
            assert_eq!(answer.header("content-type"), OCI_MANIFEST);
            assert_eq!(answer.header("docker-content-digest"), digest);
            assert_eq!(answer.header("etag"), format!("\"{digest}\""));
            assert_eq!(answer.header("content-length"), image.bytes.len().to_string());
        }
    }
}

#[tokio::test]
async fn white_space_and_unknown_keys_are_kept() {
    let repo = Wharf::shared().repo("manifests/bytes");
    let body = body(&repo, 2).await.to_string();
    let body = format!("\n\t {} \n", body.replacen('{', "{ \"zzz\": [1, 2,3],", 1));
    repo.put("v1", &Manifest::new(OCI_MANIFEST, body.clone())).await.is(201);
    assert_eq!(repo.manifest("v1").await.is(200).body, body.as_bytes());
}

#[tokio::test]
async fn each_known_type_comes_back_as_it_was_put() {
    let repo = Wharf::shared().repo("manifests/types");
    let image = body(&repo, 3).await;
    let child = repo.push_image("child", 4).await;
    let index = json!({"schemaVersion": 2, "manifests": [child.descriptor()]});
    let artifact = json!({"blobs": image["layers"], "artifactType": "a/b"});
    for (tag, media_type, body) in [
        ("oci", OCI_MANIFEST, &image),
        ("docker", DOCKER_MANIFEST, &image),
        ("index", OCI_INDEX, &index),
        ("list", DOCKER_LIST, &index),
        ("artifact", "application/vnd.oci.artifact.manifest.v1+json", &artifact),
    ] {
        let mut body = body.clone();
        for with_type in [true, false] {
            body["mediaType"] = json!(media_type);
            if !with_type {
                body.as_object_mut().unwrap().remove("mediaType");
            }
            let manifest = Manifest::new(media_type, body.to_string());
            repo.put(tag, &manifest).await.is(201);
            for reference in [tag, &manifest.digest()] {
                let answer = repo.manifest(reference).await.is(200);
                assert_eq!(answer.header("content-type"), media_type, "{tag}");
                assert_eq!(answer.body, manifest.bytes);
            }
        }
    }
}

#[tokio::test]
async fn a_type_that_nobody_knows_comes_back_as_it_was_put() {
    let wharf = Wharf::start();
    let repo = wharf.repo("manifests/unknown");
    let manifest = Manifest::new("application/vnd.example.thing.v7+json", r#"{"hello":"world"}"#);
    repo.put("thing", &manifest).await.is(201);
    let wharf = wharf.crash_and_restart();
    let answer = wharf.repo("manifests/unknown").manifest("thing").await.is(200);
    assert_eq!(answer.header("content-type"), "application/vnd.example.thing.v7+json");
    assert_eq!(answer.body, manifest.bytes);
}

#[tokio::test]
async fn parameters_of_the_content_type_are_not_kept() {
    let repo = Wharf::shared().repo("manifests/parameters");
    let mut image = repo.prepare_image(5).await;
    image.media_type = Some(format!("{OCI_MANIFEST}; charset=utf-8"));
    repo.put("v1", &image).await.is(201);
    assert_eq!(repo.manifest("v1").await.is(200).header("content-type"), OCI_MANIFEST);
}

#[tokio::test]
async fn without_a_content_type_the_body_says_what_it_is() {
    let repo = Wharf::shared().repo("manifests/headerless");
    let mut image = body(&repo, 6).await;
    image["mediaType"] = json!(DOCKER_MANIFEST);
    let put = async |body: &Value| {
        let manifest = Manifest { media_type: None, bytes: body.to_string().into_bytes() };
        repo.put("v1", &manifest).await.is(201);
        repo.manifest("v1").await.is(200).header("content-type").to_owned()
    };
    assert_eq!(put(&image).await, DOCKER_MANIFEST);
    image.as_object_mut().unwrap().remove("mediaType");
    assert_eq!(put(&image).await, OCI_MANIFEST);
    assert_eq!(put(&json!({"schemaVersion": 2, "manifests": []})).await, OCI_INDEX);
}

#[tokio::test]
async fn a_manifest_can_be_named_by_its_sha512() {
    let repo = Wharf::shared().repo("manifests/sha512");
    let image = repo.prepare_image(7).await;
    let digest = sha512(&image.bytes);
    let put = repo.put(&format!("{digest}?tag=long"), &image).await.is(201);
    assert_eq!(put.header("docker-content-digest"), digest);
    for reference in ["long", &digest] {
        let get = repo.manifest(reference).await.is(200);
        assert_eq!(get.header("docker-content-digest"), digest);
        assert_eq!(get.body, image.bytes);
    }
    repo.manifest(&image.digest()).await.refuses(404, "MANIFEST_UNKNOWN");
    repo.delete(&format!("manifests/{digest}")).await.is(202);
    repo.manifest("long").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_may_refer_to_blobs_and_manifests_by_sha512() {
    let repo = Wharf::shared().repo("manifests/refer512");
    let (config, layer) = (sha512(b"{\"c\":512}"), sha512(b"layer"));
    repo.post_blob(&config, b"{\"c\":512}").await.is(201);
    repo.post_blob(&layer, b"layer").await.is(201);
    let image = Manifest::oci(json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": {"mediaType": "a/b", "digest": config, "size": 9},
        "layers": [{"mediaType": "a/b", "digest": layer, "size": 5}]}));
    let digest = sha512(&image.bytes);
    repo.put(&digest, &image).await.is(201);
    let child = json!({"mediaType": OCI_MANIFEST, "digest": digest, "size": image.bytes.len()});
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]});
    repo.put("index", &Manifest::new(OCI_INDEX, index.to_string())).await.is(201);
}

#[tokio::test]
async fn a_tag_moves_to_what_was_put_last_and_the_earlier_stays_by_its_digest() {
    let repo = Wharf::shared().repo("manifests/moves");
    let first = repo.push_image("latest", 8).await;
    let second = repo.push_image("latest", 9).await;
    assert_eq!(repo.manifest("latest").await.is(200).body, second.bytes);
    assert_eq!(repo.manifest(&first.digest()).await.is(200).body, first.bytes);
    repo.put("latest", &first).await.is(201);
    assert_eq!(repo.manifest("latest").await.is(200).body, first.bytes);
}

#[tokio::test]
async fn an_index_that_refers_to_blobs_is_a_build_cache() {
    let repo = Wharf::shared().repo("manifests/cache");
    let (layer, config) = (b"layer of a cache", b"{\"layers\":[]}");
    repo.push_blob(layer).await;
    repo.push_blob(config).await;
    let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [
        descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer),
        descriptor("application/vnd.buildkit.cacheconfig.v0", config)]});
    repo.put("cache", &Manifest::new(OCI_INDEX, index.to_string())).await.is(201);
    assert_eq!(repo.manifest("cache").await.is(200).header("content-type"), OCI_INDEX);
}

#[tokio::test]
async fn a_subject_that_is_absent_is_fine_and_is_acknowledged() {
    let repo = Wharf::shared().repo("manifests/subject");
    repo.push_blob(b"{}").await;
    let subject = json!({"mediaType": OCI_MANIFEST, "digest": NOTHING, "size": 7});
    let artifact = Manifest::about_digest(&subject, "a/b", "first");
    let put = repo.put(&artifact.digest(), &artifact).await.is(201);
    assert_eq!(put.header("oci-subject"), NOTHING);
}

#[tokio::test]
async fn one_request_sets_ten_tags_and_each_is_acknowledged() {
    let repo = Wharf::shared().repo("manifests/tags");
    let image = repo.prepare_image(10).await;
    let tags: Vec<String> = (0..10).map(|number| format!("v{number}")).collect();
    let query = format!("{}?tag={}", image.digest(), tags.join("&tag="));
    let put = repo.put(&query, &image).await.is(201);
    let values = put.all("oci-tag");
    let acknowledged: Vec<&str> = values.iter().flat_map(|value| value.split(", ")).collect();
    assert_eq!(acknowledged, tags);
    assert_eq!(repo.tags().await, tags);
    for tag in &tags {
        assert_eq!(repo.manifest(tag).await.is(200).body, image.bytes);
    }
}

#[tokio::test]
async fn too_many_tags_or_a_malformed_one_sets_none() {
    let repo = Wharf::shared().repo("manifests/toomany");
    let image = repo.push_image("before", 11).await;
    let tags: Vec<String> = (0..101).map(|number| format!("t{number}")).collect();
    let put = async |tags: &[String]| repo.put(&format!("{}?tag={}", image.digest(), tags.join("&tag=")), &image).await;
    put(&tags).await.refuses(414, "TAG_INVALID");
    put(&["good".to_owned(), "-bad".to_owned()]).await.refuses(400, "TAG_INVALID");
    assert_eq!(repo.tags().await, ["before"]);
    put(&tags[..100]).await.is(201);
    assert_eq!(repo.tags().await.len(), 101);
}
