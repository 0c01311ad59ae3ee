//! Deleting, collecting, the trash: by the commands, in each way in which they reach a registry, and under load.

use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::command::{done, said, wharf};
use crate::guarded;
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::{Client, PATIENCE};
use crate::support::content::{Manifest, bytes};

fn run(volume: &Path, arguments: &[&str]) -> Output {
    wharf(volume, arguments).output().unwrap()
}

async fn ask(client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    let request = client.request(method, &format!("/api/v1/{path}")).header("content-type", "application/json");
    request.body(body.to_string()).send().await
}

/// Begins a job and waits for its end.
async fn job(client: &Client, path: &str, body: &Value) -> Value {
    let begun = ask(client, Method::POST, path, body).await.is(202);
    let place = begun.header("location").to_owned();
    let over = async {
        loop {
            let job = client.get(&place).await.is(200).json();
            if job["state"] != "running" {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, over).await.expect("the job ends")
}

/// The batch that a command names as the last word of a line.
fn batch_in(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("trash restore")).unwrap();
    let word = line.split(' ').find(|word| word.contains("Z-")).unwrap();
    word.to_owned()
}

#[tokio::test]
async fn what_was_deleted_is_collected_restored_and_emptied_on_a_stopped_volume_and_on_a_running_server() {
    let server = Wharf::prepare().full_durability().go();
    let volume = server.volume().to_owned();
    let repo = server.client().repo("team/app");
    let old = repo.push_image("1", 1).await;
    let new = repo.push_image("1", 2).await;
    let other = server.client().repo("team/other").push_image("1", 3).await;
    repo.delete(&format!("manifests/{}", old.digest())).await.is(202);

    // A dry run through the socket names what would go and changes nothing.
    let arguments = ["garbage-collect", "--dry-run", "--grace", "0s"];
    let dry = done(&run(&volume, &arguments));
    assert!(dry.contains("3 blobs and 0 manifests eligible for deletion"), "{dry}");
    assert!(dry.contains(&format!("blob eligible for deletion: {} (", old.digest())), "{dry}");
    assert!(dry.contains("nothing was changed"), "{dry}");
    assert!(server.blob(&old.digest()).exists());
    // Within the time of grace nothing goes at all.
    assert!(done(&run(&volume, &["garbage-collect"])).contains("There was nothing to collect."));
    let collected = done(&run(&volume, &["garbage-collect", "--grace", "0s"]));
    assert!(!server.blob(&old.digest()).exists(), "{collected}");
    assert_eq!(repo.manifest("1").await.is(200).body, new.bytes);

    // The manifest is in another batch than its content, and comes back with it.
    let trash: Value = serde_json::from_str(&done(&run(&volume, &["trash", "list", "--json"]))).unwrap();
    let whats: Vec<&str> = trash["batches"].as_array().unwrap().iter().filter_map(|b| b["what"].as_str()).collect();
    assert_eq!(whats, ["manifest-deletion", "collection"]);
    assert_eq!(trash["batches"][1]["blobs"], 3);
    let deleted = trash["batches"][0]["id"].as_str().unwrap();
    assert!(done(&run(&volume, &["trash", "restore", deleted])).contains("1 manifests, 0 tags and"));
    assert_eq!(repo.manifest(&old.digest()).await.is(200).body, old.bytes);
    repo.push_image("old", 1).await;
    whole(&server.client(), "team/app", &old.digest()).await;

    // A repository as a whole, on a stopped volume.
    let stopped = server.crash();
    let deleted = done(&run(&volume, &["delete", "team/other"]));
    let collected = done(&run(&volume, &["garbage-collect", "--grace", "0s", "--quiet"]));
    assert!(collected.starts_with("6 blobs marked, 3 blobs and 0 manifests eligible for deletion\n"), "{collected}");
    let server = stopped.go();
    assert_eq!(server.client().get("/v2/_catalog").await.list("repositories"), ["team/app"]);
    assert!(done(&run(&volume, &["trash", "restore", &batch_in(&deleted)])).contains("repository team/other is back"));
    whole(&server.client(), "team/other", "1").await;
    assert_eq!(server.client().repo("team/other").manifest("1").await.is(200).body, other.bytes);

    // What is removed for good is gone from disk.
    done(&run(&volume, &["delete", "--below", "team"]));
    assert_eq!(server.client().get("/v2/_catalog").await.list("repositories"), [""; 0]);
    done(&run(&volume, &["garbage-collect", "--grace", "0s"]));
    let emptied = done(&run(&volume, &["trash", "empty"]));
    assert!(emptied.contains("which frees"), "{emptied}");
    assert!(done(&run(&volume, &["trash", "list"])).contains("There is nothing in the trash."));
    let left: Vec<String> = Wharf::files_below(&volume.join("docker"));
    assert_eq!(left, [""; 0]);
}

/// Everything that an image refers to can be pulled.
async fn whole(client: &Client, name: &str, reference: &str) {
    let repo = client.repo(name);
    let manifest = repo.manifest(reference).await.is(200).json();
    for described in manifest["layers"].as_array().unwrap().iter().chain([&manifest["config"]]) {
        let digest = described["digest"].as_str().unwrap();
        let blob = repo.get(&format!("blobs/{digest}")).await.is(200);
        assert_eq!(crate::support::content::sha256(&blob.body), digest, "{name}:{reference}");
    }
}

#[tokio::test]
async fn registry_2s_spelling_works_although_clients_may_not_delete() {
    let server = Wharf::prepare().env("REGISTRY_STORAGE_DELETE_ENABLED", "false").go();
    let volume = server.volume().to_owned();
    let repo = server.client().repo("team/app");
    let old = repo.push_image("1", 1).await;
    repo.push_image("1", 2).await;
    // Clients may not, administrators among them.
    let refused = ask(&server.client(), Method::POST, "garbage-collections", &json!({})).await.is(405);
    assert!(refused.json()["detail"].as_str().unwrap().contains("storage.delete.enabled"), "{:?}", refused.body);
    // Whoever may use the server's own files may.
    let _stopped = server.crash();
    let config = volume.join("config.yml");
    let root = volume.display();
    std::fs::write(&config, format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")).unwrap();
    let path = config.display().to_string();
    let kept = done(&run(&volume, &["garbage-collect", "--grace", "0s", &path]));
    assert!(kept.contains("0 blobs and 0 manifests eligible"), "it lost its tag just now: {kept}");
    let gone = done(&run(&volume, &["garbage-collect", "-m", "--grace", "0s", &path]));
    assert!(
        gone.contains(&format!(
            "manifest eligible for deletion: {} (team/app: no tag has led to it since",
            old.digest()
        )),
        "{gone}"
    );
}

/// What registry:2 asks for: nobody pushes while garbage is collected, so it is served read-only meanwhile.
#[tokio::test]
async fn garbage_is_collected_with_a_configuration_that_is_read_only() {
    let server = Wharf::prepare().full_durability().go();
    let volume = server.volume().to_owned();
    let repo = server.client().repo("team/app");
    let old = repo.push_image("1", 1).await;
    let new = repo.push_image("1", 2).await;
    let stopped = server.crash();
    let config = volume.join("config.yml");
    let root = volume.display();
    let storage = format!("{{filesystem: {{rootdirectory: {root}}}, maintenance: {{readonly: {{enabled: true}}}}}}");
    std::fs::write(&config, format!("version: 0.1\nstorage: {storage}\n")).unwrap();
    let path = config.display().to_string();
    let refused = run(&volume, &["delete", "team/app:1", &path]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).1.contains("storage.maintenance.readonly.enabled"), "{}", said(&refused).1);
    // Over the network it is off, and the command says where it is not.
    let server = stopped.env("REGISTRY_STORAGE_MAINTENANCE_READONLY_ENABLED", "true").go();
    let remote = run(&volume, &["garbage-collect", "-m", "--grace", "0s", "--server", &server.url]);
    assert_eq!(remote.status.code(), Some(1));
    let told = said(&remote).1;
    assert!(
        told.contains("storage.maintenance.readonly.enabled") && told.contains("on the registry's own machine"),
        "{told}"
    );
    assert!(server.blob(&old.digest()).exists());
    let gone = done(&run(&volume, &["garbage-collect", "-m", "--grace", "0s", &path]));
    assert!(gone.contains(&format!("manifest eligible for deletion: {} (team/app", old.digest())), "{gone}");
    assert!(!server.blob(&old.digest()).exists());
    let emptied = done(&run(&volume, &["trash", "empty", &path]));
    assert!(emptied.starts_with("1 batches with 3 blobs are gone"), "{emptied}");
    whole(&server.client(), "team/app", "1").await;
    assert_eq!(server.client().repo("team/app").manifest("1").await.is(200).body, new.bytes);
}

/// What an image consists of.
fn image_blobs(image: &Manifest) -> Vec<String> {
    let read: Value = serde_json::from_slice(&image.bytes).unwrap();
    let layers = read["layers"].as_array().unwrap().iter();
    layers.chain([&read["config"]]).map(|described| described["digest"].as_str().unwrap().to_owned()).collect()
}

/// Whoever may push could else keep the disk from ever being freed.
#[tokio::test]
async fn no_manifest_that_is_accepted_stops_collections() {
    let server = Wharf::prepare().full_durability().go();
    let volume = server.volume().to_owned();
    let repo = server.client().repo("team/app");
    let image = repo.push_image("1", 1).await;
    let text = String::from_utf8(image.bytes.clone()).unwrap();
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    for (number, odd) in ["1e999", r#""\ud800""#, r#"{"\udc00":1}"#, &deep].into_iter().enumerate() {
        let body = text.replacen('{', &format!("{{\"x\":{odd},"), 1);
        repo.put(&format!("odd{number}"), &Manifest { bytes: body.into_bytes(), ..image.clone() }).await.is(201);
    }
    repo.delete("manifests/1").await.is(202);
    let garbage = repo.push_image("2", 2).await;
    repo.delete(&format!("manifests/{}", garbage.digest())).await.is(202);
    done(&run(&volume, &["garbage-collect", "-m", "--grace", "0s"]));
    assert!(!server.blob(&garbage.digest()).exists());
    for described in image_blobs(&image) {
        repo.get(&format!("blobs/{described}")).await.is(200);
    }
    for number in 0..4 {
        let tag = format!("odd{number}");
        assert!(repo.manifest(&tag).await.is(200).body.starts_with(b"{\"x\":"), "{tag}");
    }
}

#[tokio::test]
async fn who_may_delete_in_a_repository_may_delete_it_and_nothing_of_the_whole() {
    let server = guarded::start();
    server.user("carol").repo("carol/app").push_image("1", 1).await;
    server.user("dave").repo("dave/app").push_image("1", 2).await;
    let carol = server.user("carol");
    ask(&carol, Method::DELETE, "repositories/dave%2Fapp", &json!({})).await.is(403);
    let deleted = ask(&carol, Method::DELETE, "repositories/carol%2Fapp", &json!({})).await.is(200).json();
    for (method, path) in [
        (Method::GET, "trash".to_owned()),
        (Method::POST, format!("trash/{}/restoration", deleted["batch"].as_str().unwrap())),
        (Method::POST, "trash-emptyings".to_owned()),
        (Method::POST, "garbage-collections".to_owned()),
        (Method::POST, "repository-deletions".to_owned()),
    ] {
        ask(&carol, method, &path, &json!({})).await.is(403);
    }
    let trash = server.user("alice").get("/api/v1/trash").await.is(200).json();
    assert_eq!(
        (trash["batches"][0]["by"].as_str(), trash["batches"][0]["what"].as_str()),
        (Some("carol"), Some("repository-deletion"))
    );
}

#[tokio::test]
async fn what_nobody_knows_of_is_refused_with_a_sentence() {
    let server = Wharf::start();
    let client = server.client();
    let cases = [
        (Method::DELETE, "repositories/no%2Fsuch", json!({}), 404, "there is no repository no/such"),
        (Method::POST, "trash-emptyings", json!({"batch": "x"}), 400, "a batch of the trash is named like"),
        (Method::POST, "garbage-collections", json!({"effort": 0}), 400, "from 1 to 100"),
        (Method::POST, "garbage-collections", json!({"dryrun": true}), 400, "dryrun"),
        (Method::POST, "repository-deletions", json!({"prefix": "Team"}), 400, "Team"),
    ];
    for (method, path, body, status, sentence) in cases {
        let answer = ask(&client, method, path, &body).await.is(status);
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(sentence), "{path}: {detail}");
    }
    let lost = job(&client, "trash/20261127T232024.123Z-1f2e3d4c/restoration", &json!({})).await;
    assert!(lost["error"].as_str().unwrap().contains("the trash has no batch"), "{lost}");
}

/// A manifest that cannot be read may lead to anything.
#[tokio::test]
async fn a_collection_that_cannot_read_a_manifest_says_which_and_what_to_do() {
    let server = Wharf::prepare().full_durability().go();
    let repo = server.client().repo("team/app");
    let image = repo.push_image("1", 1).await;
    std::fs::write(server.blob(&image.digest()), "{}").unwrap();
    let failed = job(&server.client(), "garbage-collections", &json!({"grace": "0s"})).await;
    assert_eq!(failed["state"], "failed");
    let error = failed["error"].as_str().unwrap();
    for part in ["nothing was removed", "team/app", &image.digest(), "rotted", "wharf check"] {
        assert!(error.contains(part), "{error}");
    }
    let output = run(server.volume(), &["garbage-collect"]);
    assert!(!output.status.success());
    assert!(said(&output).1.contains("nothing was removed"));
}

/// Hours of load in seconds: images are pushed, moved, deleted and pulled by several at full speed, while collections run
/// back to back with no time of grace, and the trash is emptied behind each.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_acknowledged_image_pulls_whole_while_collections_run_back_to_back() {
    let server = Arc::new(Wharf::start());
    let (ended, refused, pushed) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0), AtomicUsize::new(0));
    let collecting = tokio::spawn({
        let (server, ended) = (Arc::clone(&server), Arc::clone(&ended));
        async move {
            let (mut runs, mut swept) = (0, 0);
            while !ended.load(Ordering::Relaxed) {
                let body = json!({"grace": "0s", "deleteUntagged": runs % 2 == 0, "effort": 100});
                let done = job(&server.client(), "garbage-collections", &body).await;
                assert_eq!(done["state"], "done", "{done}");
                swept += done["result"]["blobs"].as_u64().unwrap();
                let emptied = job(&server.client(), "trash-emptyings", &json!({})).await;
                assert_eq!(emptied["state"], "done", "{emptied}");
                runs += 1;
            }
            (runs, swept)
        }
    });
    let work = |number: u64| {
        let (server, refused, pushed) = (Arc::clone(&server), &refused, &pushed);
        async move {
            let repo = server.client().repo(&format!("team/app{}", number % 2));
            let tag = format!("t{number}");
            for round in 0..60 {
                // Layers that others push and lose at the same time, and one of its own.
                let layers = [bytes(3000, round % 5), bytes(200, number * 1000 + round)];
                let config = format!("{{\"by\":{number},\"round\":{round}}}").into_bytes();
                let image = Manifest::image(&config, &[&layers[0], &layers[1]]);
                for _ in 0..20 {
                    for content in [&layers[0], &layers[1], &config] {
                        // As docker does it: what is there is not sent.
                        let digest = crate::support::content::sha256(content);
                        if repo.head(&format!("blobs/{digest}")).await.status != 200 {
                            repo.push_blob(content).await;
                        }
                    }
                    let put = repo.put(&tag, &image).await;
                    if put.status == 201 {
                        break;
                    }
                    // With no time of grace a client may be told that it has to send a blob again.
                    put.is(404);
                    refused.fetch_add(1, Ordering::Relaxed);
                }
                whole(repo.client(), &repo.name, &tag).await;
                pushed.fetch_add(1, Ordering::Relaxed);
                match round % 3 {
                    0 => drop(repo.delete(&format!("manifests/{tag}")).await.is(202)),
                    1 => drop(repo.delete(&format!("manifests/{}", image.digest())).await.is(202)),
                    _ => {}
                }
            }
        }
    };
    futures_util::future::join_all((0..6).map(work)).await;
    ended.store(true, Ordering::Relaxed);
    let (runs, swept) = collecting.await.unwrap();
    println!("{} pushed, {refused:?} refused, {runs} runs swept {swept}", pushed.load(Ordering::Relaxed));
    assert_eq!(pushed.load(Ordering::Relaxed), 360);
    assert!(runs > 2 && swept > 50, "{runs} runs swept {swept}");
}

/// What a server's clients rely on another server does not know.
#[tokio::test]
async fn a_collection_removes_nothing_while_another_server_runs_on_the_volume() {
    let server = Wharf::prepare().full_durability().go();
    let image = server.client().repo("team/app").push_image("1", 1).await;
    server.client().repo("team/app").delete("manifests/1").await.is(202);
    let other =
        Wharf::prepare().env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", server.volume().to_str().unwrap()).go();
    let failed = job(&server.client(), "garbage-collections", &json!({"grace": "0s", "deleteUntagged": true})).await;
    assert!(failed["error"].as_str().unwrap().contains("another server runs on this volume"), "{failed}");
    assert!(server.blob(&image.digest()).exists());
    drop(other);
    let done = job(&server.client(), "garbage-collections", &json!({"grace": "0s", "deleteUntagged": true})).await;
    assert_eq!(done["result"]["blobs"], 3, "{done}");
}
