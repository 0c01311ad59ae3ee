//! buildah: commit, push, pull, build on what was pushed.

use crate::containers::Containers;
use crate::content::{fresh_words, root_file_system};
use crate::served::Served;

#[test]
fn a_committed_container_is_pushed_pulled_and_built_on() {
    let (wharf, buildah) = (Served::start(), Containers::new());
    let run = |arguments: &[&str]| buildah.client("buildah", arguments).succeeds();
    let words = fresh_words();
    let archive = root_file_system(&buildah.space, &words);
    let (base, committed, built) = (
        wharf.image("team/base:1"),
        wharf.image("team/committed:1"),
        wharf.image("team/built:1"),
    );
    let pushed = |image: &str, format: &str| {
        let digest_file = buildah.space.at("digest");
        buildah
            .client(
                "buildah",
                &["push", "--tls-verify=false", "--format", format, "--digestfile"],
            )
            .arg(&digest_file)
            .arg(image)
            .succeeds();
        std::fs::read_to_string(digest_file).unwrap()
    };
    let digest =
        |image: &str| run(&["inspect", "--type=image", "--format={{.FromImageDigest}}", image]).stdout;

    let from = run(&["from", "scratch"]).stdout;
    run(&["add", &from, archive.to_str().unwrap(), "/"]);
    run(&["commit", &from, &base]);
    let base_digest = pushed(&base, "oci");
    run(&["rm", &from]);
    run(&["rmi", "--all", "--force"]);

    let container = run(&["from", "--tls-verify=false", &base]).stdout;
    assert_eq!(digest(&base), base_digest);
    let isolated = [
        "run",
        "--isolation=chroot",
        &container,
        "--",
        "/bin/cat",
        "/words",
    ];
    assert_eq!(run(&isolated).stdout, words);
    run(&["config", "--label", "by=buildah", &container]);
    run(&["commit", "--format=docker", &container, &committed]);
    let committed_digest = pushed(&committed, "v2s2");
    run(&["rm", &container]);
    run(&["rmi", "--all", "--force"]);
    run(&["pull", "--tls-verify=false", &committed]);
    assert_eq!(digest(&committed), committed_digest);

    run(&["rmi", "--all", "--force"]);
    let recipe = buildah.space.file(
        "Containerfile",
        format!("FROM {committed}\nRUN echo built >> /words\n"),
    );
    buildah
        .client(
            "buildah",
            &[
                "bud",
                "--tls-verify=false",
                "--isolation=chroot",
                "--tag",
                &built,
                "--file",
            ],
        )
        .arg(&recipe)
        .arg(buildah.space.directory("context"))
        .succeeds();
    let built_digest = pushed(&built, "oci");
    run(&["rmi", "--all", "--force"]);
    run(&["pull", "--tls-verify=false", &built]);
    assert_eq!(digest(&built), built_digest);
}
