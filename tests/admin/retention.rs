//! Pulls that are counted, and tags that go by the rules of retention, with the real program.

use reqwest::Method;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::command::{said, wharf};
use crate::jobs::over;
use crate::support::client::Client;
use crate::support::repository::Repository;
use crate::support::{Start, Wharf};

/// Of the tags `pr-*` two stay; the others are kept by no rule but the first.
const RULES: &str = "{repositories: 'team/**', tags: 'pr-*', keep: {newest: 2, matching: pr-keep}}, \
                     {repositories: 'team/**', tags: 'v*', keep: {pulledwithin: 720h}}";

fn configured(start: Start, delete: bool) -> Start {
    start.config(&format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: /nowhere}}, delete: {{enabled: {delete}}}}}\n\
         retention: {{rules: [{RULES}]}}\nhttp: {{addr: :0}}\n"
    ))
}

async fn tag(client: &Client, repository: &str, tag: &str) -> Value {
    client.get(&format!("/api/v1/repositories/{repository}/tags/{tag}")).await.is(200).json()
}

fn stop(wharf: &mut Wharf) {
    kill_process(Pid::from_raw(i32::try_from(wharf.pid()).unwrap()).unwrap(), Signal::TERM).unwrap();
    assert!(wharf.child().wait().unwrap().success());
}

#[tokio::test]
async fn pulls_are_counted_and_survive_a_restart_and_looks_are_not() {
    let mut wharf = Wharf::start();
    let repo = wharf.repo("team/app");
    let image = repo.push_image("1.0", 1).await;
    repo.put("latest", &image).await.is(201);
    repo.head("manifests/1.0").await.is(200);
    repo.head(&format!("manifests/{}", image.digest())).await.is(200);
    let client = wharf.client();
    let now = tag(&client, "team/app", "1.0").await;
    assert_eq!((now["pulls"].as_u64(), now.get("lastPulled")), (Some(0), None));
    for _ in 0..3 {
        repo.manifest("1.0").await.is(200);
    }
    // What docker does: it asks where the tag points, and gets that.
    repo.manifest(&image.digest()).await.is(200);
    let held = repo.request(Method::GET, "manifests/1.0").header("if-none-match", &format!("\"{}\"", image.digest()));
    held.send().await.is(304);
    let before = tag(&client, "team/app", "1.0").await;
    assert_eq!(
        (before["pulls"].as_u64(), tag(&client, "team/app", "latest").await["pulls"].as_u64()),
        (Some(5), Some(1))
    );
    stop(&mut wharf);
    let wharf = wharf.crash().go();
    let after = tag(&wharf.client(), "team/app", "1.0").await;
    assert_eq!(after["pulls"].as_u64(), Some(5));
    let second = |tag: &Value| tag["lastPulled"].as_str().unwrap()[..19].to_owned();
    assert_eq!(second(&after), second(&before));
    wharf.repo("team/app").manifest("1.0").await.is(200);
    assert_eq!(tag(&wharf.client(), "team/app", "1.0").await["pulls"].as_u64(), Some(6));
}

async fn push(repo: &Repository) {
    for (seed, tag) in (1..).zip(["pr-3", "pr-2", "pr-1", "pr-keep", "v1", "latest"]) {
        repo.push_image(tag, seed).await;
    }
}

/// What would happen to each tag, as `tag fate rule`.
async fn preview(client: &Client, query: &str) -> Vec<String> {
    let page = client.get(&format!("/api/v1/retention{query}")).await.is(200).json();
    let text = |value: &Value| value.as_str().unwrap_or("-").replace("retention.", "");
    let line = |tag: &Value| format!("{} {} {}", text(&tag["tag"]), text(&tag["fate"]), text(&tag["rule"]));
    page["tags"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test]
async fn a_preview_tells_what_a_run_does_and_a_roll_back_undoes() {
    let wharf = configured(Wharf::prepare(), true).go();
    let repo = wharf.repo("team/app");
    push(&repo).await;
    wharf.repo("elsewhere").push_image("pr-1", 1).await;
    let client = wharf.client();
    let expected = [
        "latest no-rule -",
        "pr-1 newest rules[0]",
        "pr-2 removed rules[0]",
        "pr-3 removed rules[0]",
        "pr-keep matching rules[0]",
        "v1 not-yet-pulled rules[1]",
    ];
    // pr-keep was moved last, and is one of the two.
    assert_eq!(preview(&client, "").await, expected);
    assert_eq!(preview(&client, "?repository=elsewhere").await, Vec::<String>::new());
    assert_eq!(preview(&client, "?repository=team/*&n=2&last=team/app:pr-1").await, expected[2..4]);
    let first = client.get("/api/v1/retention?n=4").await.is(200).json();
    assert_eq!((first["next"].as_str(), first["rules"].as_u64()), (Some("team/app:pr-3"), Some(2)));
    client.get("/api/v1/retention?repository=Team").await.problem(400, "NAME_INVALID");
    client.get("/api/v1/retention?last=team/app:..").await.problem(400, "TAG_INVALID");

    let run = async |body: &str| {
        let request = client.request(Method::POST, "/api/v1/retention-runs").header("content-type", "application/json");
        let begun = request.body(body.to_owned()).send().await.is(202);
        over(&client, begun.header("location")).await["result"].clone()
    };
    let result = run("{\"dryRun\":true}").await;
    assert_eq!(
        (result["kind"].as_str(), result["removed"].as_u64(), result["tags"].as_u64()),
        (Some("retention"), Some(2), Some(6))
    );
    assert_eq!(run("{\"repository\":\"other/**\"}").await["removed"], 0);
    assert_eq!(repo.tags().await.len(), 6, "nothing is gone yet");
    let gone = repo.manifest("pr-2").await.is(200).header("docker-content-digest").to_owned();
    assert_eq!(run("{}").await["removed"], 2);
    assert_eq!(repo.tags().await, ["latest", "pr-1", "pr-keep", "v1"]);
    let manifest = repo.manifest(&gone).await.is(200);
    assert_eq!(wharf.repo("elsewhere").tags().await, ["pr-1"]);
    // The tag is brought back from what is still there.
    let back = repo.request(Method::PUT, "manifests/pr-2").header("content-type", manifest.header("content-type"));
    back.body(manifest.body.clone()).send().await.is(201);
    assert_eq!(repo.tags().await, ["latest", "pr-1", "pr-2", "pr-keep", "v1"]);
}

#[tokio::test]
async fn the_command_previews_and_runs_on_a_stopped_volume_and_through_a_server() {
    let start = configured(Wharf::prepare(), true);
    let server = start.go();
    push(&server.repo("team/app")).await;
    let volume = server.volume().to_owned();
    let run = |arguments: &[&str]| {
        let output = wharf(&volume, &[arguments, &["config.yml"]].concat()).output().unwrap();
        let (out, err) = said(&output);
        assert!(output.status.success(), "{err}");
        out
    };
    let out = run(&["retention", "preview"]);
    let goes: Vec<&str> = out.lines().filter(|line| line.starts_with("goes ")).collect();
    assert_eq!(
        goes,
        [
            "goes   team/app:pr-2  retention.rules[0] keeps it for no reason",
            "goes   team/app:pr-3  retention.rules[0] keeps it for no reason"
        ]
    );
    assert!(out.contains("2 tags would go and 4 would stay\n"), "{out}");
    assert!(out.contains("  1 stay: newest (retention.rules[0])\n"), "{out}");
    let json = run(&["retention", "preview", "--json", "--all"]);
    let tags: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((tags.len(), tags[0]["fate"].as_str()), (6, Some("no-rule")));
    assert!(run(&["retention", "preview", "--repository", "x"]).starts_with("0 tags would go and 0 would stay"));
    assert_eq!(run(&["retention", "run", "--dry-run"]), "2 of 6 tags in 1 repositories would be removed\n");
    let _stopped = server.crash();
    assert_eq!(run(&["retention", "run"]), "2 of 6 tags in 1 repositories were removed\n");
    assert_eq!(run(&["retention", "run"]), "0 of 4 tags in 1 repositories were removed\n");
    let without = wharf(&volume, &["retention", "preview"]).output().unwrap();
    assert!(said(&without).1.contains("there are no rules"), "{}", said(&without).1);
}

#[tokio::test]
async fn where_nothing_may_be_deleted_there_is_a_preview_and_no_run() {
    let server = configured(Wharf::prepare(), false).go();
    push(&server.repo("team/app")).await;
    let client = server.client();
    assert_eq!(preview(&client, "").await.len(), 6);
    let request = client.request(Method::POST, "/api/v1/retention-runs").header("content-type", "application/json");
    let problem = request.body("{}").send().await.problem(405, "UNSUPPORTED");
    assert!(problem["detail"].as_str().unwrap().contains("storage.delete.enabled"), "{problem}");
    let output = wharf(server.volume(), &["retention", "run", "config.yml"]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).1.contains("storage.delete.enabled"), "{}", said(&output).1);
    assert_eq!(server.repo("team/app").tags().await.len(), 6);
}

/// The server does it by itself, an interval after its start at the earliest.
#[tokio::test]
async fn a_server_with_an_interval_needs_nobody_to_ask() {
    let text = format!(
        "version: 0.1\nstorage: {{filesystem: {{rootdirectory: /nowhere}}, delete: {{enabled: true}}}}\n\
         retention: {{interval: 100ms, rules: [{RULES}]}}\nhttp: {{addr: :0}}\n"
    );
    let server = Wharf::prepare().config(&text).go();
    let repo = server.repo("team/app");
    push(&repo).await;
    let gone = server.repository("team/app").join("_manifests/tags/pr-3/current/link");
    server.until(|| !gone.exists()).await;
    server.logs("removed a tag that no rule of retention keeps");
    repo.manifest("pr-keep").await.is(200);
    repo.manifest("latest").await.is(200);
}
