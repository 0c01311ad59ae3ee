//! A volume that holds an image, something that refers to it, and three tags: what requests and damaged files meet.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use wharf::oci::{Algorithm, Digest, MediaType, Reference, RepositoryName};
use wharf::registry::{Actor, Body, NewManifest, Overwrite, Page, Precondition, Registry, Settings};
use wharf::storage::{self, Filesystem};

/// The only blob; it is also the image's configuration.
pub(crate) const BLOB: &[u8] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const TAGS: [&str; 3] = ["1.0", "2.0", "latest"];

/// A registry over a directory of its own.
pub(crate) struct Volume {
    pub(crate) registry: Registry,
    storage: Arc<Filesystem>,
    runtime: Runtime,
    directory: TempDir,
}

impl Volume {
    /// A volume with everything on it.
    pub(crate) fn new() -> Volume {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let directory = tempfile::tempdir().expect("a directory");
        let storage = Arc::new(Filesystem::open(&storage::Settings::of(directory.path())).expect("a new volume"));
        let registry = Registry::new(storage.clone(), Settings::default());
        let volume = Volume { registry, storage, runtime, directory };
        volume.wait(volume.fill());
        volume
    }

    async fn fill(&self) {
        let body: Body = Box::pin(futures_util::stream::iter([Ok(Bytes::from_static(BLOB))]));
        self.registry.put_blob(&repository(), None, blob(), body).await.expect("a blob");
        for (bytes, tags) in [(image(), TAGS.as_slice()), (referrer(), &[])] {
            let reference = Reference::Digest(Digest::of(Algorithm::Sha256, &bytes));
            let tags = tags.iter().map(|tag| tag.parse().expect("a tag")).collect();
            let (overwrite, precondition) = (Overwrite::Allowed, Precondition::None);
            let by = Actor::unknown();
            let new = NewManifest { media_type: None, bytes, reference, tags, overwrite, precondition, by };
            self.registry.put_manifest(&repository(), new).await.expect("a manifest");
        }
    }

    /// Forgets what was read before.
    pub(crate) fn look_anew(&mut self) {
        self.registry = Registry::new(self.storage.clone(), Settings::default());
    }

    /// Runs a request to its end.
    pub(crate) fn wait<T>(&self, of: impl Future<Output = T>) -> T {
        self.runtime.block_on(of)
    }

    /// Where something of the repository is kept.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.directory.path().join("docker/registry/v2/repositories").join(repository().as_str()).join(below)
    }

    /// Where a note of ours about the repository is kept.
    pub(crate) fn note(&self, below: &str) -> PathBuf {
        self.directory.path().join("wharf/repositories").join(repository().as_str()).join(below)
    }

    /// Everything that a client can see: the tags and where they point, and whether each thing is there.
    pub(crate) fn visible(&self) -> Vec<(String, Option<Digest>)> {
        self.wait(async {
            let (registry, name) = (&self.registry, repository());
            let listing = registry.tags(&name, &Page::default()).await;
            let tags = listing.map(|listing| listing.entries).unwrap_or_default().into_iter().map(Reference::Tag);
            let digests = [image(), referrer()].map(|bytes| Reference::Digest(Digest::of(Algorithm::Sha256, &bytes)));
            let mut seen = Vec::new();
            for reference in tags.chain(digests) {
                let found = registry.get_manifest(&name, &reference).await.ok().map(|found| found.digest);
                seen.push((reference.to_string(), found));
            }
            let held = registry.stat_blob(&name, &blob()).await.is_ok();
            seen.push(("blob".to_owned(), held.then(blob)));
            seen
        })
    }
}

/// The repository that holds it all.
pub(crate) fn repository() -> RepositoryName {
    "team/app".parse().expect("a name")
}

/// The blob's digest.
pub(crate) fn blob() -> Digest {
    Digest::of(Algorithm::Sha256, BLOB)
}

/// The image that every tag points at.
pub(crate) fn image() -> Bytes {
    let config = serde_json::json!({"mediaType": "application/vnd.oci.image.config.v1+json", "digest": blob(),
        "size": BLOB.len()});
    let body = serde_json::json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST, "config": config,
        "layers": []});
    Bytes::from(body.to_string())
}

/// A manifest that says something about the image.
pub(crate) fn referrer() -> Bytes {
    let bytes = image();
    let subject = serde_json::json!({"mediaType": MediaType::OCI_MANIFEST, "size": bytes.len(),
        "digest": Digest::of(Algorithm::Sha256, &bytes)});
    let mut body: serde_json::Value = serde_json::from_slice(&bytes).expect("the image");
    body["subject"] = subject;
    body["artifactType"] = "application/vnd.example.signature".into();
    Bytes::from(body.to_string())
}
