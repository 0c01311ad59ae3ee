//! podman where not everybody may do everything.

use crate::containers::Containers;
use crate::content::fresh_words;
use crate::docker::Docker;
use crate::podman::import;
use crate::served::{Served, password};

#[test]
fn podman_logs_in_and_pushes_pulls_and_searches_what_its_user_may() {
    let (wharf, podman) = (Served::guarded(), Containers::new());
    let [own, anothers, public] = ["carol/app:1", "dave/app:1", "public/app:1"].map(|name| wharf.image(name));
    import(&podman, &fresh_words(), &own);
    podman.client("podman", &["tag", &own, &anothers, &public]).succeeds();
    let does = |command: &str, image: &str| podman.client("podman", &[command, "--tls-verify=false", image]);
    let all = format!("{}/", wharf.address());
    let log_in = |user: &str, password: &str| podman.log_in("podman", wharf.address(), user, password);

    log_in("carol", "wrong").fails().mentions("invalid username/password");
    does("push", &own).fails().mentions("unauthorized: authentication required");
    does("pull", &own).fails().mentions("unauthorized: log in first");
    // What everybody may pull is shown to everybody, and nothing is there yet.
    assert_eq!(does("search", &all).succeeds().stdout.trim(), "");

    log_in("carol", &password("carol")).succeeds().mentions("Login Succeeded!");
    does("push", &own).succeeds();
    does("push", &anothers).fails().mentions("denied: carol may not push to dave/app");
    does("push", &public).fails().mentions("denied: push on public/app needs push or create for carol");
    log_in("alice", &password("alice")).succeeds();
    does("push", &public).succeeds();
    does("search", &all).succeeds().mentions("/carol/app").mentions("/public/app");

    log_in("dave", &password("dave")).succeeds();
    does("pull", &own).fails().mentions("name unknown: there is no repository carol/app that dave may pull");
    let found = does("search", &all).succeeds();
    assert!(found.mentions("/public/app").stdout.lines().count() == 2, "{found}");
    does("search", &public.replace(":1", "")).arg("--list-tags").succeeds().mentions("1");

    podman.client("podman", &["logout", wharf.address()]).succeeds();
    podman.client("podman", &["image", "rm", "--all", "--force"]).succeeds();
    does("pull", &public).succeeds();
    let found = does("search", &all).succeeds();
    assert!(found.mentions("/public/app").stdout.lines().count() == 2, "{found}");
    does("pull", &own).fails().mentions("unauthorized: log in first");
}

#[test]
fn without_rules_podman_shows_the_password_itself() {
    let (wharf, podman) = (Served::guarded_by(""), Containers::new());
    let image = wharf.image("any/app:1");
    import(&podman, &fresh_words(), &image);
    let does = |command: &str, image: &str| podman.client("podman", &[command, "--tls-verify=false", image]);
    // It sends an empty name with an empty password, which is no guess.
    for _ in 0..8 {
        does("pull", &image).fails().mentions("unauthorized: log in first");
    }
    podman.log_in("podman", wharf.address(), "carol", "wrong").fails().mentions("invalid username/password");
    podman.log_in("podman", wharf.address(), "carol", &password("carol")).succeeds();
    does("push", &image).succeeds();
    podman.client("podman", &["image", "rm", &image]).succeeds();
    does("pull", &image).succeeds();
    does("search", &format!("{}/", wharf.address())).succeeds().mentions("/any/app");
}

/// podman looks where docker keeps what it got, and takes the token from there.
#[test]
fn podman_goes_on_with_what_docker_login_kept() {
    let (wharf, podman, docker) = (Served::guarded(), Containers::new(), Docker::start());
    docker.log_in(wharf.address(), "carol", &password("carol")).succeeds();
    let image = wharf.image("carol/app:1");
    import(&podman, &fresh_words(), &image);
    let does = |command: &str| {
        let client = podman.client("podman", &[command, "--tls-verify=false", &image]);
        client.env("DOCKER_CONFIG", docker.space.at("config"))
    };
    does("push").succeeds();
    podman.client("podman", &["image", "rm", &image]).succeeds();
    does("pull").succeeds();
}
