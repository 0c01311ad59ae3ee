//! What a manifest says, read from its bytes: its kind and everything it refers to (image-spec, manifest.md and
//! image-index.md; Docker's schema 2 and manifest list have the same shape).

use std::collections::BTreeMap;

use serde::de::{IgnoredAny, MapAccess};
use serde::{Deserialize, Deserializer};

use super::descriptor::{Annotations, spelled_out};
use super::strict::{Object, object};
use super::{Descriptor, Digest, MediaType, MediaTypeError};

/// A manifest that was read and can be read in one way only.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// What it is served as.
    pub media_type: MediaType,
    /// Whether its bytes name that type, so that it can be put as nothing else.
    pub names_its_type: bool,
    /// Its shape.
    pub kind: Kind,
    /// The kind of artifact: `artifactType`, or the media type of the configuration.
    pub artifact_type: Option<String>,
    /// The manifest that this one says something about.
    pub subject: Option<Descriptor>,
    /// The configuration of an image.
    pub config: Option<Descriptor>,
    /// Layers of an image and blobs of an artifact, in order.
    pub layers: Vec<Descriptor>,
    /// The children of an index, in order.
    pub manifests: Vec<Descriptor>,
    /// What people noted about it.
    pub annotations: BTreeMap<String, String>,
}

/// The shape of a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It refers to blobs.
    Image,
    /// It refers to other manifests.
    Index,
}

/// Why bytes are not a manifest that can be accepted.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The body is not text, which JSON is (RFC 8259 §8.1). Where nothing is looked at, some readers would not notice.
    #[error("the manifest is not UTF-8: {0}")]
    NotText(#[from] std::str::Utf8Error),
    /// The body is not JSON, or a known field has the wrong type.
    #[error("the manifest cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The `mediaType` in the body is not a media type.
    #[error("the manifest's mediaType: {0}")]
    MediaType(#[from] MediaTypeError),
    /// Content-Type and body say different things.
    #[error("the Content-Type says {header} but the manifest's mediaType says {body}; they must be the same")]
    TypesDiffer {
        /// What the request's header says.
        header: MediaType,
        /// What the body says.
        body: MediaType,
    },
    /// Neither the request nor the body says what it is, and it has no known shape.
    #[error(
        "nothing says what this is: send a Content-Type or a manifest with a mediaType, or with layers or manifests"
    )]
    Untyped,
    /// It could be read as an image and as an index (CVE-2021-41190).
    #[error(
        "the manifest has {0:?} beside \"manifests\", so it could be taken for an image and for an index; remove one"
    )]
    Ambiguous(&'static str),
    /// It is of a known type and lacks what makes it one.
    #[error("a manifest of type {media_type} has {expected}")]
    Shape {
        /// The type that was declared.
        media_type: MediaType,
        /// What such a manifest must or must not have.
        expected: &'static str,
    },
    /// Docker's old format.
    #[error(
        "this is a Docker schema 1 manifest, a format that was retired in 2017 and is not accepted; push the image with a \
         current docker, podman or skopeo, which send schema 2 or OCI manifests"
    )]
    Schema1,
}

#[derive(Default)]
struct Body {
    schema_version: Option<u64>,
    media_type: Option<String>,
    artifact_type: Option<String>,
    subject: Option<Descriptor>,
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    blobs: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
    annotations: Option<Annotations>,
    /// Whether `manifests` is null, as Go writes an empty list.
    no_manifests: bool,
    /// A field that only schema 1 has.
    fs_layers: bool,
}

impl<'de> Object<'de> for Body {
    const KNOWN: &'static [&'static str] = &[
        "schemaVersion",
        "mediaType",
        "artifactType",
        "subject",
        "config",
        "layers",
        "blobs",
        "manifests",
        "annotations",
        "fsLayers",
    ];

    fn field<A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "schemaVersion" => self.schema_version = map.next_value()?,
            "mediaType" => self.media_type = map.next_value()?,
            "artifactType" => self.artifact_type = map.next_value()?,
            "subject" => self.subject = map.next_value()?,
            "config" => self.config = map.next_value()?,
            "layers" => self.layers = map.next_value()?,
            "blobs" => self.blobs = map.next_value()?,
            "manifests" => {
                self.manifests = map.next_value()?;
                self.no_manifests = self.manifests.is_none();
            }
            "annotations" => self.annotations = map.next_value()?,
            _ => {
                map.next_value::<IgnoredAny>()?;
                self.fs_layers = true;
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}

impl Manifest {
    /// Reads the bytes of a manifest that was sent, or stored, as `declared`.
    pub fn parse(bytes: &[u8], declared: Option<&MediaType>) -> Result<Manifest, ManifestError> {
        if declared.is_some_and(|kind| kind.as_str().starts_with(MediaType::DOCKER_SCHEMA1)) {
            return Err(ManifestError::Schema1);
        }
        let body: Body = serde_json::from_str(std::str::from_utf8(bytes)?)?;
        if body.fs_layers || body.schema_version == Some(1) {
            return Err(ManifestError::Schema1);
        }
        if body.manifests.is_some() {
            let beside =
                [("config", body.config.is_some()), ("layers", body.layers.is_some()), ("blobs", body.blobs.is_some())];
            if let Some((field, _)) = beside.into_iter().find(|(_, present)| *present) {
                return Err(ManifestError::Ambiguous(field));
            }
        }
        let media_type = body.media_type(declared)?;
        body.check_shape(&media_type)?;
        let empty_index = body.no_manifests && body.config.is_none() && body.layers.is_none() && body.blobs.is_none();
        let names_its_type = body.media_type.as_ref().is_some_and(|kind| !kind.is_empty());
        let kind = if body.manifests.is_some() || empty_index { Kind::Index } else { Kind::Image };
        let artifact_type = body.artifact_type.filter(|kind| !kind.is_empty());
        let config_type = body.config.as_ref().map(|config| config.media_type.clone()).filter(|kind| !kind.is_empty());
        let mut layers = body.layers.unwrap_or_default();
        layers.extend(body.blobs.unwrap_or_default());
        Ok(Manifest {
            media_type,
            names_its_type,
            kind,
            artifact_type: artifact_type.or(config_type),
            subject: body.subject,
            config: body.config,
            layers,
            manifests: body.manifests.unwrap_or_default(),
            annotations: spelled_out(body.annotations),
        })
    }

    /// The type of a manifest that is stored, as far as its bytes say. More is read here than is accepted anew: old volumes
    /// hold schema 1 manifests, which are still served.
    pub fn stored_type(bytes: &[u8]) -> Option<MediaType> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Old {
            schema_version: Option<u64>,
            media_type: Option<MediaType>,
            signatures: Option<IgnoredAny>,
        }
        if let Ok(manifest) = Manifest::parse(bytes, None) {
            return Some(manifest.media_type);
        }
        let old: Old = serde_json::from_slice(bytes).ok()?;
        let schema1 = if old.signatures.is_some() { "prettyjws" } else { "json" };
        match old {
            Old { media_type: Some(media_type), .. } => Some(media_type),
            Old { schema_version: Some(1), .. } => format!("{}{schema1}", MediaType::DOCKER_SCHEMA1).parse().ok(),
            _ => None,
        }
    }

    /// The manifest as a referrer is listed (distribution-spec, "Listing Referrers").
    pub fn describe(&self, digest: Digest, size: u64) -> Descriptor {
        Descriptor {
            media_type: self.media_type.to_string(),
            digest,
            size,
            urls: Vec::new(),
            annotations: self.annotations.clone(),
            artifact_type: self.artifact_type.clone(),
            platform: None,
        }
    }
}

impl Body {
    fn media_type(&self, declared: Option<&MediaType>) -> Result<MediaType, ManifestError> {
        let written = self.media_type.as_deref().filter(|text| !text.is_empty());
        let written: Option<MediaType> = written.map(str::parse).transpose()?;
        match (declared, written) {
            (Some(header), Some(body)) if *header != body => {
                Err(ManifestError::TypesDiffer { header: header.clone(), body })
            }
            (_, Some(body)) => Ok(body),
            (Some(header), None) => Ok(header.clone()),
            (None, None) => {
                let inferred = if self.manifests.is_some() {
                    MediaType::OCI_INDEX
                } else if self.config.is_some() || self.layers.is_some() {
                    MediaType::OCI_MANIFEST
                } else {
                    if !self.no_manifests {
                        return Err(ManifestError::Untyped);
                    }
                    MediaType::OCI_INDEX
                };
                Ok(inferred.parse()?)
            }
        }
    }

    fn check_shape(&self, media_type: &MediaType) -> Result<(), ManifestError> {
        let version = self.schema_version == Some(2);
        let broken = match media_type.as_str() {
            MediaType::OCI_MANIFEST | MediaType::DOCKER_MANIFEST => [
                (!version, "\"schemaVersion\": 2"),
                (self.manifests.is_some(), "no \"manifests\""),
                (self.config.is_none(), "a \"config\""),
            ],
            MediaType::OCI_INDEX | MediaType::DOCKER_LIST => [
                (!version, "\"schemaVersion\": 2"),
                (self.config.is_some() || self.layers.is_some() || self.blobs.is_some(), "no \"config\" or \"layers\""),
                (self.manifests.is_none() && !self.no_manifests, "a list \"manifests\""),
            ],
            _ => return Ok(()),
        };
        match broken.into_iter().find(|(broken, _)| *broken) {
            Some((_, expected)) => Err(ManifestError::Shape { media_type: media_type.clone(), expected }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
