//! Paths and parameters that try to lead out of the volume (CVE-2024-3727), byte by byte as no client would send them.

use std::fs;

use proptest::prelude::*;

use crate::support::Wharf;
use crate::support::content::{NOTHING, sha256};

const METHODS: &[&str] = &["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"];

/// Words that stand for a name, a tag, a digest or an upload and are none.
fn malformed() -> Vec<String> {
    let hex = "0123456789abcdef".repeat(4);
    let mut words: Vec<String> = [
        "..",
        ".",
        "%2e%2e",
        "%2E%2e",
        "..%2f..",
        "%2e%2e%2f%2e%2e%2fcanary",
        "..%5c..",
        "%252e%252e",
        "/",
        "//",
        "%2f",
        "%00",
        "a%00b",
        "canary%00",
        "%0a",
        "%0d%0aX-Evil:%201",
        "%ff",
        "%c0%ae%c0%ae",
        "%",
        "%2",
        "%zz",
        "~",
        "\\",
        "a\\b",
        "*",
        "a*",
        "$HOME",
        "`id`",
        "_uploads",
        "_layers",
        "-",
        ".hidden",
        "%e2%80%ae",
        "%ef%bc%8e%ef%bc%8e",
        "sha256:../../../canary",
        "sha256:..%2f..%2fcanary",
        "sha256:",
        ":",
        "sha256",
        "sha256:sha256:",
        "sha512:",
        "../sha256:canary",
        "SHA256:",
        "sha256+b64:canary",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "00000000-0000-0000-0000-00000000000",
        "%7b00000000-0000-4000-8000-000000000000%7d",
        "0000000000004000800000000000000a",
        "urn:uuid:00000000-0000-4000-8000-000000000000",
    ]
    .map(str::to_owned)
    .into();
    words.extend([
        format!("sha256:{}", hex.to_uppercase()),
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha512:{hex}"),
        format!("sha256:{hex}%2f.."),
        format!("sha256:{hex}/../../canary"),
        format!("sha256:/{}", &hex[1..]),
        format!("sha1:{}", &hex[..40]),
        format!("/etc/{}", &hex[..59]),
        "a".repeat(5000),
        "../".repeat(200),
    ]);
    words
}

/// The places in a request line where such a word can stand.
fn lines(word: &str) -> Vec<String> {
    let id = "00000000-0000-4000-8000-00000000000f";
    vec![
        format!("/v2/{word}/tags/list"),
        format!("/v2/a/{word}/b/tags/list"),
        format!("/v2/{word}/manifests/latest"),
        format!("/v2/{word}/blobs/{NOTHING}"),
        format!("/v2/{word}/blobs/uploads/"),
        format!("/v2/{word}/blobs/uploads/{id}?digest={NOTHING}"),
        format!("/v2/hostile/manifests/{word}"),
        format!("/v2/hostile/blobs/{word}"),
        format!("/v2/hostile/referrers/{word}"),
        format!("/v2/hostile/blobs/uploads/{word}?digest={NOTHING}"),
        format!("/v2/hostile/blobs/uploads/{id}?digest={word}"),
        format!("/v2/hostile/blobs/uploads/?digest={word}"),
        format!("/v2/hostile/blobs/uploads/?mount={word}&from=hostile"),
        format!("/v2/hostile/blobs/uploads/?mount={NOTHING}&from={word}"),
        format!("/v2/hostile/blobs/uploads/?digest-algorithm={word}"),
        format!("/v2/hostile/manifests/{NOTHING}?tag={word}"),
        format!("/v2/hostile/tags/list?last={word}&n=5"),
        format!("/v2/_catalog?last={word}&n={word}"),
        format!("/v2/hostile/referrers/{NOTHING}?last={word}&artifactType={word}"),
        format!("/{word}"),
        word.to_owned(),
    ]
}

/// A volume inside a directory that holds something to be stolen or broken.
struct Fortress {
    wharf: Wharf,
    outside: tempfile::TempDir,
}

impl Fortress {
    fn build() -> Fortress {
        let outside = tempfile::tempdir().unwrap();
        let start = Wharf::prepare();
        let (inside, root) = (outside.path().join("deep/volume"), start.volume().join("docker"));
        fs::create_dir_all(&inside).unwrap();
        std::os::unix::fs::symlink(&inside, root).unwrap();
        fs::write(outside.path().join("canary"), "sings").unwrap();
        fs::write(outside.path().join("deep/canary"), "sings").unwrap();
        fs::write(start.volume().join("canary"), "sings").unwrap();
        Fortress { wharf: start.go(), outside }
    }

    /// What is there beside the volume's own tree.
    fn around(&self) -> Vec<String> {
        let mut found = Wharf::files_below(self.outside.path());
        found.extend(Wharf::files_below(self.wharf.volume()));
        found.retain(|path| !path.starts_with("deep/volume/registry/v2/"));
        found.sort();
        found
    }

    fn canaries_sing(&self) -> bool {
        let (outside, volume) = (self.outside.path(), self.wharf.volume());
        let canaries = [outside.join("canary"), outside.join("deep/canary"), volume.join("canary")];
        canaries.iter().all(|path| fs::read(path).unwrap() == b"sings")
    }
}

#[tokio::test]
async fn no_malformed_word_leads_anywhere() {
    let fortress = Fortress::build();
    let before = fortress.around();
    let mut raw = fortress.wharf.connect().await;
    for word in malformed() {
        for line in lines(&word) {
            for method in METHODS {
                raw.request(&format!("{method} {line}"), &["content-length: 0"]).await;
                let answer = if *method == "HEAD" { raw.answer_without_body().await } else { raw.answer().await };
                assert!(answer.status < 500, "{method} {line}: {}", answer.status);
                assert!(!answer.has("x-evil"), "{method} {line}");
                let body = String::from_utf8_lossy(&answer.body);
                assert!(!body.contains("sings") && !body.contains("root:"), "{method} {line}: {body}");
                if answer.has("connection") || answer.status == 400 && answer.body.is_empty() {
                    // A line that is not HTTP at all costs the connection.
                    raw = fortress.wharf.connect().await;
                }
            }
        }
    }
    assert!(fortress.canaries_sing());
    assert_eq!(fortress.around(), before, "something was made or removed outside");
    // What was made is named as repositories are, though uploads were started wherever that was possible.
    for entry in fs::read_dir(fortress.wharf.repository("")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        assert!(name.bytes().all(plain), "{name:?}");
    }
    fortress.wharf.repo("hostile").push_image("latest", 1).await;
}

#[tokio::test]
async fn a_malformed_digest_is_refused_as_one_whatever_is_wrong_with_it() {
    let wharf = Wharf::shared();
    let hex = &NOTHING["sha256:".len()..];
    let mut raw = wharf.connect().await;
    for digest in [
        format!("sha256:{}", &hex[1..]),
        format!("sha256:{hex}0"),
        format!("sha256:{}A", &hex[1..]),
        format!("sha256:{}g", &hex[1..]),
        format!("sha512:{hex}"),
        format!("sha384:{hex}{}", &hex[..32]),
        format!("sha256:%00{}", &hex[1..]),
        format!("SHA256:{hex}"),
        format!("sha256:%20{hex}"),
    ] {
        for path in ["blobs", "manifests", "referrers"] {
            raw.request(&format!("GET /v2/hostile/{path}/{digest}"), &[]).await;
            raw.answer().await.refuses(400, "DIGEST_INVALID");
        }
        for query in ["digest", "mount"] {
            raw.request(&format!("POST /v2/hostile/blobs/uploads/?{query}={digest}"), &["content-length: 0"]).await;
            raw.answer().await.refuses(400, "DIGEST_INVALID");
        }
    }
}

/// A manifest's own digests lead nowhere either.
#[tokio::test]
async fn a_digest_inside_a_manifest_is_read_as_strictly() {
    let repo = Wharf::shared().repo("hostile/inside");
    for digest in ["sha256:../../../../canary", "../canary", "sha256:ABC", "", "latest"] {
        for field in ["config", "subject"] {
            let body =
                serde_json::json!({"schemaVersion": 2, field: {"mediaType": "a/b", "digest": digest, "size": 1}});
            let manifest = crate::support::content::Manifest::new("a/b", body.to_string());
            repo.put("x", &manifest).await.refuses(400, "MANIFEST_INVALID");
        }
    }
}

#[test]
fn no_path_at_all_makes_the_server_fail() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let fortress = Fortress::build();
    let before = fortress.around();
    let piece = prop_oneof![
        "[a-z0-9._%:/-]{1,8}",
        "(v2|blobs|uploads|manifests|tags|list|referrers|_catalog|\\.\\.|%2e|%2f|%00|sha256:)",
        Just(NOTHING.to_owned()),
        Just(sha256(b"")),
    ];
    let path = proptest::collection::vec(piece, 1..8).prop_map(|pieces| pieces.join("/"));
    let method = proptest::sample::select(METHODS);
    proptest!(ProptestConfig::with_cases(400), |(method in method, path in path, query in "[a-z=&%0-9.:/]{0,12}")| {
        let answer = runtime.block_on(async {
            let mut raw = fortress.wharf.connect().await;
            raw.request(&format!("{method} /v2/{path}?{query}"), &["content-length: 0"]).await;
            raw.answer_without_body().await
        });
        prop_assert!(answer.status < 500, "{}", answer.status);
    });
    assert!(fortress.canaries_sing());
    assert_eq!(fortress.around(), before);
}
