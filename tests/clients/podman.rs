//! podman: push and pull in each format, run, and an index.

use serde_json::Value;

use crate::containers::Containers;
use crate::content::{fresh_words, root_file_system};
use crate::served::Served;

/// What podman is told when it pushes, and what comes of it: the manifest's and the layer's type.
const FORMATS: [(&[&str], &str, &str); 3] = [
    (&["--format=oci"], "application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.layer.v1.tar+gzip"),
    (
        &["--format=oci", "--compression-format=zstd"],
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.layer.v1.tar+zstd",
    ),
    (
        &["--format=v2s2"],
        "application/vnd.docker.distribution.manifest.v2+json",
        "application/vnd.docker.image.rootfs.diff.tar.gzip",
    ),
];

#[tokio::test]
async fn an_image_comes_back_the_same_in_each_format_and_runs() {
    let (wharf, podman) = (Served::start(), Containers::new());
    for (number, (options, manifest_type, layer_type)) in FORMATS.into_iter().enumerate() {
        let (name, words) = (format!("team/app-{number}"), fresh_words());
        let image = wharf.image(&format!("{name}:1"));
        let id = import(&podman, &words, &image);
        let digest_file = podman.space.at("digest");
        podman
            .client("podman", &["push", "--tls-verify=false", "--digestfile"])
            .arg(&digest_file)
            .args(options)
            .arg(&image)
            .succeeds();
        let digest = std::fs::read_to_string(&digest_file).unwrap();

        let manifest = reqwest::Client::new().get(wharf.at(&format!("/v2/{name}/manifests/1"))).send().await.unwrap();
        assert_eq!(manifest.headers()["docker-content-digest"], digest.as_str());
        assert_eq!(manifest.headers()["content-type"], manifest_type);
        let manifest: Value = manifest.json().await.unwrap();
        assert_eq!(manifest["layers"][0]["mediaType"], layer_type);

        podman.client("podman", &["image", "rm", &image]).succeeds();
        podman.client("podman", &["pull", "--tls-verify=false", &image]).succeeds();
        let inspect = |what| {
            let format = format!("--format={{{{.{what}}}}}");
            podman.client("podman", &["image", "inspect", &format, &image]).succeeds().stdout
        };
        assert_eq!((inspect("Id"), inspect("Digest")), (id, digest));
        let ran = podman.client("podman", &["run", "--rm", "--network=none", &image]).succeeds();
        assert_eq!(ran.stdout, words);
    }
}

#[test]
fn an_index_is_pushed_with_its_images() {
    let (wharf, podman) = (Served::start(), Containers::new());
    let words = fresh_words();
    let (image, list) = (wharf.image("team/app:1"), wharf.image("team/multi:1"));
    import(&podman, &words, &image);
    let run = |arguments: &[&str]| podman.client("podman", arguments).succeeds();
    run(&["push", "--tls-verify=false", &image]);
    run(&["manifest", "create", &list]);
    run(&["manifest", "add", "--tls-verify=false", &list, &format!("docker://{image}")]);
    run(&["manifest", "push", "--tls-verify=false", "--all", &list, &format!("docker://{list}")]);
    run(&["manifest", "rm", &list]);
    run(&["image", "rm", &image]);
    run(&["pull", "--tls-verify=false", &list]);
    assert_eq!(run(&["run", "--rm", "--network=none", &list]).stdout, words);
}

/// Makes an image that prints these words; its ID.
#[track_caller]
pub(crate) fn import(podman: &Containers, words: &str, image: &str) -> String {
    let archive = root_file_system(&podman.space, words);
    podman
        .client("podman", &["import", "--quiet", "--change", r#"CMD ["/bin/cat", "/words"]"#])
        .arg(archive)
        .arg(image)
        .succeeds();
    podman.client("podman", &["image", "inspect", "--format={{.Id}}", image]).succeeds().stdout
}
