//! `wharf history` and `wharf rollback`, by each way in which they reach a registry.

use serde_json::{Value, json};

use crate::command::{done, said, wharf};
use crate::guarded::PASSWORD;
use crate::support::Wharf;

fn short(digest: &str) -> &str {
    &digest["sha256:".len()..][..12]
}

#[tokio::test]
async fn a_tag_is_looked_up_and_taken_back_on_a_stopped_volume_through_the_socket_and_over_the_network() {
    let server = Wharf::prepare().full_durability().go();
    let volume = server.volume().to_owned();
    let repo = server.repo("team/app");
    let (one, two) = (repo.push_image("latest", 1).await, repo.push_image("latest", 2).await);
    let (first, second) = (one.digest(), two.digest());
    let run = |arguments: &[&str]| wharf(&volume, arguments).output().unwrap();
    // Through the socket.
    let back = done(&run(&["rollback", "team/app:latest"]));
    assert_eq!(back, format!("team/app:latest points at {first} now; it was at {second}\n"));
    assert_eq!(repo.manifest("latest").await.is(200).body, one.bytes, "the server knows");
    let shown = done(&run(&["history", "team/app:latest"]));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines[0].starts_with("WHEN") && lines[0].ends_with("STILL THERE"), "{shown}");
    let newest: Vec<&str> = lines[1].split_whitespace().skip(1).collect();
    assert_eq!(newest, ["operator", "rolled", "back", short(&second), short(&first), "yes"]);
    assert_eq!(lines.len(), 4);
    // Over the network, where nobody in particular asks.
    let back = done(&run(&["rollback", "team/app:latest", &second, "--json", "--server", &server.url]));
    let back: Value = serde_json::from_str(&back).unwrap();
    assert_eq!((&back["from"], &back["to"]), (&json!(first), &json!(second)));
    let told = done(&run(&["history", "team/app:latest", "--json", "--server", &server.url]));
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&told["moves"][0]["by"], &told["moves"][0]["how"]), (&Value::Null, &json!("roll-back")));
    // Alone.
    let start = server.crash();
    let shown = done(&run(&["history", "team/app:latest", "--no-trunc"]));
    assert!(shown.contains(&first) && shown.contains(&second), "{shown}");
    std::fs::write(
        volume.join("config.yml"),
        format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n", volume.display()),
    )
    .unwrap();
    let back = done(&run(&["rollback", "team/app:latest", "config.yml"]));
    assert!(back.contains(&format!("points at {first} now")), "{back}");
    let back = done(&run(&["rollback", "team/app:latest", &first, "config.yml"]));
    assert!(back.contains("already"), "{back}");
    assert_eq!(start.go().repo("team/app").manifest("latest").await.is(200).body, one.bytes);
}

#[tokio::test]
async fn a_deleted_tag_is_found_and_brought_back_and_what_cannot_be_is_said() {
    let server = Wharf::start();
    let volume = server.volume().to_owned();
    let repo = server.repo("team/app");
    let image = repo.push_image("kept", 1).await;
    for tag in ["gone", "lost"] {
        repo.put(tag, &image).await.is(201);
        repo.delete(&format!("manifests/{tag}")).await.is(202);
    }
    let run = |arguments: &[&str]| wharf(&volume, arguments).output().unwrap();
    let shown = done(&run(&["history", "team/app"]));
    let tags: Vec<&str> = shown.lines().map(|line| line.split_whitespace().next().unwrap()).collect();
    assert_eq!(tags, ["TAG", "gone", "lost"]);
    assert!(shown.lines().nth(1).unwrap().ends_with(short(&image.digest())), "{shown}");
    let told: Value = serde_json::from_str(&done(&run(&["history", "team/app", "--json"]))).unwrap();
    assert_eq!(told["tags"][1]["digest"], image.digest());
    let back = done(&run(&["rollback", "team/app:gone"]));
    assert_eq!(back, format!("team/app:gone is back and points at {}\n", image.digest()));
    assert_eq!(repo.manifest("gone").await.is(200).body, image.bytes);

    for (arguments, status, says) in [
        (&["rollback", "team/app:kept"][..], 1, "nothing is left to go back to"),
        (&["rollback", "team/app:never"], 1, "holds no manifest never"),
        (&["history", "nobody/here"], 1, "there is no repository nobody/here"),
        (&["rollback", "team/app"], 2, "say which tag, as in team/app:latest"),
        (&["rollback", "team/app:kept", "sha256:00"], 2, "hexadecimal digits"),
        (&["history", "localhost:5000/team/app:kept"], 2, "--server"),
        (&["rollback", "team/app:kept", "a.yml", "b.yml"], 1, "a.yml is no digest"),
    ] {
        let output = run(arguments);
        let (out, err) = said(&output);
        assert_eq!((output.status.code(), out.as_str()), (Some(status), ""), "{arguments:?}: {err}");
        assert!(err.contains(says), "{arguments:?}: {err}");
    }
}

/// What `docker login` has kept is who did it.
#[tokio::test]
async fn a_server_is_told_who_goes_back() {
    let server = crate::guarded::start();
    let repo = server.user("alice").repo("team/app");
    repo.push_image("latest", 1).await;
    repo.push_image("latest", 2).await;
    let run = |user: &str| {
        let docker = server.volume().join(user);
        std::fs::create_dir_all(&docker).unwrap();
        let pair = data_encoding::BASE64.encode(format!("{user}:{PASSWORD}{user}").as_bytes());
        let config = json!({"auths": {server.address(): {"auth": pair}}});
        std::fs::write(docker.join("config.json"), config.to_string()).unwrap();
        let mut command = wharf(server.volume(), &["rollback", "team/app:latest", "--server", &server.url]);
        command.env("DOCKER_CONFIG", docker).output().unwrap()
    };
    let refused = run("dave");
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused).1);
    done(&run("bob"));
    let told = server.user("alice").get("/api/v1/repositories/team%2Fapp/tags/latest/history").await.is(200).json();
    let by: Vec<Option<&str>> = told["moves"].as_array().unwrap().iter().map(|moved| moved["by"].as_str()).collect();
    assert_eq!(by, [Some("bob"), Some("alice"), Some("alice")]);
}
