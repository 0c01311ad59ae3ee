//! A pointer from one piece of content to another (image-spec, descriptor.md).

use std::collections::BTreeMap;

use serde::de::{Error, MapAccess};
use serde::{Deserialize, Deserializer, Serialize};

use super::Digest;
use super::strict::{Object, object};

/// What a manifest says of something that it refers to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// The kind of the content, as the manifest words it.
    pub media_type: String,
    /// The name of the content.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
    /// Other places to fetch the content from.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub urls: Vec<String>,
    /// What people noted about the content.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// The kind of artifact, when the content is a manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// What the content runs on, in an index.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
}

/// What an image runs on (image-spec, image-index.md).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Platform {
    /// The operating system, as in `GOOS`.
    pub os: String,
    /// The processor, as in `GOARCH`.
    pub architecture: String,
    /// The processor's variant, such as `v8`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
}

impl Descriptor {
    /// Whether it says that it is a manifest, or nothing.
    pub fn may_be_manifest(&self) -> bool {
        self.media_type.is_empty() || super::MediaType::is_of_manifest(&self.media_type)
    }

    /// Whether clients fetch the content from elsewhere, so that a registry need not hold it.
    pub fn is_foreign(&self) -> bool {
        self.media_type.parse::<super::MediaType>().is_ok_and(|kind| kind.is_foreign_layer())
    }
}

/// Annotations as they are read. Go, which wrote most manifests, takes null for an empty text.
pub(super) type Annotations = BTreeMap<String, Option<String>>;

pub(super) fn spelled_out(read: Option<Annotations>) -> BTreeMap<String, String> {
    read.unwrap_or_default().into_iter().map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

#[derive(Default)]
struct Fields {
    media_type: Option<String>,
    digest: Option<Digest>,
    size: Option<u64>,
    urls: Option<Vec<String>>,
    annotations: Option<Annotations>,
    artifact_type: Option<String>,
    platform: Option<Platform>,
}

impl<'de> Object<'de> for Fields {
    const KNOWN: &'static [&'static str] =
        &["mediaType", "digest", "size", "urls", "annotations", "artifactType", "platform"];

    fn field<A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "mediaType" => self.media_type = map.next_value()?,
            "digest" => self.digest = map.next_value()?,
            "size" => self.size = map.next_value()?,
            "urls" => self.urls = map.next_value()?,
            "annotations" => self.annotations = map.next_value()?,
            "artifactType" => self.artifact_type = map.next_value()?,
            _ => self.platform = map.next_value()?,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Descriptor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields: Fields = object(deserializer)?;
        Ok(Descriptor {
            media_type: fields.media_type.unwrap_or_default(),
            digest: fields.digest.ok_or_else(|| D::Error::missing_field("digest"))?,
            size: fields.size.unwrap_or_default(),
            urls: fields.urls.unwrap_or_default(),
            annotations: spelled_out(fields.annotations),
            artifact_type: fields.artifact_type.filter(|kind| !kind.is_empty()),
            platform: fields.platform,
        })
    }
}

impl<'de> Object<'de> for Platform {
    const KNOWN: &'static [&'static str] = &["os", "architecture", "variant"];

    fn field<A: MapAccess<'de>>(&mut self, key: &'static str, map: &mut A) -> Result<(), A::Error> {
        let value: Option<String> = map.next_value()?;
        match key {
            "os" => self.os = value.unwrap_or_default(),
            "architecture" => self.architecture = value.unwrap_or_default(),
            _ => self.variant = value,
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Platform {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        object(deserializer)
    }
}
