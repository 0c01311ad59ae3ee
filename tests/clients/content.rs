//! What the images hold: a busybox that says words of its own, as a tar archive and as an OCI layout.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use wharf::oci::{Algorithm, Digest};

use crate::client::Client;
use crate::space::Space;

/// What the images print; no two images of any run share it, so that no client's cache knows them.
pub(crate) fn fresh_words() -> String {
    format!("hello from {}", uuid::Uuid::new_v4())
}

/// A root file system with a shell and a file `/words`, as a tar archive.
pub(crate) fn root_file_system(space: &Space, words: &str) -> PathBuf {
    let name = format!("rootfs-{}", uuid::Uuid::new_v4());
    let root = space.directory(&name);
    for directory in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir(root.join(directory)).unwrap();
    }
    fs::copy("/bin/busybox", root.join("bin/busybox")).unwrap();
    for applet in ["cat", "echo", "ls", "sh"] {
        symlink("busybox", root.join("bin").join(applet)).unwrap();
    }
    fs::write(root.join("words"), words).unwrap();
    let archive = space.at(&format!("{name}.tar"));
    Client::new("tar")
        .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "-cf"])
        .args([&archive, Path::new("-C"), &root, Path::new(".")])
        .succeeds();
    archive
}

/// How a layer is compressed.
#[derive(Clone, Copy)]
pub(crate) enum Compression {
    Gzip,
    Zstd,
}

/// An image in a directory, as the OCI image layout has it, under the name `1`.
pub(crate) struct Layout {
    pub(crate) path: PathBuf,
    /// The digest of its manifest.
    pub(crate) manifest: Digest,
    /// The digest of its only layer.
    pub(crate) layer: Digest,
}

impl Layout {
    /// An image that prints its words from `/words`.
    pub(crate) fn new(space: &Space, words: &str, compression: Compression) -> Layout {
        let path = space.directory(&format!("layout-{}", uuid::Uuid::new_v4()));
        fs::create_dir_all(path.join("blobs/sha256")).unwrap();
        let archive = root_file_system(space, words);
        let plain = Digest::of(Algorithm::Sha256, &fs::read(&archive).unwrap());
        let (program, ending, layer_type) = match compression {
            Compression::Gzip => ("gzip", "gz", "application/vnd.oci.image.layer.v1.tar+gzip"),
            Compression::Zstd => ("zstd", "zst", "application/vnd.oci.image.layer.v1.tar+zstd"),
        };
        Client::new(program).args(["-q", "-k"]).arg(&archive).succeeds();
        let compressed = fs::read(format!("{}.{ending}", archive.display())).unwrap();
        let layer = put(&path, layer_type, &compressed);
        let config = json!({
            "architecture": architecture(),
            "os": "linux",
            "config": {"Cmd": ["/bin/cat", "/words"], "Env": ["PATH=/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [plain.to_string()]},
        });
        let config = put(
            &path,
            "application/vnd.oci.image.config.v1+json",
            config.to_string().as_bytes(),
        );
        let manifest_type = "application/vnd.oci.image.manifest.v1+json";
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": manifest_type,
            "config": config.0,
            "layers": [layer.0],
        });
        let manifest = put(&path, manifest_type, manifest.to_string().as_bytes());
        let mut entry = manifest.0;
        entry["annotations"] = json!({"org.opencontainers.image.ref.name": "1"});
        let index = json!({"schemaVersion": 2, "manifests": [entry]});
        fs::write(path.join("index.json"), index.to_string()).unwrap();
        fs::write(path.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Layout {
            path,
            manifest: manifest.1,
            layer: layer.1,
        }
    }

    /// How podman, buildah and skopeo name it.
    pub(crate) fn transport(&self) -> String {
        format!("oci:{}:1", self.path.display())
    }
}

/// Writes a blob into a layout; what describes it, and its digest.
fn put(layout: &Path, media_type: &str, content: &[u8]) -> (Value, Digest) {
    let digest = Digest::of(Algorithm::Sha256, content);
    fs::write(layout.join("blobs/sha256").join(digest.hex()), content).unwrap();
    let descriptor = json!({"mediaType": media_type, "size": content.len(), "digest": digest.to_string()});
    (descriptor, digest)
}

/// This machine's processor, as images name it.
pub(crate) fn architecture() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The files of a directory with their content.
pub(crate) fn files(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
    let file = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, fs::read(entry.path()).unwrap())
    };
    entries.map(file).collect()
}

/// Expects the same files with the same content.
#[track_caller]
pub(crate) fn assert_same_files(one: &Path, other: &Path) {
    let (one, other) = (files(one), files(other));
    let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&one), names(&other));
    for (name, content) in &one {
        assert!(*content == other[name], "{name} differs");
    }
}
