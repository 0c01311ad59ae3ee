//! What says that this is a registry, and which paths and methods it knows.

use reqwest::Method;

use crate::support::Wharf;
use crate::support::content::NOTHING;

const ID: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test]
async fn the_version_is_answered_with_and_without_a_slash() {
    let wharf = Wharf::shared();
    for path in ["/v2/", "/v2"] {
        let answer = wharf.client().get(path).await.is(200);
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.body, b"{}");
        let head = wharf.client().request(Method::HEAD, path).send().await.is(200);
        assert_eq!(head.header("content-length"), "2");
    }
}

#[tokio::test]
async fn the_front_page_is_there_for_people_and_health_checks() {
    let answer = Wharf::shared().client().get("/").await.is(200);
    assert!(String::from_utf8(answer.body).unwrap().contains("container registry"));
}

#[tokio::test]
async fn every_answer_says_what_the_api_is_and_forbids_sniffing() {
    let wharf = Wharf::shared();
    for path in ["/", "/v2/", "/nowhere", "/v2/A/tags/list", "/v2/version/tags/list", "/v2/_catalog"] {
        let answer = wharf.client().get(path).await;
        assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
    }
}

#[tokio::test]
async fn a_path_that_leads_nowhere_is_not_found_whatever_the_method() {
    let wharf = Wharf::shared();
    for path in ["/v1/_ping", "/v2x", "/v2/a", "/v2/tags/list", "/v2/_catalog/more", "/v3/", "/ca.crt"] {
        for method in [Method::GET, Method::PUT, Method::POST, Method::DELETE, Method::PATCH] {
            wharf.client().request(method, path).send().await.refuses(404, "UNSUPPORTED");
        }
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_know_is_refused_with_those_that_it_knows() {
    let wharf = Wharf::shared();
    let paths = [
        ("/v2/".to_owned(), "GET, HEAD"),
        ("/v2/_catalog".to_owned(), "GET, HEAD"),
        ("/v2/a/tags/list".to_owned(), "GET, HEAD"),
        (format!("/v2/a/referrers/{NOTHING}"), "GET, HEAD"),
        ("/v2/a/manifests/latest".to_owned(), "GET, HEAD, PUT, DELETE"),
        (format!("/v2/a/blobs/{NOTHING}"), "GET, HEAD, DELETE"),
        ("/v2/a/blobs/uploads/".to_owned(), "POST"),
        (format!("/v2/a/blobs/uploads/{ID}"), "GET, HEAD, PATCH, PUT, DELETE"),
    ];
    for (path, allowed) in paths {
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            let answer = wharf.client().request(method.clone(), &path).send().await;
            if allowed.split(", ").any(|known| known == method.as_str()) {
                assert_ne!(answer.status, 405, "{method} {path}");
            } else {
                let answer = answer.refuses(405, "UNSUPPORTED");
                assert_eq!(answer.header("allow"), allowed, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn names_that_hold_words_of_the_api_are_names() {
    let wharf = Wharf::shared();
    for name in ["version/tags/list", "version/blobs/uploads", "version/manifests/v1", "version/referrers"] {
        let repo = wharf.repo(name);
        let image = repo.push_image("list", 1).await;
        assert_eq!(repo.manifest("list").await.is(200).body, image.bytes);
        assert_eq!(repo.tags().await, ["list"]);
    }
}

#[tokio::test]
async fn a_path_may_be_percent_encoded() {
    let repo = Wharf::shared().repo("version/encoded");
    let digest = repo.push_blob(b"encoded").await;
    let path = format!("/v2/version%2Fencoded/blobs/{}", digest.replace(':', "%3a"));
    assert_eq!(repo.client().get(&path).await.is(200).body, b"encoded");
}

/// A browser asks so before a page of another origin may talk to the registry; registry:2 answers it.
#[tokio::test]
async fn options_are_answered_with_the_methods_and_the_headers_that_the_operator_sets() {
    let wharf = Wharf::prepare().env("REGISTRY_HTTP_HEADERS_Access-Control-Allow-Origin", "['https://ui']").go();
    let answer = wharf.client().request(Method::OPTIONS, "/v2/a/manifests/latest").send().await.is(200);
    assert_eq!(answer.header("allow"), "GET, HEAD, PUT, DELETE");
    assert_eq!(answer.header("access-control-allow-origin"), "https://ui");
    wharf.client().request(Method::OPTIONS, "/v1/").send().await.is(404);
}
