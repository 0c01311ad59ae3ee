//! A volume with many repositories, written as registry:2 lays it out (docs/storage.md) without a registry's help, which
//! would take hours with some.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::json;
use wharf::oci::{Algorithm, Digest, MediaType};

use super::Scale;
use crate::load::drive::{Quota, Ran, drive};
use crate::load::error::LoadError;
use crate::load::request::Request;
use crate::scratch;
use crate::server::Server;

/// The tags that each repository has.
const TAGS: [&str; 2] = ["v1", "v2"];

/// The name of a repository; in the order of their numbers.
fn name(number: usize) -> String {
    format!("team{:03}/app{number:05}", number / 100)
}

/// The path of a manifest on it.
pub(crate) fn some_manifest() -> String {
    format!("/v2/{}/manifests/{}", name(0), TAGS[1])
}

/// Writes so many repositories with two images each, all on one configuration and one layer.
pub(crate) fn write(root: &Path, repositories: usize) -> io::Result<()> {
    let root = root.join("docker/registry/v2");
    let blobs = [b"{}".as_slice(), b"a layer"].map(|content| (content, Digest::of(Algorithm::Sha256, content)));
    for (content, digest) in &blobs {
        put_content(&root, digest, content)?;
    }
    let [config, layer] = blobs.map(|(content, digest)| (content.len(), digest));
    for number in 0..repositories {
        scratch::still_wanted()?;
        let repository = root.join("repositories").join(name(number));
        for (_, digest) in [config, layer] {
            put_link(&repository.join("_layers/sha256").join(digest.hex()), &digest)?;
        }
        for tag in TAGS {
            let body = json!({
                "schemaVersion": 2,
                "mediaType": MediaType::OCI_MANIFEST,
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": config.0, "digest": config.1.to_string()},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", "size": layer.0, "digest": layer.1.to_string()}],
                "annotations": {"org.opencontainers.image.title": format!("{}:{tag}", name(number))},
            });
            let bytes = body.to_string().into_bytes();
            let digest = Digest::of(Algorithm::Sha256, &bytes);
            put_content(&root, &digest, &bytes)?;
            let manifests = repository.join("_manifests");
            put_link(&manifests.join("revisions/sha256").join(digest.hex()), &digest)?;
            put_link(&manifests.join("tags").join(tag).join("current"), &digest)?;
            put_link(&manifests.join("tags").join(tag).join("index/sha256").join(digest.hex()), &digest)?;
        }
    }
    Ok(())
}

/// Pages from the middle of the catalog.
pub(super) fn catalog(server: &Server, scale: &Scale) -> Result<Ran, LoadError> {
    // What a server does in the background of its start is not the page's.
    server.settle();
    let target = format!("/v2/_catalog?n=100&last={}", name(scale.repositories / 2).replace('/', "%2F"));
    let request = Request::bare("GET", &target, server.host(), "");
    drive(server, 4, Quota::Time(scale.time), |connection, _| Ok(connection.ask(&request, &[], 200)?.length))
}

fn put_content(root: &Path, digest: &Digest, content: &[u8]) -> io::Result<()> {
    let hex = digest.hex();
    let directory = root.join("blobs/sha256").join(&hex[..2]).join(&hex);
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("data"), content)
}

fn put_link(directory: &Path, digest: &Digest) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join("link"), digest.to_string())
}
