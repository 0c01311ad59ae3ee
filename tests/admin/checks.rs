//! Looking through the volume of a server that runs, and repairing it.

use std::fs;

use reqwest::Method;
use serde_json::{Value, json};

use crate::abandoned::{self, MANY};
use crate::jobs::over;
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;
use crate::support::content::{Manifest, bytes, sha256};

async fn post(client: &Client, path: &str, body: &str) -> Answer {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    request.body(body.to_owned()).send().await
}

/// What came of a check.
async fn checked(client: &Client, path: &str, body: &str) -> Value {
    let job = over(client, post(client, path, body).await.is(202).header("location")).await;
    assert_eq!((&job["kind"], &job["state"]), (&json!("check"), &json!("done")), "{job}");
    job["result"].clone()
}

#[tokio::test]
async fn what_rots_below_a_server_is_found_moved_aside_and_healed_by_the_next_push() {
    let wharf = Wharf::prepare().full_durability().go();
    let (client, repo) = (wharf.client(), wharf.repo("team/app"));
    let layer = bytes(5000, 1);
    let (config, digest) = (b"{}".as_slice(), sha256(&layer));
    let image = Manifest::image(config, &[&layer]);
    repo.push_blob(config).await;
    repo.push_blob(&layer).await;
    repo.put("v1", &image).await.is(201);
    let clean = checked(&client, "/api/v1/checks", "{}").await;
    assert_eq!((&clean["findings"], &clean["looked_at"]["tags"]), (&json!([]), &json!(1)));

    let mut rotten = layer.clone();
    rotten[2500] ^= 1;
    fs::write(wharf.blob(&digest), &rotten).unwrap();
    let found = checked(&client, "/api/v1/checks", "{\"sample\":\"100%\",\"seed\":7,\"effort\":100}").await;
    assert_eq!((&found["seed"], &found["found"]["broken"]), (&json!(7), &json!(2)));
    let finding = &found["findings"][0];
    assert_eq!(
        (&finding["defect"], &finding["digest"], &finding["size"]),
        (&json!("rotten"), &json!(digest), &json!(5000))
    );
    assert_eq!((&finding["severity"], &finding["outcome"]), (&json!("broken"), &json!("left")));
    assert_eq!(fs::read(wharf.blob(&digest)).unwrap(), rotten, "nothing is changed unless that is asked for");

    let repaired = checked(&client, "/api/v1/repairs", "{}").await;
    assert_eq!(repaired["findings"][0]["outcome"], "repaired");
    assert!(!wharf.blob(&digest).exists());
    repo.head(&format!("blobs/{digest}")).await.is(404);
    repo.push_blob(&layer).await;
    assert_eq!(repo.blob(&digest).await.is(200).body, layer);
    assert_eq!(checked(&client, "/api/v1/checks", "{}").await["findings"], json!([]));
    // In a list there may be many, so it has figures only.
    let listed = client.get("/api/v1/jobs").await.is(200).json();
    let broken: Vec<&Value> =
        listed["jobs"].as_array().unwrap().iter().map(|job| &job["result"]["found"]["broken"]).collect();
    assert_eq!(broken, [0, 2, 2, 0]);
    assert!(listed["jobs"].as_array().unwrap().iter().all(|job| job["result"]["findings"] == json!([])), "{listed}");
}

#[tokio::test]
async fn one_runs_at_a_time_and_is_stopped_as_others_are() {
    let start = Wharf::prepare();
    abandoned::leave(start.volume(), MANY);
    let wharf = start.go();
    let client = wharf.client();
    let begun = post(&client, "/api/v1/checks", "{\"effort\":1}").await.is(202);
    post(&client, "/api/v1/repairs", "{}").await.problem(409, "JOB_RUNNING");
    client.request(Method::DELETE, begun.header("location")).send().await.is(202);
    let job = over(&client, begun.header("location")).await;
    assert_eq!((&job["state"], &job["result"]["cancelled"]), (&json!("stopped"), &json!(true)), "{job}");
    assert_eq!(checked(&client, "/api/v1/checks", "{}").await["looked_at"]["uploads"], MANY);
}

#[tokio::test]
async fn what_it_is_asked_for_is_read_strictly_and_a_read_only_registry_is_looked_at_only() {
    let wharf = Wharf::prepare().env("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true").go();
    let client = wharf.client();
    for body in [
        "{\"effort\":0}",
        "{\"effort\":101}",
        "{\"effort\":\"5\"}",
        "{\"sample\":\"0%\"}",
        "{\"repair\":true}",
        "{\"seed\":-1}",
    ] {
        post(&client, "/api/v1/checks", body).await.problem(400, "BODY_INVALID");
    }
    checked(&client, "/api/v1/checks", "{\"sample\":\"0.5%\"}").await;
    let refused = post(&client, "/api/v1/repairs", "{}").await.problem(405, "UNSUPPORTED");
    assert!(refused["detail"].as_str().unwrap().contains("storage.maintenance.readonly.enabled"), "{refused}");
}
