//! What docker says to those who may and to those who may not: the sentences are those that people will see.

use crate::client::Said;
use crate::docker::Docker;
use crate::docker::images::{BUILDERS, building};
use crate::served::{Served, password};

/// Logs in somebody whose password is known to be right.
#[track_caller]
fn log_in(docker: &Docker, wharf: &Served, user: &str) {
    docker.log_in(wharf.address(), user, &password(user)).succeeds();
}

/// Expects a push or a pull to be refused.
#[track_caller]
fn refused(docker: &Docker, command: &str, image: &str) -> Said {
    docker.client(&[command, image]).fails()
}

#[test]
fn everybody_pushes_where_they_may_and_is_told_why_not_elsewhere() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let [own, anothers, public] = ["carol/app:1", "dave/app:1", "public/app:1"].map(|name| wharf.image(name));
    docker.import_fresh(&[&own, &anothers, &public]);
    let said = refused(&docker, "push", &own);
    said.mentions(&format!("unauthorized: log in first, as with: docker login {}", wharf.address()));

    log_in(&docker, &wharf, "carol");
    docker.push(&own);
    let said = refused(&docker, "push", &anothers);
    said.mentions("denied: carol may not push to dave/app; ask whoever keeps this registry");
    let said = refused(&docker, "push", &public);
    said.mentions("denied: push on public/app needs push or create for carol; rules 1 and 2 were considered");
    // Whoever reads the log finds who it was.
    wharf.logs("status=403 user=carol repository=dave/app");

    log_in(&docker, &wharf, "alice");
    docker.push(&public);
    docker.push(&anothers);
}

#[test]
fn what_is_public_is_everybodys_and_what_is_private_its_owners_alone() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let [private, public] = ["carol/app:1", "public/app:1"].map(|name| wharf.image(name));
    docker.import_fresh(&[&private, &public]);
    log_in(&docker, &wharf, "carol");
    docker.push(&private);
    log_in(&docker, &wharf, "alice");
    docker.push(&public);
    docker.run(&["image", "rm", &private, &public]);

    docker.run(&["logout", wharf.address()]);
    docker.run(&["pull", &public]);
    let said = refused(&docker, "pull", &private);
    said.mentions(&format!("unauthorized: log in first, as with: docker login {}", wharf.address()));

    log_in(&docker, &wharf, "dave");
    docker.run(&["pull", &public]);
    let said = refused(&docker, "pull", &private);
    said.mentions("name unknown: there is no repository carol/app that dave may pull");
    let absent = refused(&docker, "pull", &wharf.image("carol/nil:1"));
    assert_eq!(absent.stderr.replace("carol/nil", "carol/app"), said.stderr, "nobody learns what is there");

    for user in ["carol", "bob"] {
        log_in(&docker, &wharf, user);
        docker.run(&["pull", &private]);
        docker.run(&["image", "rm", &private]);
    }
}

#[test]
fn an_access_token_in_place_of_a_password_creates_tags_and_moves_none() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let create = ["token", "create", "--name=ci-build", "--may=team/*:pull,create", "--expires=90d"];
    let token = wharf.command(&create).succeeds().stdout;
    docker.log_in(wharf.address(), "ci-build", &token).succeeds().mentions("Login Succeeded");

    let [image, elsewhere] = ["team/app:1", "other/app:1"].map(|name| wharf.image(name));
    docker.import_fresh(&[&image, &elsewhere]);
    let digest = docker.push(&image);
    docker.run(&["pull", &image]).mentions(&digest);
    refused(&docker, "push", &elsewhere).mentions("denied: the access token ci-build may not push to other/app");

    docker.import_fresh(&[&image]);
    let said = refused(&docker, "push", &image);
    said.mentions(&format!(
        "denied: tag 1 exists already in repository team/app and is {digest}; you may create tags there but not move them, \
         so push under another tag"
    ));
    let next = wharf.image("team/app:2");
    docker.run(&["tag", &image, &next]);
    docker.push(&next);

    wharf.command(&["token", "revoke", "ci-build"]).succeeds();
    refused(&docker, "pull", &image).mentions("unauthorized: the token is not accepted");
}

#[test]
fn layers_are_mounted_from_where_one_may_pull_and_sent_otherwise() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    for (base, user, copy, mounted) in [
        ("public/base:1", "carol", "carol/one:1", true),
        ("team/base:1", "ci", "ci/two:1", true),
        ("team/base:2", "carol", "carol/three:1", false),
    ] {
        let (image, copied) = (wharf.image(base), wharf.image(copy));
        docker.import_fresh(&[&image, &copied]);
        log_in(&docker, &wharf, "alice");
        docker.push(&image);
        log_in(&docker, &wharf, user);
        let said = docker.run(&["push", &copied]);
        let (from, _) = base.split_once(':').unwrap();
        assert_eq!(said.stdout.contains(&format!("Mounted from {from}")), mounted, "{said}");
        docker.run(&["image", "rm", &image, &copied]);
        docker.run(&["pull", &copied]);
    }
}

/// BuildKit and `docker manifest` fetch their tokens themselves, with what `docker login` kept.
#[test]
fn builds_and_manifest_lists_use_the_login_too() {
    let (wharf, docker) = (Served::guarded(), Docker::start());
    let base = wharf.image("carol/base:1");
    docker.import_fresh(&[&base]);
    log_in(&docker, &wharf, "carol");
    docker.push(&base);
    for (name, buildkit) in BUILDERS {
        docker.run(&["image", "rm", &base]);
        let (recipe, built) = (format!("FROM {base}\nENV BY=\"{name}\"\n"), wharf.image("carol/built:1"));
        log_in(&docker, &wharf, "dave");
        let said = building(&docker, buildkit, &recipe, &built).fails();
        assert!(said.to_string().contains("not found") || said.to_string().contains("may pull"), "{name}: {said}");
        log_in(&docker, &wharf, "carol");
        building(&docker, buildkit, &recipe, &built).succeeds();
        docker.push(&built);
    }
    let list = wharf.image("carol/list:1");
    docker.run(&["manifest", "create", "--insecure", &list, &base]);
    docker.run(&["manifest", "push", "--insecure", &list]);
    docker.run(&["manifest", "inspect", "--insecure", &list]);
    log_in(&docker, &wharf, "dave");
    docker.client(&["manifest", "inspect", "--insecure", &base]).fails();
}
