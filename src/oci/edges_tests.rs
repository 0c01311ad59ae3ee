//! What is found in a manifest, whatever else is in it.

use proptest::prelude::*;
use serde_json::json;

use super::super::{Algorithm, Manifest};
use super::*;

fn digest(content: &str) -> Digest {
    Digest::of(Algorithm::Sha256, content.as_bytes())
}

fn sorted<const N: usize>(contents: [&str; N]) -> Vec<Digest> {
    let mut digests = contents.map(digest).to_vec();
    digests.sort_unstable();
    digests
}

fn parts(manifest: &serde_json::Value) -> Vec<Digest> {
    Edges::of(manifest.to_string().as_bytes()).unwrap().parts
}

#[test]
fn every_digest_at_any_depth_is_an_edge_once_but_for_the_subject_and_annotations() {
    let (a, b, c, d) = (digest("a"), digest("b"), digest("c"), digest("d"));
    let not = json!({"digest": digest("not"), "deep": [[{"digest": digest("not")}]]});
    let manifest = json!({
        "config": {"digest": a, "annotations": not},
        "layers": [{"digest": b}, {"Digest": b, "platform": {"os": "linux"}}],
        "blobs": [{"digest": c}], "later": {"deep": [[{"digest": d}]]},
        "subject": {"digest": digest("subject")}, "annotations": {"x": not, "y": [not]},
    });
    let edges = Edges::of(manifest.to_string().as_bytes()).unwrap();
    assert_eq!(edges, Edges { parts: sorted(["a", "b", "c", "d"]), subject: Some(digest("subject")) });
}

#[test]
fn a_subject_is_one_at_the_top_alone() {
    let named = |content: &str| json!({"digest": digest(content)});
    let manifest = json!({"layers": [{"subject": named("a")}], "subject": {"platform": named("b"), "x": [named("c")]}});
    let edges = Edges::of(manifest.to_string().as_bytes()).unwrap();
    assert_eq!(edges, Edges { parts: sorted(["a", "b", "c"]), subject: None });
    assert_eq!(parts(&json!({"subject": [named("a")]})), [digest("a")]);
}

#[test]
fn layers_of_schema_1_are_edges() {
    let layers = [digest("a"), digest("b")];
    let blobs: Vec<_> = layers.iter().map(|layer| json!({"blobSum": layer})).collect();
    let mut found = parts(&json!({"schemaVersion": 1, "fsLayers": blobs, "history": [{"v1Compatibility": "{}"}]}));
    found.sort_by_key(|digest| layers.iter().position(|layer| layer == digest));
    assert_eq!(found, layers);
}

#[test]
fn what_is_no_object_is_refused_and_what_is_no_digest_names_nothing() {
    for text in ["", "[]", "1", "\"a\"", "{", "{} {}", "null", "{\"layers\": [}", "{\"a\":1e}", "{\"a\":\"\\x\"}"] {
        assert!(Edges::of(text.as_bytes()).is_err(), "{text}");
    }
    for digest in [json!("sha256:xyz"), json!("md5:aa"), json!(null), json!(5), json!(-1), json!(1.5), json!(true)] {
        assert_eq!(parts(&json!({"layers": [{"digest": digest}]})), []);
    }
    assert_eq!(parts(&json!({"digest": [{"digest": digest("a")}]})), [digest("a")]);
    assert_eq!(parts(&json!({"digest": {"digest": digest("a")}})), [digest("a")]);
    assert_eq!(parts(&json!({"digest": [digest("a")]})), [], "a list names nothing");
}

/// Nested so deeply as Go reads it, and deeper.
fn nested(depth: usize, inside: &str) -> String {
    format!("{}{inside}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Values that Go passes over, and that not everybody reads.
fn odd_values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        "1e999",
        "-1e999",
        "123456789012345678901234567890",
        r#""\ud800""#,
        r#""\udc00\ud800 \"}""#,
        r#"{"\ud800":1,"a":2,"a":3}"#,
        r#""\\""#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .to_vec();
    values.extend([b"\"\xff\xfe\"".to_vec(), b"{\"\xb7\":\"\xb7\"}".to_vec()]);
    values.extend([128, 10_000, 200_000].map(|depth| nested(depth, "").into_bytes()));
    values
}

#[test]
fn what_go_passes_over_hides_nothing() {
    for odd in odd_values() {
        let named = |content: &str| format!("{{\"digest\":\"{}\",\"x\":", digest(content)).into_bytes();
        let body = [b"{\"x\":", &odd[..], b",\"config\":", &named("a"), &odd, b"},\"layers\":[", &named("b"), &odd];
        let manifest = [body.concat(), b"}]}".to_vec()].concat();
        let edges = Edges::of(&manifest).unwrap_or_else(|error| panic!("{error}: {:.60?}", odd));
        assert_eq!(edges.parts, sorted(["a", "b"]), "{:.60?}", odd);
    }
    let deep = format!("{{\"x\":{}}}", nested(200_000, &json!({"digest": digest("a")}).to_string()));
    assert_eq!(Edges::of(deep.as_bytes()).unwrap().parts, [digest("a")]);
}

#[test]
fn keys_are_those_that_go_takes_them_for_and_of_two_equal_ones_both_count() {
    let (a, b) = (digest("a"), digest("b"));
    for key in ["digest", "DIGEST", "dige\u{17f}t", "d\\u0069gest", "BLOBSUM", "blob\u{17f}um"] {
        let manifest = format!("{{\"layers\":[{{\"{key}\":\"{a}\"}}]}}");
        assert_eq!(Edges::of(manifest.as_bytes()).unwrap().parts, [a], "{key}");
    }
    let escaped = a.to_string().replace(':', "\\u003a");
    assert_eq!(Edges::of(format!("{{\"digest\":\"{escaped}\"}}").as_bytes()).unwrap().parts, [a]);
    let twice = format!("{{\"layers\":[{{\"digest\":\"{a}\"}}],\"Layers\":[{{\"digest\":\"{b}\",\"digest\":\"\"}}]}}");
    assert_eq!(Edges::of(twice.as_bytes()).unwrap().parts, sorted(["a", "b"]));
    let subjects = format!("{{\"\u{17f}ubject\":{{\"digest\":\"{a}\"}},\"subject\":{{\"digest\":\"{b}\"}}}}");
    let found = Edges::of(subjects.as_bytes()).unwrap();
    assert_eq!(found, Edges { parts: vec![a], subject: Some(b) });
}

proptest! {
    /// Whatever stands beside: what is accepted can be read, with all that it refers to.
    #[test]
    fn what_is_accepted_can_be_read(
        places in prop::collection::vec((0..4_usize, prop::sample::select(odd_values())), 0..5), is_index: bool,
    ) {
        let odd = |place| {
            let here = places.iter().filter(|(at, _)| *at == place).enumerate();
            here.flat_map(|(number, (_, odd))| [format!(",\"x{number}\":").as_bytes(), odd].concat()).collect()
        };
        let described = |content: &str, place| {
            let beside: Vec<u8> = odd(place);
            [format!("{{\"digest\":\"{}\",\"size\":1", digest(content)).as_bytes(), &beside, b"}"].concat()
        };
        let listed = described("a", 1);
        let top: Vec<u8> = odd(0);
        let body: Vec<u8> = match is_index {
            true => [&b"{\"schemaVersion\":2,\"manifests\":["[..], &listed, b"],\"subject\":", &described("b", 2)].concat(),
            false => [&b"{\"schemaVersion\":2,\"layers\":["[..], &listed, b"],\"config\":", &described("b", 3)].concat(),
        };
        let body = [&body[..], &top, b"}"].concat();
        let found = Edges::of(&body).unwrap();
        if let Ok(manifest) = Manifest::parse(&body, None) {
            let referred = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests);
            for descriptor in referred {
                prop_assert!(found.parts.contains(&descriptor.digest));
            }
            prop_assert_eq!(found.subject, manifest.subject.map(|subject| subject.digest));
        } else {
            // Only what is no text is refused.
            prop_assert!(std::str::from_utf8(&body).is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, inside: Vec<u8>) {
        let _ = Edges::of(&bytes);
        let _ = Edges::of(&[b"{\"a\":\"", &inside[..], b"\"}"].concat());
    }
}
