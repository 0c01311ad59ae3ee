//! Content to be pushed: bytes, their digests, and manifests.

use serde_json::{Value, json};
use sha2::Digest as _;

/// The media type of an OCI image.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an OCI index.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The media type of an OCI layer.
pub const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar";
/// The media type of an OCI configuration.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The media type of a Docker image.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// The media type of a Docker list.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// A digest that nothing has.
pub const NOTHING: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// The digest that clients use.
pub fn sha256(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(sha2::Sha256::digest(content)))
}

/// The longer digest.
pub fn sha512(content: &[u8]) -> String {
    format!("sha512:{}", hex::encode(sha2::Sha512::digest(content)))
}

/// Bytes that do not repeat, the same for the same seed.
pub fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    let step = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    (0..length).map(step).collect()
}

/// A descriptor of some content.
pub fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({"mediaType": media_type, "digest": sha256(content), "size": content.len()})
}

/// A manifest to be pushed.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What it is sent as; `None` sends no Content-Type.
    pub media_type: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl Manifest {
    /// Of these bytes and this type.
    pub fn new(media_type: &str, bytes: impl Into<Vec<u8>>) -> Manifest {
        Manifest { media_type: Some(media_type.to_owned()), bytes: bytes.into() }
    }

    /// An OCI image of a configuration and layers.
    pub fn image(config: &[u8], layers: &[&[u8]]) -> Manifest {
        Manifest::oci(Manifest::image_body(config, layers))
    }

    /// What an OCI image says.
    pub fn image_body(config: &[u8], layers: &[&[u8]]) -> Value {
        let layers: Vec<Value> = layers.iter().map(|layer| descriptor(OCI_LAYER, layer)).collect();
        json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor(OCI_CONFIG, config),
            "layers": layers})
    }

    /// What is said, as an OCI image.
    pub fn oci(body: Value) -> Manifest {
        Manifest::new(OCI_MANIFEST, body.to_string())
    }

    /// An OCI index of manifests.
    pub fn index(children: &[&Manifest]) -> Manifest {
        let children: Vec<Value> = children.iter().map(|child| child.descriptor()).collect();
        let body = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": children});
        Manifest::new(OCI_INDEX, body.to_string())
    }

    /// An artifact that says something about another manifest.
    pub fn about(subject: &Manifest, artifact_type: &str, note: &str) -> Manifest {
        Manifest::about_digest(&subject.descriptor(), artifact_type, note)
    }

    /// An artifact that says something about what a descriptor names.
    pub fn about_digest(subject: &Value, artifact_type: &str, note: &str) -> Manifest {
        Manifest::oci(json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": artifact_type,
            "config": descriptor("application/vnd.oci.empty.v1+json", b"{}"), "layers": [],
            "subject": subject, "annotations": {"note": note}}))
    }

    /// The digests that an image refers to.
    pub fn references(&self) -> Vec<String> {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap();
        let layers = body["layers"].as_array().unwrap().iter();
        let described = std::iter::once(&body["config"]).chain(layers);
        described.map(|descriptor| descriptor["digest"].as_str().unwrap().to_owned()).collect()
    }

    /// Its name.
    pub fn digest(&self) -> String {
        sha256(&self.bytes)
    }

    /// How others refer to it.
    pub fn descriptor(&self) -> Value {
        descriptor(self.media_type.as_deref().unwrap_or(OCI_MANIFEST), &self.bytes)
    }
}
