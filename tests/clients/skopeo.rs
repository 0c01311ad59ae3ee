//! skopeo: copy, inspect, list, delete; byte for byte.

use serde_json::Value;

use crate::client::{Client, Said};
use crate::containers::Containers;
use crate::content::{Compression, Layout, assert_same_files, fresh_words};
use crate::served::Served;

/// What every copy is told: no conversion, no https.
const COPY: [&str; 4] = [
    "copy",
    "--preserve-digests",
    "--src-tls-verify=false",
    "--dest-tls-verify=false",
];

#[test]
fn a_layout_comes_back_byte_for_byte_with_gzip_and_with_zstd() {
    let (wharf, containers) = (Served::start(), Containers::new());
    for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let layout = Layout::new(&containers.space, &fresh_words(), compression);
        let image = format!("docker://{}", wharf.image(&format!("team/{name}:1")));
        copy(&containers, &layout.transport(), &image);
        let back = containers.space.at(name);
        copy(&containers, &image, &format!("oci:{}:1", back.display()));
        assert_same_files(&layout.path.join("blobs/sha256"), &back.join("blobs/sha256"));
    }
}

#[test]
fn a_docker_image_goes_from_repository_to_repository_byte_for_byte() {
    let (wharf, containers) = (Served::start(), Containers::new());
    let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
    let image = |repository: &str| format!("docker://{}", wharf.image(&format!("{repository}:1")));
    let directory = |name: &str| format!("dir:{}", containers.space.directory(name).display());
    skopeo(&containers, &["copy", "--format=v2s2", "--dest-tls-verify=false"])
        .args([layout.transport(), image("team/one")])
        .succeeds();
    copy(&containers, &image("team/one"), &directory("one"));
    copy(&containers, &image("team/one"), &image("other/two"));
    copy(&containers, &image("other/two"), &directory("two"));
    assert_same_files(&containers.space.at("one"), &containers.space.at("two"));
    let manifest = std::fs::read_to_string(containers.space.at("two/manifest.json")).unwrap();
    assert!(
        manifest.contains("application/vnd.docker.distribution.manifest.v2+json"),
        "{manifest}"
    );
}

#[test]
fn what_was_pushed_can_be_inspected_and_listed_and_deleted() {
    let (wharf, containers) = (Served::start(), Containers::new());
    let layout = Layout::new(&containers.space, &fresh_words(), Compression::Gzip);
    for tag in ["1", "2", "latest"] {
        let image = format!("docker://{}", wharf.image(&format!("team/app:{tag}")));
        copy(&containers, &layout.transport(), &image);
    }
    let about = |command: &str, name: &str| {
        let image = format!("docker://{}", wharf.image(name));
        skopeo(&containers, &[command, "--tls-verify=false"]).arg(image)
    };
    let inspected = json(&about("inspect", "team/app:2").succeeds());
    assert_eq!(inspected["Digest"], layout.manifest.to_string());
    assert_eq!(inspected["Layers"][0], layout.layer.to_string());
    assert_eq!(inspected["RepoTags"], serde_json::json!(["1", "2", "latest"]));
    let raw = about("inspect", "team/app:2").arg("--raw").succeeds().stdout;
    let stored = layout.path.join("blobs/sha256").join(layout.manifest.hex());
    assert_eq!(raw, std::fs::read_to_string(stored).unwrap());

    assert_eq!(
        json(&about("list-tags", "team/app").succeeds())["Tags"][2],
        "latest"
    );
    // skopeo resolves the tag and deletes the manifest, and with it every tag that points at it.
    about("delete", "team/app:1").succeeds();
    about("inspect", "team/app:2")
        .fails()
        .mentions("manifest unknown");
}

#[track_caller]
pub(crate) fn copy(containers: &Containers, from: &str, to: &str) {
    skopeo(containers, &COPY).args([from, to]).succeeds();
}

pub(crate) fn skopeo(containers: &Containers, arguments: &[&str]) -> Client {
    containers
        .client("skopeo", &["--policy"])
        .arg(containers.space.at("policy.json"))
        .args(arguments)
}

fn json(said: &Said) -> Value {
    serde_json::from_str(&said.stdout).unwrap_or_else(|error| panic!("{error}:\n{said}"))
}
