//! Blobs and manifests to be pushed.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::oci::{Algorithm, Digest, MediaType};

const IMAGE: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// A type that a manifest's bytes do not give away.
const UNSAID: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// A blob.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
}

/// A manifest, with what it refers to.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) digest: Digest,
    pub(super) bytes: Bytes,
    pub(super) media_type: MediaType,
    pub(super) blobs: Vec<Content>,
    pub(super) children: Vec<Known>,
    pub(super) subject: Option<Digest>,
}

/// A blob of so many bytes that look like nothing.
pub(super) fn blob(name: &str, length: usize) -> Content {
    let mut state = name
        .bytes()
        .fold(0x9E37_79B9_7F4A_7C15_u64, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    let bytes: Bytes = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()
    })
    .flat_map(|word| word.into_iter().take(4))
    .take(length)
    .collect();
    Content { digest: Digest::of(Algorithm::Sha256, &bytes), bytes }
}

fn descriptor(media_type: &str, digest: &Digest, size: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest.to_string(), "size": size})
}

/// An image of these blobs, the first being its configuration.
pub(super) fn image(blobs: &[&Content], subject: Option<&Known>) -> Known {
    let described = |blob: &&Content| descriptor("application/octet-stream", &blob.digest, blob.bytes.len());
    let layers: Vec<Value> = blobs[1..].iter().map(described).collect();
    let mut body = json!({"schemaVersion": 2, "mediaType": IMAGE, "config": described(&blobs[0]), "layers": layers});
    if let Some(subject) = subject {
        body["subject"] = descriptor(IMAGE, &subject.digest, subject.bytes.len());
    }
    let blobs = blobs.iter().map(|blob| (*blob).clone()).collect();
    Known { blobs, subject: subject.map(|subject| subject.digest), ..known(&body, IMAGE) }
}

/// An image that says what it is only when it is put.
pub(super) fn image_without_type(blobs: &[&Content]) -> Known {
    let typed = image(blobs, None);
    let mut body: Value = serde_json::from_slice(&typed.bytes).unwrap();
    body.as_object_mut().unwrap().remove("mediaType");
    Known { blobs: typed.blobs, ..known(&body, UNSAID) }
}

/// An index of these images.
pub(super) fn index(children: &[&Known]) -> Known {
    let manifests: Vec<Value> =
        children.iter().map(|child| descriptor(IMAGE, &child.digest, child.bytes.len())).collect();
    let body = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": manifests});
    Known { children: children.iter().map(|child| (*child).clone()).collect(), ..known(&body, INDEX) }
}

fn known(body: &Value, media_type: &str) -> Known {
    let bytes = Bytes::from(body.to_string());
    let digest = Digest::of(Algorithm::Sha256, &bytes);
    let media_type = media_type.parse().unwrap();
    Known { digest, bytes, media_type, blobs: Vec::new(), children: Vec::new(), subject: None }
}
