//! Manifests that are refused, and why.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::Wharf;
use crate::support::content::{DOCKER_LIST, DOCKER_MANIFEST, Manifest, OCI_INDEX, OCI_MANIFEST};
use crate::support::content::{NOTHING, descriptor, sha256};

const SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const TYPES: &[&str] = &[OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "application/vnd.unknown+json"];
const FOREIGN: &str = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip";

#[tokio::test]
async fn what_is_missing_is_named_digest_by_digest() {
    let wharf = Wharf::shared();
    let repo = wharf.repo("refusals/missing");
    let (there, absent, elsewhere) = (b"there", b"absent", b"elsewhere");
    repo.push_blob(there).await;
    wharf.repo("refusals/elsewhere").push_blob(elsewhere).await;
    let answer = repo.put("v1", &Manifest::image(absent, &[there, elsewhere, absent])).await;
    let answer = answer.refuses(404, "MANIFEST_BLOB_UNKNOWN");
    let errors = answer.json()["errors"].as_array().unwrap().clone();
    let mut named: Vec<&str> = errors.iter().map(|e| e["detail"]["digest"].as_str().unwrap()).collect();
    let mut expected = [sha256(absent), sha256(elsewhere)];
    named.sort_unstable();
    expected.sort_unstable();
    assert_eq!(named, expected);
    for error in &errors {
        assert_eq!(error["code"], "MANIFEST_BLOB_UNKNOWN");
        assert!(error["message"].as_str().unwrap().contains(error["detail"]["digest"].as_str().unwrap()));
    }
    repo.manifest("v1").await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn an_index_needs_its_children() {
    let repo = Wharf::shared().repo("refusals/children");
    let child = repo.push_image("child", 20).await;
    let absent = Manifest::image(b"absent", &[]);
    let answer = repo.put("v1", &Manifest::index(&[&child, &absent])).await;
    let answer = answer.refuses(404, "MANIFEST_BLOB_UNKNOWN");
    assert_eq!(answer.json()["errors"][0]["detail"]["digest"], absent.digest());
    repo.put("v1", &Manifest::index(&[&child])).await.is(201);
}

#[tokio::test]
async fn a_blob_that_was_deleted_is_missing() {
    let repo = Wharf::shared().repo("refusals/deleted");
    let image = repo.prepare_image(21).await;
    let layer = serde_json::from_slice::<Value>(&image.bytes).unwrap()["layers"][0]["digest"].clone();
    repo.delete(&format!("blobs/{}", layer.as_str().unwrap())).await.is(202);
    repo.put("v1", &image).await.refuses(404, "MANIFEST_BLOB_UNKNOWN");
}

#[tokio::test]
async fn a_manifest_put_under_another_digest_is_refused() {
    let repo = Wharf::shared().repo("refusals/digest");
    let image = repo.prepare_image(22).await;
    let answer = repo.put(NOTHING, &image).await.refuses(400, "DIGEST_INVALID");
    assert_eq!(answer.json()["errors"][0]["detail"]["found"], image.digest());
    repo.manifest(&image.digest()).await.refuses(404, "MANIFEST_UNKNOWN");
}

#[tokio::test]
async fn a_schema_1_manifest_is_refused_with_what_to_do() {
    let repo = Wharf::shared().repo("refusals/schema1");
    let body = json!({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": [], "signatures": []});
    for media_type in [SCHEMA1, "application/json", "application/vnd.docker.distribution.manifest.v1+json"] {
        let answer = repo.put("old", &Manifest::new(media_type, body.to_string())).await;
        let answer = answer.refuses(400, "MANIFEST_INVALID");
        assert!(answer.message().contains("schema 1") && answer.message().contains("current docker"));
    }
}

#[tokio::test]
async fn what_is_not_a_manifest_is_refused() {
    let repo = Wharf::shared().repo("refusals/garbage");
    let image = repo.prepare_image(23).await;
    let text = String::from_utf8(image.bytes.clone()).unwrap();
    let deep = "[".repeat(100_000);
    for body in ["", "{", "[]", "null", "7", "\"text\"", "\u{0}", "{} {}", deep.as_str(), &text[..text.len() - 1]] {
        repo.put("v1", &Manifest::new(OCI_MANIFEST, body)).await.refuses(400, "MANIFEST_INVALID");
    }
    for media_type in ["text", "a/b/c", "/", "a b/c"] {
        repo.put("v1", &Manifest::new(media_type, text.clone())).await.refuses(400, "MANIFEST_INVALID");
    }
    let untyped = Manifest { media_type: None, bytes: b"{\"hello\":1}".to_vec() };
    repo.put("v1", &untyped).await.refuses(400, "MANIFEST_INVALID");
}

/// CVE-2021-41190: a body that one reader takes for an image and another for an index.
#[tokio::test]
async fn a_body_that_could_be_two_things_is_refused() {
    let repo = Wharf::shared().repo("refusals/ambiguous");
    let config = descriptor("a/b", b"{}");
    repo.push_blob(b"{}").await;
    let bodies = [
        json!({"schemaVersion": 2, "config": config, "layers": [], "manifests": []}),
        json!({"schemaVersion": 2, "layers": [], "manifests": []}),
        json!({"schemaVersion": 2, "config": config, "manifests": []}),
        json!({"schemaVersion": 2, "blobs": [], "manifests": []}),
        json!({"schemaVersion": 2, "config": config, "layers": [], "manifests": [], "mediaType": OCI_MANIFEST}),
        json!({"schemaVersion": 2, "config": config, "layers": [], "manifests": [], "mediaType": OCI_INDEX}),
    ];
    for body in bodies {
        let own = body["mediaType"].as_str().map(str::to_owned);
        for media_type in [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "application/vnd.unknown+json"] {
            let manifest = Manifest::new(own.as_deref().unwrap_or(media_type), body.to_string());
            repo.put("v1", &manifest).await.refuses(400, "MANIFEST_INVALID");
        }
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_something_else_than_the_header_is_refused() {
    let repo = Wharf::shared().repo("refusals/differ");
    let image = repo.prepare_image(24).await;
    for media_type in [DOCKER_MANIFEST, OCI_INDEX, "application/json"] {
        let manifest = Manifest::new(media_type, image.bytes.clone());
        let answer = repo.put("v1", &manifest).await.refuses(400, "MANIFEST_INVALID");
        assert!(answer.message().contains(media_type) && answer.message().contains(OCI_MANIFEST));
    }
    let index = Manifest::new(OCI_MANIFEST, r#"{"schemaVersion":2,"manifests":[]}"#);
    repo.put("v1", &index).await.refuses(400, "MANIFEST_INVALID");
}

#[tokio::test]
async fn a_key_that_two_readers_see_differently_is_refused() {
    let repo = Wharf::shared().repo("refusals/keys");
    let text = String::from_utf8(repo.prepare_image(25).await.bytes).unwrap();
    for (from, to) in [
        ("{", "{\"Layers\":[],"),
        ("{", "{\"layers\":[],"),
        ("{", "{\"MANIFESTS\":[],"),
        ("{", "{\"mediatype\":\"a/b\","),
        ("\"digest\"", "\"Digest\":\"x\",\"digest\""),
    ] {
        let manifest = Manifest::new(OCI_MANIFEST, text.replacen(from, to, 1));
        repo.put("v1", &manifest).await.refuses(400, "MANIFEST_INVALID");
    }
}

#[tokio::test]
async fn layers_that_are_fetched_elsewhere_need_not_be_here_but_must_not_name_a_place() {
    let repo = Wharf::shared().repo("refusals/foreign");
    repo.push_blob(b"{}").await;
    let mut body = Manifest::image_body(b"{}", &[]);
    body["layers"] = json!([descriptor(FOREIGN, b"not here")]);
    repo.put("v1", &Manifest::oci(body.clone())).await.is(201);
    for url in ["https://evil.example/layer", "http://169.254.169.254/", "file:///etc/passwd"] {
        body["layers"][0]["urls"] = json!([url]);
        let answer = repo.put("v2", &Manifest::oci(body.clone())).await.refuses(400, "MANIFEST_INVALID");
        assert!(answer.message().contains(url), "{}", answer.message());
    }
    repo.manifest("v2").await.refuses(404, "MANIFEST_UNKNOWN");
}

/// Whatever fields are mixed: what is accepted comes back exactly, and is an image or an index but never both.
#[test]
fn whatever_is_accepted_can_be_read_in_one_way_only() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let repo = Wharf::shared().repo("refusals/mixed");
    let config = descriptor("a/b", b"{}");
    runtime.block_on(repo.push_blob(b"{}"));
    let kind = || proptest::option::of(proptest::sample::select(TYPES));
    let fields = (any::<[bool; 5]>(), kind(), kind());
    proptest!(ProptestConfig::with_cases(128), |((present, header, written) in fields)| {
        let mut body = json!({});
        let values = [
            ("schemaVersion", json!(2)), ("config", config.clone()), ("layers", json!([])),
            ("manifests", json!([])), ("blobs", json!([])),
        ];
        for ((key, value), _) in values.into_iter().zip(present).filter(|(_, present)| *present) {
            body[key] = value;
        }
        if let Some(written) = written {
            body["mediaType"] = json!(written);
        }
        let manifest = Manifest { media_type: header.map(str::to_owned), bytes: body.to_string().into_bytes() };
        let put = runtime.block_on(repo.put("mixed", &manifest));
        let [_, config, layers, manifests, blobs] = present;
        if put.status == 201 {
            prop_assert!(!(manifests && (config || layers || blobs)), "{body}");
            prop_assert!(header.is_none() || written.is_none() || header == written);
            let get = runtime.block_on(repo.manifest("mixed")).is(200);
            prop_assert_eq!(&get.body, &manifest.bytes);
            if let Some(said) = header.or(written) {
                prop_assert_eq!(get.header("content-type"), said);
            }
        } else {
            put.refuses(400, "MANIFEST_INVALID");
        }
    });
}
