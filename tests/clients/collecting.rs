//! Collections of Wharf and of registry:2 on one volume, and a disk that is full.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use reqwest::Method;

use crate::client::Client;
use crate::containers::Containers;
use crate::content::{Compression, Layout, fresh_words, root_file_system};
use crate::docker::Docker;
use crate::registry2::{Collection, Registry2};
use crate::served::Served;
use crate::skopeo;
use crate::space::Space;
use crate::wire::Wire;

/// Runs the command on a volume, as registry:2 spells it.
fn collect(volume: &Path, options: &[&str]) -> String {
    let config = volume.join("collect.yml");
    fs::write(&config, format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {volume:?}}}}}\n")).unwrap();
    let collected =
        Client::new(env!("CARGO_BIN_EXE_wharf")).arg("garbage-collect").args(options).arg(&config).succeeds();
    fs::remove_file(config).unwrap();
    collected.stdout
}

/// What is named as eligible, as registry:2 names it.
fn eligible(said: &str) -> BTreeSet<String> {
    let lines = said.lines().filter_map(|line| line.split_once(" eligible for deletion: "));
    lines
        .filter_map(|(_, rest)| rest.split(' ').next())
        .filter(|word| word.starts_with("sha256:"))
        .map(str::to_owned)
        .collect()
}

/// What registry:2's collector takes for garbage on a volume of its own is what ours does, with and without what has no tag.
#[tokio::test]
async fn both_collectors_agree_on_what_is_garbage_and_each_serves_what_the_other_leaves() {
    let (volume, containers) = (Space::new(), Containers::new());
    let registry2 = Registry2::on(volume.path());
    let image = |address: &str, name: &str| format!("docker://{address}/{name}");
    let layouts: Vec<Layout> =
        (0..4).map(|_| Layout::new(&containers.space, &fresh_words(), Compression::Gzip)).collect();
    let address = registry2.address().to_owned();
    skopeo::copy(&containers, &layouts[0].transport(), &image(&address, "team/app:kept"));
    // Moved away from, and so without a tag.
    skopeo::copy(&containers, &layouts[1].transport(), &image(&address, "team/app:moved"));
    skopeo::copy(&containers, &layouts[2].transport(), &image(&address, "team/app:moved"));
    // Deleted.
    skopeo::copy(&containers, &layouts[3].transport(), &image(&address, "team/other:gone"));
    let gone = format!("manifests/{}", layouts[3].manifest);
    Wire::expect(&Wire::to(&address, "team/other").request(Method::DELETE, &gone).send().await.unwrap(), 202);
    registry2.stop();

    for (options, theirs) in [
        (&["--dry-run", "--grace", "0s"][..], Collection::tried(volume.path())),
        (&["--dry-run", "-m", "--grace", "0s"][..], Collection::tried_untagged(volume.path())),
    ] {
        let ours = collect(volume.path(), options);
        assert!(!theirs.eligible.is_empty());
        assert_eq!(eligible(&ours), theirs.eligible, "{options:?}: {ours}");
    }
    collect(volume.path(), &["-m", "--grace", "0s"]);
    assert_eq!(Collection::tried_untagged(volume.path()).eligible, BTreeSet::new(), "nothing is left for the other");

    // registry:2 serves what is left, and collects on a volume with a trash.
    let registry2 = Registry2::on(volume.path());
    for tag in ["kept", "moved"] {
        let back = containers.space.directory(&format!("back-{tag}"));
        let from = image(registry2.address(), &format!("team/app:{tag}"));
        skopeo::copy(&containers, &from, &format!("oci:{}:1", back.display()));
    }
    registry2.stop();
    Collection::made(volume.path());

    // And everything comes back behind that.
    let wharf = Served::on(volume.path());
    let trash = wharf.client().get("/api/v1/trash").await.is(200).json();
    let batch = trash["batches"][0]["id"].as_str().unwrap().to_owned();
    let place = format!("/api/v1/trash/{batch}/restoration");
    let begun = wharf.client().request(Method::POST, &place).send().await.is(202);
    let job = begun.header("location").to_owned();
    while wharf.client().get(&job).await.json()["state"] == "running" {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let from = image(wharf.address(), &format!("team/app@{}", layouts[1].manifest));
    let back = containers.space.directory("back-untagged");
    skopeo::copy(&containers, &from, &format!("oci:{}:1", back.display()));
}

/// docker pushes, pulls and runs while what it no longer needs is collected.
#[test]
fn what_docker_pushed_runs_behind_a_collection_and_what_was_deleted_comes_back() {
    let (wharf, docker) = (Served::start(), Docker::start());
    let (kept, gone) = (wharf.image("team/kept:1"), wharf.image("team/gone:1"));
    let words = [fresh_words(), fresh_words()];
    for (image, words) in [&kept, &gone].iter().zip(&words) {
        docker.import(&root_file_system(&docker.space, words), image);
        docker.push(image);
        docker.run(&["image", "rm", image]);
    }
    let run = |arguments: &[&str]| {
        let volume = wharf.volume().to_str().unwrap();
        let command = Client::new(env!("CARGO_BIN_EXE_wharf")).args(arguments);
        command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume).succeeds()
    };
    let said = run(&["delete", "team/gone"]).stdout;
    let batch = said.split("trash restore ").nth(1).unwrap().split(' ').next().unwrap().to_owned();
    run(&["garbage-collect", "--grace", "0s"]).mentions("are in the trash");
    docker.client(&["pull", &gone]).fails();
    docker.run(&["pull", &kept]);
    assert_eq!(docker.output(&kept), words[0]);
    run(&["trash", "restore", &batch]).mentions("repository team/gone is back");
    docker.run(&["pull", &gone]);
    assert_eq!(docker.output(&gone), words[1]);
}
