//! How long a collection takes to find out what is garbage, beside registry:2's collector on the same tree.
//!
//! ```text
//! cargo bench --bench collect
//! WHARF_BENCH_PEER="registry-3=/usr/local/bin/registry garbage-collect --dry-run {config}" cargo bench --bench collect
//! ```
//!
//! 40,000 images of a configuration and a layer each, in 400 repositories: 120,000 contents. Each program runs several times,
//! in turn, and the median counts. Without `--bench`, which cargo adds, everything is tiny, to see whether it still runs.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark fails by panicking and says what it measured"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

/// How large it is.
struct Size {
    repositories: usize,
    images: usize,
    rounds: usize,
}

fn main() {
    let measures = std::env::args().any(|argument| argument == "--bench");
    let size = match measures {
        true => Size { repositories: 400, images: 100, rounds: 5 },
        false => Size { repositories: 2, images: 2, rounds: 1 },
    };
    let volume = tempfile::tempdir_in(".").or_else(|_| tempfile::tempdir()).unwrap();
    for repository in 0..size.repositories {
        for image in 0..size.images {
            push(volume.path(), &format!("team{}/app{repository}", repository % 20), image);
        }
    }
    let config = volume.path().join("config.yml");
    let root = volume.path().display();
    fs::write(&config, format!("version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n")).unwrap();
    let mut took: Vec<Vec<Duration>> = Vec::new();
    let parties = parties(&config);
    took.resize(parties.len(), Vec::new());
    for _ in 0..size.rounds {
        for ((_, command), took) in parties.iter().zip(&mut took) {
            took.push(time(command));
        }
    }
    let images = size.repositories * size.images;
    println!("{} contents in {images} images", images * 3);
    for ((name, _), took) in parties.iter().zip(&mut took) {
        took.sort_unstable();
        println!("{name}: {:.2?} (from {:.2?} to {:.2?})", took[took.len() / 2], took[0], took[took.len() - 1]);
    }
}

/// Those who take part, with what each runs.
fn parties(config: &Path) -> Vec<(String, Vec<String>)> {
    let words = |text: &str| text.replace("{config}", &config.display().to_string());
    let split = |text: &str| words(text).split(' ').map(str::to_owned).collect::<Vec<_>>();
    let wharf = format!("{} garbage-collect --dry-run --quiet {{config}}", env!("CARGO_BIN_EXE_wharf"));
    let mut parties = vec![("wharf".to_owned(), split(&wharf))];
    let debian = "docker-registry garbage-collect --dry-run {config}";
    if Command::new("docker-registry").arg("--version").stdout(Stdio::null()).status().is_ok() {
        parties.push(("docker-registry".to_owned(), split(debian)));
    }
    if let Ok(peer) = std::env::var("WHARF_BENCH_PEER")
        && let Some((name, command)) = peer.split_once('=')
        && command.contains("garbage-collect")
    {
        parties.push((name.to_owned(), split(command)));
    }
    parties
}

fn time(command: &[String]) -> Duration {
    let began = Instant::now();
    let mut run = Command::new(&command[0]);
    let status = run.args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
    began.elapsed()
}

/// What registry:2 leaves of a pushed image.
fn push(root: &Path, name: &str, number: usize) {
    let v2 = root.join("docker/registry/v2");
    let repository = v2.join("repositories").join(name);
    let config = keep(&v2, format!("configuration {number} of {name} {}", "x".repeat(500)).as_bytes());
    let layer = keep(&v2, format!("layer {number} of {name} {}", "y".repeat(500)).as_bytes());
    let described =
        |kind: &str, digest: &str| format!(r#"{{"mediaType":"{kind}","size":500,"digest":"sha256:{digest}"}}"#);
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json","config":{},"layers":[{}]}}"#,
        described("application/vnd.docker.container.image.v1+json", &config),
        described("application/vnd.docker.image.rootfs.diff.tar.gzip", &layer),
    );
    let manifest = keep(&v2, manifest.as_bytes());
    for layer in [&config, &layer] {
        link(repository.join("_layers/sha256").join(layer), layer);
    }
    link(repository.join("_manifests/revisions/sha256").join(&manifest), &manifest);
    let tag = repository.join(format!("_manifests/tags/v{number}"));
    link(tag.join("current"), &manifest);
    link(tag.join("index/sha256").join(&manifest), &manifest);
}

fn keep(v2: &Path, content: &[u8]) -> String {
    let hex = hex::encode(Sha256::digest(content));
    let directory = v2.join("blobs/sha256").join(&hex[..2]).join(&hex);
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("data"), content).unwrap();
    hex
}

fn link(directory: PathBuf, hex: &str) {
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("link"), format!("sha256:{hex}")).unwrap();
}
