//! Namespaces that may hold so much and no more, over sockets.

use reqwest::Method;
use serde_json::json;

use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::PATIENCE;
use crate::support::content::{Manifest, bytes, sha256};

/// A server where `team` may hold 10,000 bytes.
fn start() -> Wharf {
    let config = "version: 0.1\nstorage:\n  filesystem:\n    rootdirectory: /data\n  delete:\n    enabled: true\nquotas:\n- \
                  {namespace: team, bytes: 10KB}\n";
    Wharf::prepare().config(config).go()
}

async fn used(wharf: &Wharf) -> u64 {
    let quotas = wharf.client().get("/api/v1/quotas").await.is(200).json();
    assert_eq!(quotas["quotas"][0]["namespace"], "team");
    quotas["quotas"][0]["used"].as_u64().unwrap()
}

fn refused(answer: Answer) -> String {
    answer.refuses(403, "DENIED").message()
}

#[tokio::test]
async fn a_blob_that_does_not_fit_is_refused_in_one_request_with_the_whole_sentence() {
    let wharf = start();
    let repo = wharf.repo("team/app");
    repo.push_blob(&bytes(4000, 1)).await;
    let large = bytes(6001, 2);
    let answer = repo.post_blob(&sha256(&large), &large).await.is(403);
    assert_eq!(
        answer.json(),
        json!({"errors": [{
            "code": "DENIED",
            "message": "namespace team may hold 9.7 KiB and holds 3.9 KiB, so 5.8 KiB more do not fit: delete what is not \
                        needed there and have garbage collected, or ask an administrator to raise quotas[0].bytes in \
                        the registry's configuration",
            "detail": {"namespace": "team", "quota": 10_000, "used": 4000, "underWay": 0, "more": 6001,
                "key": "quotas[0].bytes"},
        }]})
    );
    wharf.repo("teams").push_blob(&large).await;
    repo.push_blob(&bytes(6000, 3)).await;
    assert_eq!(used(&wharf).await, 10_000);
    // The same again costs nothing, wherever in the namespace.
    wharf.repo("team/other").push_blob(&bytes(6000, 3)).await;
    assert_eq!(used(&wharf).await, 10_000);
}

#[tokio::test]
async fn a_chunked_upload_is_refused_as_soon_as_it_is_too_much_as_docker_sends_it() {
    let wharf = start();
    let repo = wharf.repo("team/app");
    let upload = repo.upload().await;
    let pieces = (0..4).map(|seed| bytes(4000, seed)).collect();
    assert!(refused(upload.request(Method::PATCH).streamed(pieces).send().await).contains("namespace team may hold"));
    let status = upload.status().await.is(204);
    // As many pieces as the network made of it, but not all.
    let last: usize = status.header("range").strip_prefix("0-").unwrap().parse().unwrap();
    assert!((4000..10_000).contains(&last), "what fits is there: {last}");
    let begun = (0..4).flat_map(|seed| bytes(4000, seed)).take(last + 1);
    let rest = bytes(10_000 - last - 1, 9);
    // With a length, nothing of it is read.
    refused(upload.patch_at(&format!("{}-10000", last + 1), &[&rest[..], b"x"].concat()).await);
    assert_eq!(upload.status().await.is(204).header("range"), format!("0-{last}"));
    upload.patch_at(&format!("{}-9999", last + 1), &rest).await.is(202);
    let whole: Vec<u8> = begun.chain(rest).collect();
    // Somebody else is first.
    repo.push_blob(b"x").await;
    refused(upload.finish(&sha256(&whole), b"").await);
    upload.cancel().await.is(204);
    assert_eq!(used(&wharf).await, 1);
}

#[tokio::test]
async fn a_mount_and_a_manifest_that_do_not_fit_are_refused() {
    let wharf = start();
    let repo = wharf.repo("team/app");
    let elsewhere = wharf.repo("elsewhere").push_blob(&bytes(5000, 1)).await;
    let layer = bytes(9900, 2);
    repo.push_blob(&layer).await;
    let mounted = repo.request(Method::POST, &format!("blobs/uploads/?mount={elsewhere}&from=elsewhere")).send().await;
    refused(mounted);
    let manifest = Manifest::image(&layer, &[]);
    assert!(refused(repo.put("1", &manifest).await).contains("more do not fit"));
    repo.get("tags/list").await.is(200);
    repo.manifest("1").await.is(404);
}

#[tokio::test]
async fn deleting_is_always_possible_and_makes_room() {
    let wharf = start();
    let repo = wharf.repo("team/app");
    let image = repo.push_image("1", 1).await;
    let layer = bytes(10_000, 2);
    let elsewhere = wharf.repo("elsewhere").push_blob(&layer).await;
    let query = format!("blobs/uploads/?mount={elsewhere}&from=elsewhere");
    refused(repo.request(Method::POST, &query).send().await);
    repo.delete(&format!("manifests/{}", image.digest())).await.is(202);
    for blob in image.references() {
        repo.delete(&format!("blobs/{blob}")).await.is(202);
    }
    repo.request(Method::POST, &query).send().await.is(201);
    assert_eq!(used(&wharf).await, 10_000);
    let wharf = wharf.crash().env("REGISTRY_QUOTAS", "[{namespace: team, bytes: 10KB}]").go();
    assert_eq!(used(&wharf).await, 10_000, "after a crash, too");
    wharf.repo("team/app").push_blob(&layer).await;
    refused(wharf.repo("team/app").post_blob(&sha256(b"y"), b"y").await);
}

#[tokio::test]
async fn of_many_pushes_at_once_no_more_come_through_than_fit() {
    let wharf = start();
    let pushes = (0..12).map(|seed| {
        let repo = wharf.repo(&format!("team/app{seed}"));
        let content = bytes(3000, seed);
        async move {
            let upload = repo.upload().await;
            let pieces = content.chunks(500).map(<[u8]>::to_vec).collect();
            let sent = upload.request(Method::PATCH).streamed(pieces).send().await;
            match sent.status {
                202 => upload.finish(&sha256(&content), b"").await.status,
                status => status,
            }
        }
    });
    let ended = tokio::time::timeout(PATIENCE, futures_util::future::join_all(pushes)).await.unwrap();
    let came = ended.iter().filter(|status| **status == 201).count();
    assert!(ended.iter().all(|status| matches!(status, 201 | 403)), "{ended:?}");
    assert!(came <= 3, "{ended:?}");
    assert_eq!(used(&wharf).await, 3000 * came as u64);
    // What was refused is not reserved any more.
    for seed in 0..3 {
        let content = bytes(3000, seed);
        let again = wharf.repo("team/again").post_blob(&sha256(&content), &content).await;
        assert!(matches!(again.status, 201 | 403));
    }
    assert_eq!(used(&wharf).await, 9000);
}
