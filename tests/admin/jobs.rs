//! Jobs as a client of the API meets them.

use std::time::Duration;

use reqwest::Method;
use serde_json::Value;

use crate::abandoned::{self, MANY};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::{Client, PATIENCE};

async fn purge(client: &Client, body: &str) -> Answer {
    let request = client.request(Method::POST, "/api/v1/upload-purges").header("content-type", "application/json");
    request.body(body.to_owned()).send().await
}

/// The job when it is over.
pub(crate) async fn over(client: &Client, path: &str) -> Value {
    let over = async {
        loop {
            let job = client.get(path).await.is(200).json();
            if job["state"] != "running" {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over).await.expect("the job ends")
}

#[tokio::test]
async fn a_job_begins_at_a_place_where_it_can_be_followed_to_its_result() {
    let start = Wharf::prepare();
    let uploads = abandoned::leave(start.volume(), 3);
    let wharf = start.go();
    let client = wharf.client();
    client.repo("left").upload().await;
    let begun = purge(&client, "{\"dryRun\":true,\"olderThan\":\"1h\"}").await.is(202);
    let place = begun.header("location").to_owned();
    assert_eq!(place, format!("/api/v1/jobs/{}", begun.json()["id"].as_str().unwrap()));
    let job = over(&client, &place).await;
    assert_eq!((job["kind"].as_str(), job["state"].as_str()), (Some("upload-purge"), Some("done")));
    assert_eq!(job["result"]["removed"], 3);
    assert!(job["startedAt"].as_str().unwrap() <= job["endedAt"].as_str().unwrap());
    assert_eq!(job.get("startedBy"), None, "nobody said who they are");
    assert!(abandoned::left(&uploads) >= 3);
    let begun = purge(&client, "{}").await.is(202);
    assert_eq!(over(&client, begun.header("location")).await["result"]["removed"], 3);
    assert!(!uploads.join("00000000-0000-4000-8000-000000000000").exists());
    let listed = client.get("/api/v1/jobs").await.is(200).json();
    assert_eq!(listed["jobs"].as_array().unwrap().len(), 2);
    assert_eq!(listed["jobs"][0]["id"], begun.json()["id"], "the last comes first");
}

#[tokio::test]
async fn a_second_of_its_kind_is_refused_and_told_which_runs() {
    let start = Wharf::prepare();
    abandoned::leave(start.volume(), MANY);
    let wharf = start.go();
    let client = wharf.client();
    let begun = purge(&client, "{\"dryRun\":true}").await.is(202);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    let problem = purge(&client, "{\"dryRun\":true}").await.problem(409, "JOB_RUNNING");
    assert!(problem["detail"].as_str().unwrap().contains(&id), "{problem}");
    assert_eq!(over(&client, begun.header("location")).await["result"]["removed"], MANY);
    purge(&client, "{\"dryRun\":true}").await.is(202);
}

#[tokio::test]
async fn a_job_that_is_stopped_keeps_what_it_did_and_does_no_more() {
    let start = Wharf::prepare();
    let uploads = abandoned::leave(start.volume(), MANY);
    let wharf = start.go();
    let client = wharf.client();
    let begun = purge(&client, "{}").await.is(202);
    let place = begun.header("location").to_owned();
    let asked = client.request(Method::DELETE, &place).send().await.is(202).json();
    assert_eq!(asked["stopping"], true);
    let job = over(&client, &place).await;
    assert_eq!(job["state"], "stopped");
    let removed = usize::try_from(job["result"]["removed"].as_u64().unwrap()).unwrap();
    assert_eq!(abandoned::left(&uploads), MANY - removed);
    assert!(removed < MANY);
    assert_eq!(client.request(Method::DELETE, &place).send().await.is(202).json(), job);
}

/// A server that is told to end does not wait for the end of its jobs, and leaves nothing half done.
#[tokio::test]
async fn the_end_of_the_server_stops_its_jobs() {
    use rustix::process::{Pid, Signal, kill_process};

    let start = Wharf::prepare();
    let uploads = abandoned::leave(start.volume(), MANY);
    let mut wharf = start.go();
    let begun = purge(&wharf.client(), "{}").await.is(202);
    kill_process(Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert!(wharf.child().wait().unwrap().success());
    assert!(abandoned::left(&uploads) > 0);
    let id = begun.json()["id"].as_str().unwrap().to_owned();
    wharf.logs("a job is over");
    let log = wharf.log();
    assert!(log.lines().any(|line| line.contains(&id) && line.contains("stopped")), "{log}");
}
