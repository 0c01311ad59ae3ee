//! How bodies are read, and which are refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn descriptor(media_type: &str) -> Value {
    json!({"mediaType": media_type, "size": 2, "digest": format!("sha256:{}", "0".repeat(64))})
}

fn parse(declared: Option<&str>, body: &Value) -> Result<Manifest, ManifestError> {
    let declared = declared.map(|text| text.parse().unwrap());
    Manifest::parse(body.to_string().as_bytes(), declared.as_ref())
}

fn image() -> Value {
    json!({"schemaVersion": 2, "mediaType": MediaType::OCI_MANIFEST,
           "config": descriptor("application/vnd.oci.image.config.v1+json"), "layers": [descriptor("x/y")]})
}

#[test]
fn an_image_is_read_with_what_it_refers_to() {
    let manifest = parse(Some(MediaType::OCI_MANIFEST), &image()).unwrap();
    assert_eq!(manifest.kind, Kind::Image);
    assert_eq!(manifest.layers.len(), 1);
    assert_eq!(manifest.artifact_type.as_deref(), Some("application/vnd.oci.image.config.v1+json"));
}

#[test]
fn a_manifest_is_listed_as_it_was_described_also_without_the_type_of_its_configuration() {
    let mut body = image();
    body["config"].as_object_mut().unwrap().remove("mediaType");
    let manifest = parse(None, &body).unwrap();
    assert_eq!(manifest.artifact_type, None);
    let described = manifest.describe(manifest.layers[0].digest, 1);
    let noted = serde_json::to_vec(&described).unwrap();
    assert_eq!(serde_json::from_slice::<Descriptor>(&noted).unwrap(), described);
}

#[test]
fn without_any_type_the_fields_decide() {
    let mut body = image();
    body.as_object_mut().unwrap().remove("mediaType");
    assert_eq!(parse(None, &body).unwrap().media_type.as_str(), MediaType::OCI_MANIFEST);
    let index = json!({"schemaVersion": 2, "manifests": []});
    assert_eq!(parse(None, &index).unwrap().media_type.as_str(), MediaType::OCI_INDEX);
    assert!(matches!(parse(None, &json!({"schemaVersion": 2})), Err(ManifestError::Untyped)));
}

#[test]
fn a_body_that_is_both_image_and_index_is_refused() {
    for field in ["config", "layers", "blobs"] {
        let value = if field == "config" { descriptor("x/y") } else { json!([]) };
        let body = json!({"schemaVersion": 2, "manifests": [], field: value});
        for declared in [None, Some(MediaType::OCI_MANIFEST), Some(MediaType::OCI_INDEX), Some("application/json")] {
            assert!(matches!(parse(declared, &body), Err(ManifestError::Ambiguous(_))), "{field} {declared:?}");
        }
    }
}

#[test]
fn a_header_that_contradicts_the_body_is_refused() {
    assert!(matches!(parse(Some(MediaType::OCI_INDEX), &image()), Err(ManifestError::TypesDiffer { .. })));
    let mut body = image();
    body.as_object_mut().unwrap().remove("mediaType");
    assert!(matches!(parse(Some(MediaType::OCI_INDEX), &body), Err(ManifestError::Shape { .. })));
}

#[test]
fn keys_that_clients_would_read_differently_are_refused() {
    for body in [
        r#"{"schemaVersion":2,"layers":[],"Layers":[]}"#,
        r#"{"schemaVersion":2,"layers":[],"MANIFESTS":[]}"#,
        r#"{"schemaVersion":2,"layers":[],"layers":[]}"#,
        r#"{"schemaVersion":2,"layers":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","Digest":"x"}]}"#,
        r#"{"schemaVersion":2,"manifests":[{"digest":"sha256:0000000000000000000000000000000000000000000000000000000000000000","platform":{"OS":"linux"}}]}"#,
        // To Go a long s is an s and the Kelvin sign a k.
        r#"{"schemaVersion":2,"layers":[],"layerſ":[]}"#,
        r#"{"schemaVersion":2,"layers":[],"manifeſts":[]}"#,
    ] {
        assert!(matches!(Manifest::parse(body.as_bytes(), None), Err(ManifestError::Json(_))), "{body}");
    }
}

#[test]
fn what_is_not_text_is_refused_even_where_nothing_is_looked_at() {
    for body in [&b"{\"layers\":[],\"x\":\"\xb7\"}"[..], b"{\"layers\":[],\"x\":{\"\xb7\":1}}"] {
        assert!(matches!(Manifest::parse(body, None), Err(ManifestError::NotText(_))), "{body:?}");
    }
}

#[test]
fn schema_1_is_named() {
    let body = json!({"schemaVersion": 1, "fsLayers": []});
    assert!(matches!(parse(None, &body), Err(ManifestError::Schema1)));
    let declared = Some("application/vnd.docker.distribution.manifest.v1+prettyjws");
    assert!(matches!(parse(declared, &json!({})), Err(ManifestError::Schema1)));
}

#[test]
fn other_types_of_manifest_are_read_for_what_they_refer_to() {
    let body = json!({"mediaType": "application/vnd.example+json", "blobs": [descriptor("x/y")], "subject": descriptor("m/m")});
    let manifest = parse(Some("application/vnd.example+json"), &body).unwrap();
    assert_eq!((manifest.layers.len(), manifest.subject.is_some()), (1, true));
}

#[test]
fn absent_and_null_are_the_same() {
    let mut body = image();
    body["layers"] = Value::Null;
    body["manifests"] = Value::Null;
    assert_eq!(parse(None, &body).unwrap().kind, Kind::Image);
}

#[test]
fn what_go_writes_for_nothing_is_read_as_nothing() {
    let index = json!({"schemaVersion": 2, "manifests": null, "annotations": {"a": null}});
    let index = parse(None, &index).unwrap();
    assert_eq!((index.kind, index.annotations["a"].as_str()), (Kind::Index, ""));
    let mut child = descriptor(MediaType::OCI_MANIFEST);
    child["platform"] = json!({"os": null, "architecture": "arm64"});
    let index = json!({"schemaVersion": 2, "manifests": [child]});
    assert_eq!(parse(Some(MediaType::OCI_INDEX), &index).unwrap().manifests[0].platform.as_ref().unwrap().os, "");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(bytes: Vec<u8>) {
        let _ = Manifest::parse(&bytes, None);
    }

    /// Whatever fields stand together, what is accepted has one reading.
    #[test]
    fn what_is_accepted_has_one_reading(fields in prop::sample::subsequence(
        vec!["schemaVersion", "mediaType", "config", "layers", "blobs", "manifests", "fsLayers", "subject"], 0..8),
        index_type: bool, declare in 0..3_usize,
    ) {
        let mut body = serde_json::Map::new();
        for field in fields {
            body.insert(field.into(), match field {
                "schemaVersion" => json!(2),
                "mediaType" => json!(if index_type { MediaType::OCI_INDEX } else { MediaType::OCI_MANIFEST }),
                "config" | "subject" => descriptor("x/y"),
                _ => json!([]),
            });
        }
        let declared = [None, Some(MediaType::OCI_MANIFEST), Some(MediaType::OCI_INDEX)][declare];
        let body = Value::Object(body);
        if let Ok(manifest) = parse(declared, &body) {
            let has = |field| body.get(field).is_some();
            prop_assert!(!(has("manifests") && (has("layers") || has("config") || has("blobs"))));
            let index = manifest.media_type.as_str() == MediaType::OCI_INDEX;
            prop_assert_eq!(manifest.kind == Kind::Index, index);
        }
    }
}
