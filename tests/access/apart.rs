//! What keeps users apart who share a registry: uploads, blobs that are kept once for all, and what is remembered.

use reqwest::Method;
use serde_json::json;

use crate::guarded;
use crate::support::content::{Manifest, OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, bytes, descriptor, sha256};

/// S20 (CVE-2026-32589): an upload was reachable by whoever knew its name.
#[tokio::test]
async fn an_upload_is_there_for_whoever_started_it_alone() {
    let rules = "access:\n  - {who: '*', repositories: 'shared/**', may: [pull, push]}\n";
    let wharf = guarded::prepare(rules).go();
    let upload = wharf.user("carol").repo("shared/a").upload().await;
    upload.patch(b"secret").await.is(202);
    let digest = sha256(b"secret");
    let elsewhere = upload.location.replace("shared/a", "shared/b");
    for (who, path) in [("dave", &upload.location), ("carol", &elsewhere), ("dave", &elsewhere)] {
        let client = wharf.user(who);
        for (method, path) in [
            (Method::GET, path.clone()),
            (Method::HEAD, path.clone()),
            (Method::PATCH, path.clone()),
            (Method::PUT, format!("{path}?digest={digest}")),
            (Method::DELETE, path.clone()),
        ] {
            let answer = client.request(method.clone(), &path).body("").send().await;
            assert_eq!(answer.status, 404, "{who}: {}", answer.asked);
            if method != Method::HEAD {
                assert_eq!(answer.code(), "BLOB_UPLOAD_UNKNOWN");
            }
        }
    }
    // With the password or with a token, it is the same user.
    let token = wharf.user("carol").token("repository:shared/a:pull,push").await;
    let upload = upload.at(wharf.client().bearer(&token));
    assert_eq!(upload.status().await.is(204).header("range"), "0-5");
    upload.finish(&digest, b"").await.is(201);
}

#[tokio::test]
async fn an_upload_is_still_its_owners_after_a_crash() {
    let wharf = guarded::start();
    let upload = wharf.user("carol").repo("carol/a").upload().await;
    upload.patch(&bytes(2 << 20, 1)).await.is(202);
    let config = std::fs::read_to_string(wharf.volume().join("config.yml")).unwrap();
    let wharf = wharf.crash().config(&config).go();
    let upload = upload.at(wharf.user("carol"));
    upload.status().await.is(204);
    upload.at(wharf.user("alice")).status().await.refuses(404, "BLOB_UPLOAD_UNKNOWN");
}

/// S9 (CVE-2024-39897): a blob that is kept once for all repositories was readable in every one of them.
#[tokio::test]
async fn a_digest_that_another_repository_holds_cannot_be_had_by_naming_it() {
    for validation in ["", "validation: {disabled: true}\n"] {
        let wharf = guarded::prepare(&format!("{}{validation}", guarded::RULES)).go();
        let secret = bytes(1000, 42);
        let carol = wharf.user("carol");
        let digest = carol.repo("carol/x").push_blob(&secret).await;
        let image = carol.repo("carol/x").push_image("1", 1).await;
        let dave = wharf.user("dave").repo("dave/y");
        let config = dave.push_blob(b"{}").await;
        let post = async |query: String| dave.request(Method::POST, &format!("blobs/uploads/{query}")).send().await;
        post(format!("?mount={digest}&from=carol/x")).await.is(202);
        post(format!("?mount={digest}")).await.is(202);
        post(format!("?mount={digest}&from=carol/x&digest={digest}")).await.is(202);
        assert_eq!(dave.post_blob(&digest, b"").await.status, 400);
        let upload = dave.upload().await;
        assert_eq!(upload.finish(&digest, b"").await.status, 400);
        // Manifests that refer to it, in each way in which one can.
        let layer = json!({"mediaType": OCI_LAYER, "digest": digest, "size": secret.len()});
        let mut foreign = layer.clone();
        foreign["mediaType"] = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip".into();
        let own = json!({"mediaType": OCI_CONFIG, "digest": config, "size": 2});
        let body = |config: &serde_json::Value, layers: &[&serde_json::Value]| {
            Manifest::oci(json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}))
        };
        for manifest in [
            body(&own, &[&layer]),
            body(&own, &[&foreign]),
            body(&layer, &[]),
            Manifest::index(&[&image]),
            Manifest::about(&image, "a/b", "c"),
        ] {
            let _ = dave.put("tag", &manifest).await;
            let _ = dave.put(&manifest.digest(), &manifest).await;
        }
        for digest in [&digest, &image.digest()] {
            for kind in ["blobs", "manifests"] {
                dave.get(&format!("{kind}/{digest}")).await.is(404);
                assert_eq!(dave.head(&format!("{kind}/{digest}")).await.status, 404);
            }
            dave.get(&format!("referrers/{digest}")).await.is(200);
        }
        // And it is still there for whoever may have it.
        assert_eq!(carol.repo("carol/x").blob(&digest).await.is(200).body, secret);
        wharf
            .user("alice")
            .repo("dave/y")
            .request(Method::POST, &format!("blobs/uploads/?mount={digest}&from=carol/x"))
            .send()
            .await
            .is(201);
    }
}

/// Whether a digest exists that may not be read is not told by time either: the same is done for both.
#[tokio::test]
async fn a_mount_from_an_unreadable_repository_takes_as_long_as_one_from_nowhere() {
    let wharf = guarded::start();
    let digest = wharf.user("carol").repo("carol/x").push_blob(b"secret").await;
    let dave = wharf.user("dave").repo("dave/y");
    let mut answers = Vec::new();
    for (digest, from) in [(&digest, "carol/x"), (&sha256(b"absent"), "carol/x"), (&digest, "carol/absent")] {
        let answer = dave.request(Method::POST, &format!("blobs/uploads/?mount={digest}&from={from}")).send().await;
        answers.push((answer.status, answer.body, answer.headers.len()));
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]), "{answers:?}");
}

/// S6 (CVE-2026-35172): what was deleted was still served from what was remembered of it.
#[tokio::test]
async fn what_was_deleted_is_gone_for_everybody_at_once() {
    let wharf = guarded::start();
    let repo = wharf.user("alice").repo("public/app");
    let image = repo.push_image("1", 1).await;
    let layer = &image.references()[1];
    let anonymous = wharf.client().repo("public/app");
    let reads = [format!("blobs/{layer}"), "manifests/1".to_owned(), format!("manifests/{}", image.digest())];
    for _ in 0..3 {
        for read in &reads {
            anonymous.get(read).await.is(200);
        }
    }
    repo.delete(&format!("blobs/{layer}")).await.is(202);
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    for read in &reads {
        anonymous.get(read).await.is(404);
        assert_eq!(anonymous.head(read).await.status, 404);
    }
    assert_eq!(wharf.user("alice").repo("public/app").tags().await, [""; 0]);
}

/// A hint names what somebody may have meant, and must not tell them that it exists.
#[tokio::test]
async fn a_hint_names_no_repository_that_the_caller_may_not_read() {
    let rules = "access:\n\
        \x20 - {who: alice, repositories: '**', may: admin}\n\
        \x20 - {who: dave, repositories: 'v2/**', may: pull}\n";
    let wharf = guarded::prepare(rules).go();
    wharf.user("alice").repo("carol/app").push_image("1", 1).await;
    let hinted = wharf.user("alice").repo("v2/carol/app").manifest("1").await.is(404).message();
    assert!(hinted.contains("HOST/carol/app"), "{hinted}");
    let silent = wharf.user("dave").repo("v2/carol/app").manifest("1").await.is(404).message();
    let absent = wharf.user("dave").repo("v2/carol/nil").manifest("1").await.is(404).message();
    assert_eq!(silent.replace("app", "nil"), absent);
}

/// What is said of an unknown descriptor names nothing but what was sent.
#[tokio::test]
async fn a_manifest_that_refers_to_anothers_blob_is_answered_as_if_there_were_none() {
    let wharf = guarded::start();
    wharf.user("carol").repo("carol/x").push_blob(b"secret").await;
    let dave = wharf.user("dave").repo("dave/y");
    dave.push_blob(b"{}").await;
    let refers = |content: &[u8]| {
        Manifest::oci(json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, b"{}"),
            "layers": [descriptor(OCI_LAYER, content)]}))
    };
    let there = dave.put("t", &refers(b"secret")).await.refuses(404, "MANIFEST_BLOB_UNKNOWN").message();
    let absent = dave.put("t", &refers(b"absent")).await.refuses(404, "MANIFEST_BLOB_UNKNOWN").message();
    assert_eq!(there.replace(&sha256(b"secret"), ""), absent.replace(&sha256(b"absent"), ""));
}
