//! What tests of the registry push and read.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tempfile::TempDir;

use crate::oci::{Algorithm, Digest, MediaType, Reference, RepositoryName, Tag};
use crate::storage::{self, Filesystem};

use super::{Actor, Body, NewManifest, Overwrite, Precondition, Registry, RegistryError, Settings};

/// A registry over a directory of its own.
pub(super) fn volume() -> (TempDir, Registry) {
    let directory = tempfile::tempdir().unwrap();
    let registry = open(directory.path(), Settings::default());
    (directory, registry)
}

/// A registry that has read nothing yet.
pub(super) fn open(root: &Path, settings: Settings) -> Registry {
    Registry::new(Arc::new(Filesystem::open(&storage::Settings::of(root)).unwrap()), settings)
}

pub(super) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(super) fn digest(content: impl AsRef<[u8]>) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_ref())
}

pub(super) fn body(content: &[u8]) -> Body {
    stream::iter([Ok(Bytes::copy_from_slice(content))]).boxed()
}

/// A descriptor of some content.
pub(super) fn described(media_type: &str, digest: Digest) -> serde_json::Value {
    serde_json::json!({"mediaType": media_type, "digest": digest, "size": 1})
}

/// An image of this configuration and these layers.
pub(super) fn image(config: Digest, layers: &[Digest]) -> serde_json::Value {
    let layers: Vec<_> =
        layers.iter().map(|layer| described("application/vnd.oci.image.layer.v1.tar", *layer)).collect();
    serde_json::json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
        "config": described("application/vnd.oci.image.config.v1+json", config), "layers": layers})
}

/// An index of these manifests.
pub(super) fn index(children: &[Digest]) -> serde_json::Value {
    let children: Vec<_> = children.iter().map(|child| described(MediaType::OCI_MANIFEST, *child)).collect();
    serde_json::json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX, "manifests": children})
}

/// A manifest to be put with these tags, or, without any, by its digest.
pub(super) fn new(manifest: &serde_json::Value, tags: &[&str]) -> NewManifest {
    let bytes = Bytes::from(manifest.to_string());
    let mut tags = tags.iter().map(|text| tag(text));
    NewManifest {
        media_type: None,
        reference: tags.next().map_or_else(|| Reference::Digest(digest(&bytes)), Reference::Tag),
        bytes,
        tags: tags.collect(),
        overwrite: Overwrite::Allowed,
        precondition: Precondition::None,
        by: Actor::unknown(),
    }
}

pub(super) async fn push(registry: &Registry, to: &RepositoryName, content: &[u8]) -> Digest {
    registry.put_blob(to, None, digest(content), body(content)).await.unwrap();
    digest(content)
}

pub(super) async fn put(registry: &Registry, to: &RepositoryName, new: NewManifest) -> Digest {
    registry.put_manifest(to, new).await.unwrap().digest
}

/// Whether a repository serves this as a blob, however it is asked for.
pub(super) async fn serves_blob(registry: &Registry, name: &RepositoryName, digest: &Digest) -> bool {
    let stat = registry.stat_blob(name, digest).await.map(drop);
    let open = registry.open_blob(name, digest).await.map(drop);
    match (stat, open) {
        (Ok(()), Ok(())) => true,
        (Err(RegistryError::BlobUnknown { .. }), Err(RegistryError::BlobUnknown { .. })) => false,
        others => panic!("{digest} in {name}: {others:?}"),
    }
}

/// Whether a repository serves this as a manifest.
pub(super) async fn serves_manifest(registry: &Registry, name: &RepositoryName, of: impl Into<Reference>) -> bool {
    let of = of.into();
    match registry.get_manifest(name, &of).await {
        Ok(_) => true,
        Err(RegistryError::ManifestUnknown { .. }) => false,
        Err(error) => panic!("{of} in {name}: {error:?}"),
    }
}
