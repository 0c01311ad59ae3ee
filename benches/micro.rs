//! What every request pays before any disk or socket: reading the route, the digest and the manifest.
//!
//! `cargo bench --bench micro`, or one group: `cargo bench --bench micro -- manifest`.

use std::hint::black_box;

use axum::http::Method;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use wharf::http::Route;
use wharf::oci::{Algorithm, Digest, Manifest, MediaType};

/// A digest as it stands in paths and descriptors.
fn digest(of: usize) -> String {
    Digest::of(Algorithm::Sha256, of.to_string().as_bytes()).to_string()
}

/// From the request line to a value: the commonest, and a name as deep as people nest them.
fn route(criterion: &mut Criterion) {
    let digest = digest(0);
    let upload = "1c4e0b8a-93a3-4b7c-8f0e-6f2f7f8f9f10";
    let lines = [
        ("version", Method::GET, "/v2/".to_owned()),
        ("manifest_by_tag", Method::GET, "/v2/library/busybox/manifests/latest".to_owned()),
        ("manifest_by_digest", Method::HEAD, format!("/v2/library/busybox/manifests/{digest}")),
        ("blob", Method::GET, format!("/v2/library/busybox/blobs/{digest}")),
        ("upload", Method::PATCH, format!("/v2/library/busybox/blobs/uploads/{upload}")),
        ("deep_name", Method::GET, format!("/v2/{}/blobs/{digest}", ["part"; 20].join("/"))),
        ("percent_encoded", Method::GET, format!("/v2/library/busybox/blobs/{}", digest.replace(':', "%3A"))),
        ("refused", Method::GET, "/v2/Library/Busybox/manifests/latest".to_owned()),
    ];
    let mut group = criterion.benchmark_group("route");
    for (name, method, path) in &lines {
        group.bench_function(*name, |bencher| bencher.iter(|| black_box(Route::parse(method, black_box(path)))));
    }
    group.finish();
}

/// What hashing costs per byte: the floor below every push.
fn hash(criterion: &mut Criterion) {
    let content = vec![0x5a_u8; 1 << 20];
    let mut group = criterion.benchmark_group("digest");
    for algorithm in Algorithm::ALL {
        for (name, size) in [("4KiB", 4 << 10), ("64KiB", 64 << 10), ("1MiB", 1 << 20)] {
            group.throughput(Throughput::Bytes(size));
            let part = &content[..usize::try_from(size).expect("a megabyte can be addressed")];
            group.bench_function(format!("{algorithm}/{name}"), |bencher| {
                bencher.iter(|| black_box(Digest::of(algorithm, black_box(part))));
            });
        }
    }
    group.finish();
}

/// A descriptor as a client writes it.
fn descriptor(media_type: &str, number: usize) -> Value {
    json!({"mediaType": media_type, "digest": digest(number), "size": 1_000_000 + number})
}

/// An image with so many layers.
fn image(layers: usize) -> Vec<u8> {
    let layer = |number| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", number);
    let body = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_MANIFEST,
        "config": descriptor("application/vnd.oci.image.config.v1+json", 0),
        "layers": (1..=layers).map(layer).collect::<Vec<_>>(),
    });
    body.to_string().into_bytes()
}

/// An index with so many children, each for a platform and with a few annotations.
fn index(children: usize) -> Vec<u8> {
    let child = |number| {
        let mut child = descriptor(MediaType::OCI_MANIFEST, number);
        child["platform"] = json!({"architecture": "arm64", "os": "linux", "variant": "v8"});
        child["annotations"] = json!({
            "org.opencontainers.image.created": "2026-01-01T00:00:00Z",
            "org.opencontainers.image.version": number.to_string(),
        });
        child
    };
    let body = json!({
        "schemaVersion": 2,
        "mediaType": MediaType::OCI_INDEX,
        "manifests": (0..children).map(child).collect::<Vec<_>>(),
    });
    body.to_string().into_bytes()
}

/// From the bytes of a manifest to everything that it refers to.
fn manifest(criterion: &mut Criterion) {
    let samples =
        [("image_5_layers", image(5)), ("image_100_layers", image(100)), ("index_1000_children", index(1000))];
    let mut group = criterion.benchmark_group("manifest");
    for (name, bytes) in &samples {
        group.throughput(Throughput::Bytes(bytes.len().try_into().expect("a sample is small")));
        group.bench_function(*name, |bencher| {
            bencher.iter(|| black_box(Manifest::parse(black_box(bytes), None)).expect("the sample is a manifest"));
        });
    }
    group.finish();
}

criterion_group!(benches, route, hash, manifest);
criterion_main!(benches);
