//! The commands of the README, as they stand there.

use crate::client::Client;
use crate::content::{fresh_words, root_file_system};
use crate::docker::Docker;
use crate::served::Served;

/// The commands between two headings.
fn commands(from: &str, to: &str) -> String {
    let readme = include_str!("../../README.md");
    let part = readme.split_once(from).unwrap().1.split_once(to).unwrap().0;
    part.split("```").skip(1).step_by(2).collect()
}

#[test]
fn the_walk_can_be_walked_as_it_is_written() {
    let (wharf, docker) = (Served::start(), Docker::start());
    docker.import(&root_file_system(&docker.space, &fresh_words()), "busybox");
    let walk = commands("## A walk", "### From another machine").replace("localhost:5000", wharf.address());
    let said = Client::new("sh")
        .args(["-euxc", &walk])
        .current_directory(docker.space.directory("walk"))
        .env("DOCKER_HOST", format!("unix://{}", docker.space.at("socket").display()))
        .env("PATH", "/usr/bin:/bin")
        .succeeds();
    let mut rest = said.stdout.as_str();
    for expected in [
        r#"{"repositories":[]}"#,
        r#"{"repositories":["team/busybox"]}"#,
        r#"{"name":"team/busybox","tags":["1.0"]}"#,
        "201\n",
        r#"{"repositories":[]}"#,
        r#"{"name":"team/busybox","tags":["1.0"]}"#,
    ] {
        let found = rest.split_once(expected);
        rest = found.unwrap_or_else(|| panic!("{expected} is not next in: {}", said.stdout)).1;
    }
}
