//! Reading request lines, and printing them back.

use proptest::prelude::*;

use super::*;
use crate::oci::Algorithm;

fn get(path: &str) -> Result<Route, RouteError> {
    Route::parse(&Method::GET, path)
}

#[test]
fn names_may_contain_the_words_of_the_api() {
    let digest = Digest::of(Algorithm::Sha256, b"");
    for name in ["tags/list", "a/manifests/b", "blobs/uploads", "v2/app", "referrers", "a/tags"] {
        let parsed: RepositoryName = name.parse().unwrap();
        assert_eq!(get(&format!("/v2/{name}/tags/list")), Ok(Route::Tags(parsed.clone())));
        assert_eq!(get(&format!("/v2/{name}/blobs/{digest}")), Ok(Route::GetBlob(parsed.clone(), digest)));
        let started = Route::parse(&Method::POST, &format!("/v2/{name}/blobs/uploads/"));
        assert_eq!(started, Ok(Route::StartUpload(parsed)));
    }
}

#[test]
fn unknown_paths_wrong_methods_and_malformed_words_are_different_refusals() {
    for path in
        ["/", "/v1/_ping", "/v2x", "/v2/_catalog/x", "/v2/a", "/v2/tags/list", "/v2/blobs/uploads/", "/v2/a/b/c/%ff"]
    {
        assert_eq!(get(path), Err(RouteError::NotFound), "{path}");
    }
    assert_eq!(Route::parse(&Method::POST, "/v2/"), Err(RouteError::Method { allowed: "GET, HEAD" }));
    assert_eq!(get("/v2/a/blobs/uploads/"), Err(RouteError::Method { allowed: "POST" }));
    assert!(matches!(get("/v2/A/tags/list"), Err(RouteError::Name(_))));
    assert!(matches!(get("/v2/a/manifests/-x"), Err(RouteError::Reference(ReferenceError::Tag(_)))));
    assert!(matches!(get("/v2/a/manifests/sha256:x"), Err(RouteError::Reference(ReferenceError::Digest(_)))));
    assert!(matches!(get("/v2/a/blobs/latest"), Err(RouteError::Digest(_))));
    assert!(matches!(get("/v2/a/blobs/uploads/1"), Err(RouteError::Upload(_))));
}

#[test]
fn paths_that_lead_elsewhere_lead_nowhere() {
    for path in [
        "/v2/../../etc/passwd",
        "/v2/a/../b/tags/list",
        "/v2/%2e%2e/tags/list",
        "/v2/a%2f..%2fb/tags/list",
        "/v2/a/blobs/sha256:..%2f..%2fx",
        "/v2/a/blobs/uploads/..",
        "/v2/a/manifests/..",
        "/v2//tags/list",
        "/v2/a%00/tags/list",
        "/v2/a/_uploads/tags/list",
        "/v2/a/manifests/%2e%2e%2fx",
        "/v2/a\\b/tags/list",
    ] {
        assert!(get(path).is_err(), "{path}");
    }
}

#[test]
fn encoded_colons_and_slashes_are_read() {
    let digest = Digest::of(Algorithm::Sha256, b"");
    let encoded = digest.to_string().replace(':', "%3A");
    let expected = Route::GetBlob("team/app".parse().unwrap(), digest);
    assert_eq!(get(&format!("/v2/team%2Fapp/blobs/{encoded}")), Ok(expected));
}

fn route() -> impl Strategy<Value = Route> {
    let name = r"[a-z0-9]{1,4}([._-][a-z0-9]{1,3})?(/(tags|list|blobs|uploads|manifests|v2|[a-z]{1,3})){0,4}";
    let name = name.prop_map(|text| text.parse::<RepositoryName>().unwrap());
    let digest = any::<(bool, Vec<u8>)>()
        .prop_map(|(sha512, content)| Digest::of(if sha512 { Algorithm::Sha512 } else { Algorithm::Sha256 }, &content));
    let tag = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,10}|list|uploads".prop_map(|text| text.parse().unwrap());
    let id = any::<u128>().prop_map(|bits| uuid::Uuid::from_u128(bits).to_string().parse::<UploadId>().unwrap());
    (name, digest, tag, id, any::<bool>(), 0..14_u8).prop_map(|(name, digest, tag, id, by_tag, which)| {
        let reference = if by_tag { Reference::Tag(tag) } else { Reference::Digest(digest) };
        match which {
            0 => Route::Version,
            1 => Route::Catalog,
            2 => Route::Tags(name),
            3 => Route::Referrers(name, digest),
            4 => Route::GetManifest(name, reference),
            5 => Route::PutManifest(name, reference),
            6 => Route::DeleteManifest(name, reference),
            7 => Route::GetBlob(name, digest),
            8 => Route::DeleteBlob(name, digest),
            9 => Route::StartUpload(name),
            10 => Route::UploadStatus(name, id),
            11 => Route::AppendUpload(name, id),
            12 => Route::FinishUpload(name, id),
            _ => Route::CancelUpload(name, id),
        }
    })
}

proptest! {
    #[test]
    fn a_route_is_printed_as_it_is_read(route in route()) {
        prop_assert_eq!(Route::parse(&route.method(), &route.to_string()), Ok(route));
    }

    #[test]
    fn no_path_makes_the_parser_panic(path in r"(/v2)?(/|[a-z%.:]{1,4}|blobs|uploads|manifests|\PC){0,8}") {
        let _ = get(&path);
    }
}
