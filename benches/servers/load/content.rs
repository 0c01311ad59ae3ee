//! What is pushed: bytes that no server has seen, hashed before the clock starts.

use std::sync::Arc;

use serde_json::json;
use wharf::oci::{Algorithm, Digest, Hasher, MediaType};

/// How many bytes at the end of a blob make it unlike every other.
const UNIQUE: usize = 16;

/// A blob. Those that were made together share all but their end, so that many large ones fit in memory.
pub(crate) struct Blob {
    common: Arc<[u8]>,
    unique: [u8; UNIQUE],
    digest: String,
}

impl Blob {
    /// One of so many bytes, at least 16.
    pub(crate) fn new(size: usize) -> Blob {
        Blob::several(1, size).remove(0)
    }

    /// Several of so many bytes each, at least 16. What they share is hashed once.
    pub(crate) fn several(count: usize, size: usize) -> Vec<Blob> {
        let common = noise(size.saturating_sub(UNIQUE));
        let mut begun = Hasher::new(Algorithm::Sha256);
        begun.update(&common);
        let blob = |_| {
            let unique = uuid::Uuid::new_v4().into_bytes();
            let mut hasher = begun.clone();
            hasher.update(&unique);
            Blob { common: Arc::clone(&common), unique, digest: hasher.finish().to_string() }
        };
        (0..count).map(blob).collect()
    }

    /// Its digest, as it stands in paths.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// How many bytes it has.
    pub(crate) fn length(&self) -> usize {
        self.common.len() + UNIQUE
    }

    /// Its bytes.
    pub(crate) fn parts(&self) -> [&[u8]; 2] {
        [&self.common, &self.unique]
    }
}

/// The manifest of an image.
pub(crate) struct Image {
    bytes: Vec<u8>,
    digest: String,
}

impl Image {
    /// What it is sent as.
    pub(crate) const MEDIA_TYPE: &str = MediaType::OCI_MANIFEST;

    /// Of a configuration and at least one layer.
    pub(crate) fn new(config: &Blob, layers: &[Blob]) -> Image {
        let describe =
            |media_type, blob: &Blob| json!({"mediaType": media_type, "digest": blob.digest(), "size": blob.length()});
        let layer = |blob| describe("application/vnd.oci.image.layer.v1.tar+gzip", blob);
        let body = json!({
            "schemaVersion": 2,
            "mediaType": Image::MEDIA_TYPE,
            "config": describe("application/vnd.oci.image.config.v1+json", config),
            "layers": layers.iter().map(layer).collect::<Vec<_>>(),
        });
        let bytes = body.to_string().into_bytes();
        let digest = Digest::of(Algorithm::Sha256, &bytes).to_string();
        Image { bytes, digest }
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its digest.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }
}

/// Bytes that do not compress, the same ones every time (Steele, Lea and Flood's SplitMix64).
fn noise(length: usize) -> Arc<[u8]> {
    let mut state = 0_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}
