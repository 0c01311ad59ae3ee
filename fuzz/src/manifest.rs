//! A manifest that is accepted can be read in one way only, by us and by clients, and is listed as what it is.

use wharf::oci::{Algorithm, Descriptor, Digest, Kind, Manifest, MediaType};

const TYPES: [&str; 8] = [
    "",
    MediaType::OCI_MANIFEST,
    MediaType::OCI_INDEX,
    MediaType::OCI_ARTIFACT,
    MediaType::DOCKER_MANIFEST,
    MediaType::DOCKER_LIST,
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.example+json",
];

const OF_MANIFEST: &[&str] = &[
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
const OF_DESCRIPTOR: &[&str] = &["mediaType", "digest", "size", "urls", "annotations", "artifactType", "platform"];
const OF_PLATFORM: &[&str] = &["os", "architecture", "variant"];

/// A digit for the type that it is declared as, and the manifest.
pub fn hold(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let declared = TYPES[usize::from(choice & 7)].parse::<MediaType>().ok();
    let stored = Manifest::stored_type(bytes);
    match Manifest::parse(bytes, declared.as_ref()) {
        Ok(manifest) => {
            accepted(bytes, &manifest);
            match &declared {
                Some(declared) => assert_eq!(&manifest.media_type, declared),
                None => assert_eq!(stored.as_ref(), Some(&manifest.media_type)),
            }
        }
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
    if let Some(stored) = stored {
        assert_eq!(stored.to_string().parse(), Ok(stored));
    }
}

fn accepted(bytes: &[u8], manifest: &Manifest) {
    // What it was taken for decides nothing that its bytes do not say.
    let again = Manifest::parse(bytes, Some(&manifest.media_type)).expect("the type that it has");
    assert_eq!(format!("{again:?}"), format!("{manifest:?}"));
    match manifest.kind {
        Kind::Image => assert!(manifest.manifests.is_empty()),
        Kind::Index => assert!(manifest.config.is_none() && manifest.layers.is_empty()),
    }
    let index = [MediaType::OCI_INDEX, MediaType::DOCKER_LIST].contains(&manifest.media_type.as_str());
    let image = [MediaType::OCI_MANIFEST, MediaType::DOCKER_MANIFEST].contains(&manifest.media_type.as_str());
    assert!(!index || manifest.kind == Kind::Index);
    assert!(!image || manifest.kind == Kind::Image);

    let described = manifest.describe(Digest::of(Algorithm::Sha256, bytes), bytes.len() as u64);
    let mentioned = manifest.subject.iter().chain(&manifest.config).chain(&manifest.layers).chain(&manifest.manifests);
    for descriptor in mentioned.chain([&described]) {
        let json = serde_json::to_vec(descriptor).expect("texts and numbers");
        let read: Descriptor = serde_json::from_slice(&json).expect("what was written by us");
        assert_eq!(&read, descriptor, "{}", String::from_utf8_lossy(&json));
    }
    one_reading(bytes);
}

/// Nothing that we look at is written twice or in letters that Go takes for the same.
fn one_reading(bytes: &[u8]) {
    let tree: Tree = match serde_json::from_slice(bytes) {
        Ok(tree) => tree,
        Err(error) => {
            // What is passed over may be deeper and larger than what is read.
            let limits = ["recursion limit exceeded", "number out of range"];
            assert!(limits.iter().any(|limit| error.to_string().starts_with(limit)), "{error}");
            return;
        }
    };
    tree.has_once(OF_MANIFEST);
    let descriptors = ["subject", "config"].map(|key| tree.items(key)).concat();
    let lists = ["layers", "blobs", "manifests"].map(|key| tree.items(key)).concat();
    for descriptor in descriptors.into_iter().chain(lists) {
        descriptor.has_once(OF_DESCRIPTOR);
        descriptor.items("platform").into_iter().for_each(|platform| platform.has_once(OF_PLATFORM));
    }
}

/// JSON with every key that stands in it, also twice.
enum Tree {
    Object(Vec<(String, Tree)>),
    List(Vec<Tree>),
    Other,
}

impl Tree {
    /// What stands under a key: an object alone, or those of a list.
    fn items(&self, key: &str) -> Vec<&Tree> {
        let Tree::Object(entries) = self else { return Vec::new() };
        match entries.iter().find(|(name, _)| name == key) {
            Some((_, Tree::List(items))) => items.iter().collect(),
            Some((_, tree)) => vec![tree],
            None => Vec::new(),
        }
    }

    fn has_once(&self, known: &[&str]) {
        let Tree::Object(entries) = self else { return };
        for key in known {
            let same: Vec<&str> =
                entries.iter().map(|(name, _)| name.as_str()).filter(|name| folded(name) == folded(key)).collect();
            assert!(same.is_empty() || same == [*key], "{key} is written {same:?}");
        }
    }
}

/// As Go's encoding/json compares keys: by Unicode's simple folding, in which two signs beyond ASCII are letters.
fn folded(key: &str) -> String {
    key.replace('\u{17f}', "s").replace('\u{212a}', "k").to_ascii_lowercase()
}

impl<'de> serde::Deserialize<'de> for Tree {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Tree, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Tree;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Tree, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Tree::Object(entries))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Tree, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Tree::List(items))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_str<E>(self, _: &str) -> Result<Tree, E> {
                Ok(Tree::Other)
            }

            fn visit_unit<E>(self) -> Result<Tree, E> {
                Ok(Tree::Other)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}
