//! Push, pull, run, build, manifest lists.

use crate::client::Client;
use crate::content::{fresh_words, root_file_system};
use crate::docker::Docker;
use crate::served::Served;

/// Which builder `docker build` uses.
pub(super) const BUILDERS: [(&str, &str); 2] = [("the classic builder", "0"), ("BuildKit", "1")];

#[test]
fn an_image_that_docker_pushed_comes_back_the_same_and_runs() {
    let (wharf, docker) = (Served::start(), Docker::start());
    let (image, words) = (wharf.image("team/hello:1"), fresh_words());
    docker.import(&root_file_system(&docker.space, &words), &image);
    let (id, digest) = (docker.id(&image), docker.push(&image));

    docker.run(&["image", "rm", &image]);
    docker.client(&["image", "inspect", &image]).fails();
    docker.run(&["pull", &image]).mentions(&digest);
    assert_eq!(docker.id(&image), id);
    assert_eq!(docker.output(&image), words);

    docker.run(&["image", "rm", &image]);
    let by_digest = format!("{}@{digest}", wharf.image("team/hello"));
    docker.run(&["pull", &by_digest]);
    assert_eq!(docker.id(&by_digest), id);
}

#[test]
fn layers_that_are_there_are_not_sent_again() {
    let (wharf, docker) = (Served::start(), Docker::start());
    let base = wharf.image("team/base:1");
    docker.import(&root_file_system(&docker.space, &fresh_words()), &base);
    docker.push(&base);

    let second = wharf.image("team/base:2");
    build(&docker, "0", &format!("FROM {base}\nRUN echo more > /more\n"), &second);
    docker.run(&["push", &second]).mentions("Layer already exists");

    let elsewhere = wharf.image("other/base:1");
    docker.run(&["tag", &second, &elsewhere]);
    docker.run(&["push", &elsewhere]).mentions("Mounted from team/base");

    docker.run(&["image", "rm", &base, &second, &elsewhere]);
    docker.run(&["pull", &elsewhere]);
    docker.run(&["run", "--rm", "--network=none", &elsewhere, "cat", "/more"]).mentions("more");
}

#[test]
fn docker_builds_on_a_pushed_image() {
    let (wharf, docker) = (Served::start(), Docker::start());
    for (name, buildkit) in BUILDERS {
        let words = fresh_words();
        let base = wharf.image(&format!("base-{buildkit}:1"));
        docker.import(&root_file_system(&docker.space, &words), &base);
        docker.push(&base);
        docker.run(&["image", "rm", &base]);

        let built = wharf.image(&format!("built-{buildkit}:1"));
        let recipe = format!("FROM {base}\nRUN echo by {name} >> /words\nCMD cat /words\n");
        build(&docker, buildkit, &recipe, &built);
        let digest = docker.push(&built);
        docker.run(&["image", "rm", &built]);
        docker.run(&["pull", &built]).mentions(&digest);
        assert_eq!(docker.output(&built), format!("{words}by {name}"));
    }
}

#[test]
fn a_manifest_list_gives_each_platform_its_image() {
    let (wharf, docker) = (Served::start(), Docker::start());
    let list = wharf.image("team/multi:1");
    let platforms = ["amd64", "arm64"];
    let images = platforms.map(|architecture| wharf.image(&format!("team/multi:{architecture}")));
    let mut ids = vec![];
    for (architecture, image) in platforms.iter().zip(&images) {
        let archive = root_file_system(&docker.space, &fresh_words());
        docker.client(&["import", "--platform", &format!("linux/{architecture}")]).arg(archive).arg(image).succeeds();
        ids.push(docker.id(image));
        docker.push(image);
    }
    docker.run(&["manifest", "create", "--insecure", &list, &images[0], &images[1]]);
    // What `docker import` makes says this machine's processor whatever it is told.
    docker.run(&["manifest", "annotate", "--arch", platforms[1], &list, &images[1]]);
    docker.run(&["manifest", "annotate", "--arch", platforms[0], &list, &images[0]]);
    docker.run(&["manifest", "push", "--insecure", &list]);
    docker.run(&["image", "rm", &images[0], &images[1]]);
    for (architecture, id) in platforms.iter().zip(ids) {
        docker.run(&["pull", "--platform", &format!("linux/{architecture}"), &list]);
        assert_eq!(docker.id(&list), id, "{architecture}");
        docker.run(&["image", "rm", &list]);
    }
    docker
        .run(&["manifest", "inspect", "--insecure", &list])
        .mentions("arm64")
        .mentions("application/vnd.docker.distribution.manifest.list.v2+json");
}

#[test]
fn docker_passes_on_what_is_wrong_and_what_was_perhaps_meant() {
    let (wharf, docker) = (Served::start(), Docker::start());
    let image = wharf.image("app:1");
    docker.import(&root_file_system(&docker.space, &fresh_words()), &image);
    docker.push(&image);
    docker
        .client(&["pull", &wharf.image("v2/app:1")])
        .fails()
        .mentions("there is a repository app, so leave the \"v2/\" out");
}

#[track_caller]
fn build(docker: &Docker, buildkit: &str, recipe: &str, image: &str) {
    building(docker, buildkit, recipe, image).succeeds();
}

/// A command that builds an image by a recipe.
pub(super) fn building(docker: &Docker, buildkit: &str, recipe: &str, image: &str) -> Client {
    let context = docker.space.directory(&format!("context-{}", uuid::Uuid::new_v4()));
    std::fs::write(context.join("Dockerfile"), recipe).unwrap();
    docker.client(&["build", "--network=none", "--tag", image]).env("DOCKER_BUILDKIT", buildkit).arg(&context)
}
