//! `docker login`: what docker says, what it keeps, and for how long that is good.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::docker::Docker;
use crate::served::{Served, password};

/// What docker keeps of a registry.
fn kept(docker: &Docker, registry: &str) -> Value {
    let text = std::fs::read_to_string(docker.space.at("config/config.json")).unwrap_or_default();
    let config: Value = serde_json::from_str(&text).unwrap_or_default();
    config["auths"][registry].clone()
}

#[test]
fn a_wrong_password_is_refused_and_a_right_one_becomes_a_token() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let (registry, right) = (wharf.address(), password("alice"));
    for (user, password) in [("alice", "wrong"), ("nobody", &right)] {
        let refused = docker.log_in(registry, user, password).fails();
        refused.mentions(&format!(
            "Error response from daemon: Get \"http://{registry}/v2/\": unauthorized: the user name or the password is wrong"
        ));
    }
    assert_eq!(kept(&docker, registry), Value::Null);

    let as_an_argument = docker.client(&["login", "--username=alice", "--password", &right, registry]);
    for login in [as_an_argument, docker.log_in(registry, "alice", &right)] {
        login.succeeds().mentions("Login Succeeded");
        let kept = kept(&docker, registry);
        assert!(kept["identitytoken"].is_string(), "{kept}");
        // The name without the password.
        assert_eq!(kept["auth"], data_encoding::BASE64.encode(b"alice:"));
        docker.run(&["logout", registry]).mentions("Removing login credentials");
    }
    assert_eq!(kept(&docker, registry), Value::Null);
}

#[test]
fn what_docker_keeps_outlives_a_restart_and_ends_with_the_password() {
    let (mut before, docker) = (Served::guarded(), Docker::start());
    docker.log_in(before.address(), "carol", &password("carol")).succeeds();
    let image = before.image("carol/app:1");
    docker.import_fresh(&[&image]);

    let wharf = before.restart();
    let digest = docker.push(&image);
    docker.run(&["image", "rm", &image]);
    docker.run(&["pull", &image]).mentions(&digest);

    wharf.command(&["user", "passwd", "carol", "--password-stdin"]).input("another password of carol").succeeds();
    let changed = Instant::now();
    while wharf.log().matches("read the users").count() < 2 {
        assert!(changed.elapsed() < Duration::from_secs(20), "it does not read its users again");
        // It looks at the file once a second, and says no more than this about it.
        std::thread::sleep(Duration::from_millis(20));
    }
    for refused in ["push", "pull"] {
        let said = docker.client(&[refused, &image]).fails();
        said.mentions("unauthorized: the token is not accepted: the password has changed since; log in again");
    }
    docker.log_in(wharf.address(), "carol", "another password of carol").succeeds();
    docker.push(&image);
}

#[test]
fn without_rules_docker_keeps_the_password_itself() {
    let (wharf, docker) = (Served::guarded_by(""), Docker::start());
    let (registry, image) = (wharf.address(), wharf.image("any/app:1"));
    docker.import_fresh(&[&image]);
    for refused in ["push", "pull"] {
        docker.client(&[refused, &image]).fails().mentions("no basic auth credentials");
    }
    let said = docker.log_in(registry, "carol", "wrong").fails();
    said.mentions(&format!("login attempt to http://{registry}/v2/ failed with status: 401 Unauthorized"));

    docker.log_in(registry, "carol", &password("carol")).succeeds().mentions("Login Succeeded");
    let pair = format!("carol:{}", password("carol"));
    assert_eq!(kept(&docker, registry), serde_json::json!({"auth": data_encoding::BASE64.encode(pair.as_bytes())}));
    let digest = docker.push(&image);
    docker.run(&["image", "rm", &image]);
    docker.run(&["pull", &image]).mentions(&digest);
}

/// Tokens are fetched from where the client says the registry is, over plain http too.
#[test]
fn a_registry_on_localhost_needs_no_certificate() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let registry = wharf.address().replace("127.0.0.1", "localhost");
    let image = format!("{registry}/carol/app:1");
    docker.import_fresh(&[&image]);
    docker.log_in(&registry, "carol", "wrong").fails().mentions("the user name or the password is wrong");
    docker.log_in(&registry, "carol", &password("carol")).succeeds();
    let digest = docker.push(&image);
    docker.run(&["image", "rm", &image]);
    docker.run(&["pull", &image]).mentions(&digest);
}
