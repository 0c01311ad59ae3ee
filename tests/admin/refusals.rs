//! How the API refuses: in one shape, by name, and pages of other sites before anything else.

use reqwest::Method;
use serde_json::Value;

use crate::guarded;
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;

const PURGES: &str = "/api/v1/upload-purges";

impl Answer {
    /// The problem (RFC 9457) of this status and code that the body holds.
    #[track_caller]
    pub(crate) fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.is(status);
        assert_eq!(answer.header("content-type"), "application/problem+json", "{}", answer.asked);
        let problem = answer.json();
        assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(status.into()), Some(code)));
        assert_eq!(problem["type"], "about:blank");
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

async fn post(client: &Client, body: &str) -> Answer {
    let request = client.request(Method::POST, PURGES).header("content-type", "application/json");
    request.body(body.to_owned()).send().await
}

#[tokio::test]
async fn everything_below_its_path_is_refused_in_one_shape() {
    let wharf = Wharf::shared();
    let client = wharf.client();
    for path in ["/api", "/api/", "/api/v2/", "/api/v1/nothing", "/api/v1/repositories", "/api/v1/%ff"] {
        client.get(path).await.problem(404, "UNSUPPORTED");
    }
    client.get("/api/v1/repositories/Team").await.problem(400, "NAME_INVALID");
    client.get("/api/v1/repositories/a/tags/..a").await.problem(400, "TAG_INVALID");
    client.get("/api/v1/repositories/nobody/tags/a").await.problem(404, "MANIFEST_UNKNOWN");
    client.get("/api/v1/repositories/nobody").await.problem(404, "NAME_UNKNOWN");
    client.get("/api/v1/jobs/1").await.problem(404, "JOB_UNKNOWN");
    client.get("/api/v1/jobs/67e55044-10b1-426f-9247-bb680e5fe0c8").await.problem(404, "JOB_UNKNOWN");
    let refused = client.request(Method::PUT, PURGES).send().await;
    assert_eq!(refused.header("allow"), "POST");
    refused.problem(405, "UNSUPPORTED");
    let refused = client.request(Method::POST, "/api/v1/repositories/a/tags/b").send().await;
    assert_eq!(refused.header("allow"), "GET, HEAD, PUT, DELETE");
    refused.problem(405, "UNSUPPORTED");
}

/// S14: what a caller may not set is not there to be set.
#[tokio::test]
async fn a_body_is_json_and_holds_what_is_known_and_nothing_else() {
    let wharf = Wharf::shared();
    let client = wharf.client();
    let told = |problem: Value| problem["detail"].as_str().unwrap().to_owned();
    let said = told(post(&client, "{\"dryRun\":true,\"admin\":true}").await.problem(400, "BODY_INVALID"));
    assert!(said.contains("`admin`"), "{said}");
    let said = told(post(&client, "{\"olderThan\":\"-1h\"}").await.problem(400, "BODY_INVALID"));
    assert!(said.contains("168h"), "{said}");
    for body in ["", "[]", "[\"1h\",true]", "null", "{", "{\"dryRun\":\"yes\"}", "{}x", "\u{feff}{}"] {
        post(&client, body).await.problem(400, "BODY_INVALID");
    }
    for content_type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""] {
        let request = client.request(Method::POST, PURGES).header("content-type", content_type).body("{}");
        request.send().await.problem(415, "CONTENT_TYPE_INVALID");
    }
    client.request(Method::POST, PURGES).send().await.problem(415, "CONTENT_TYPE_INVALID");
    let long = format!("{{\"dryRun\":true{}}}", " ".repeat(64 * 1024));
    post(&client, &long).await.problem(413, "SIZE_INVALID");
    let pieces = vec![b"{".to_vec(), " ".repeat(70_000).into_bytes(), b"}".to_vec()];
    let request = client.request(Method::POST, PURGES).header("content-type", "application/json");
    request.streamed(pieces).send().await.problem(413, "SIZE_INVALID");
    let fits = format!("{{\"dryRun\":true{}}}", " ".repeat(64 * 1024 - 15));
    assert_eq!(fits.len(), 64 * 1024);
    let accepted = client.request(Method::POST, PURGES).header("content-type", "application/json; charset=utf-8");
    // Another test of this server may have a job under way.
    let accepted = accepted.body(fits).send().await;
    assert!(matches!(accepted.status, 202 | 409), "{}", accepted.status);
}

/// A browser sends what its user is logged in with, or reaches an open registry that the page's author cannot.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let open = Wharf::start();
    let guarded = guarded::start();
    for client in [open.client(), guarded.user("alice")] {
        let repo = client.repo("crossed");
        let image = repo.push_image("kept", 1).await;
        let tag = "/api/v1/repositories/crossed/tags/kept".to_owned();
        let manifest = format!("/api/v1/repositories/crossed/manifests/{}", image.digest());
        let job = "/api/v1/jobs/67e55044-10b1-426f-9247-bb680e5fe0c8".to_owned();
        for site in ["cross-site", "same-site"] {
            for (method, path) in [
                (Method::DELETE, &tag),
                (Method::DELETE, &manifest),
                (Method::DELETE, &job),
                (Method::POST, &PURGES.to_owned()),
                (Method::PUT, &tag),
                (Method::POST, &"/api/v1/repairs".to_owned()),
            ] {
                let request = client.request(method, path).header("sec-fetch-site", site);
                let request = request.header("content-type", "application/json").body("{}");
                let problem = request.send().await.problem(403, "CROSS_SITE");
                assert!(problem["detail"].as_str().unwrap().contains("Sec-Fetch-Site"), "{problem}");
            }
            let read = client.request(Method::GET, &tag).header("sec-fetch-site", site).send().await.is(200);
            assert!(!read.has("access-control-allow-origin"));
        }
        assert_eq!(repo.tags().await, ["kept"]);
        assert!(client.get("/api/v1/jobs").await.is(200).json()["jobs"].as_array().unwrap().is_empty());
        for site in ["same-origin", "none"] {
            let request = client.request(Method::POST, PURGES).header("sec-fetch-site", site);
            let answer = request.header("content-type", "application/json").body("{}").send().await;
            assert!(matches!(answer.status, 202 | 409), "{site}: {}", answer.status);
        }
    }
}

/// S7.
#[tokio::test]
async fn what_is_switched_off_is_off_and_names_the_key() {
    let wharf = Wharf::prepare().env("REGISTRY_STORAGE_DELETE_ENABLED", "false").go();
    wharf.repo("kept").push_image("1", 1).await;
    let refused = wharf.client().request(Method::DELETE, "/api/v1/repositories/kept/tags/1").send().await;
    let problem = refused.problem(405, "UNSUPPORTED");
    assert!(problem["detail"].as_str().unwrap().contains("storage.delete.enabled"), "{problem}");
    assert_eq!(wharf.repo("kept").tags().await, ["1"]);
}
