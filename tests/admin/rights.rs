//! Who may use the API. That each route has its place in the table of needs is held by `tests/access/every_route.rs`.

use reqwest::Method;

use crate::guarded::{self, RULES};
use crate::support::answer::Answer;
use crate::support::client::Client;

async fn post(client: &Client, path: &str, body: &'static str) -> Answer {
    let request = client.request(Method::POST, path).header("content-type", "application/json");
    request.body(body).send().await
}

/// Everything that is about the whole registry.
async fn administers(client: &Client) -> Vec<Answer> {
    let stop = client.request(Method::DELETE, "/api/v1/jobs/67e55044-10b1-426f-9247-bb680e5fe0c8").send().await;
    let look = client.get("/api/v1/jobs/67e55044-10b1-426f-9247-bb680e5fe0c8").await;
    let purge = post(client, "/api/v1/upload-purges", "{\"dryRun\":true}").await;
    vec![client.get("/api/v1/jobs").await, purge, look, stop]
}

#[tokio::test]
async fn only_who_administers_everything_administers_the_registry() {
    let rules = format!(
        "{RULES}\n# beside the groups\n"
    )
    .replace("access:\n", "access:\n  - {who: dave, repositories: 'team/**', may: [admin]}\n  - {who: ci, repositories: '**', may: [pull, push, delete]}\n");
    let wharf = guarded::prepare(&rules).go();
    let scope = "repository:team/app:pull,push,delete registry:catalog:*";
    let token = wharf.user("alice").token(scope).await;
    for (who, client, status) in [
        ("anonymous", wharf.client(), 401),
        ("a wrong password", wharf.client().user("alice", "wrong"), 401),
        ("admin of some repositories", wharf.user("dave"), 403),
        ("everything but admin", wharf.user("ci"), 403),
        ("an administrator's token", wharf.client().bearer(&token), 401),
    ] {
        for answer in administers(&client).await {
            assert_eq!(answer.status, status, "{who}: {}", answer.asked);
            assert_eq!(answer.has("www-authenticate"), status == 401, "{who}: {}", answer.asked);
            if status == 401 {
                assert_eq!(answer.header("www-authenticate"), "Basic realm=\"wharf\"", "a token would not do");
            }
            answer.problem(status, if status == 401 { "UNAUTHORIZED" } else { "DENIED" });
        }
    }
    let answers: Vec<u16> = administers(&wharf.user("alice")).await.iter().map(|answer| answer.status).collect();
    assert_eq!(answers, [200, 202, 404, 404]);
}

#[tokio::test]
async fn who_administers_some_repositories_has_the_volume_neither_checked_nor_repaired() {
    let some = "access:\n  - {who: dave, repositories: 'team/**', may: [admin]}\n";
    let wharf = guarded::prepare(&RULES.replace("access:\n", some)).go();
    for path in ["/api/v1/checks", "/api/v1/repairs"] {
        post(&wharf.client(), path, "{}").await.problem(401, "UNAUTHORIZED");
        for who in ["ci", "dave"] {
            post(&wharf.user(who), path, "{}").await.problem(403, "DENIED");
        }
        // The other may still run.
        let answer = post(&wharf.user("alice"), path, "{}").await;
        assert!(matches!(answer.status, 202 | 409), "{}", answer.status);
    }
}

/// Also for an access token, which is what a program has.
#[tokio::test]
async fn an_access_token_administers_what_it_was_made_for() {
    let wharf = guarded::start();
    for (name, may, status) in [("all", "**:admin", 200), ("some", "team/**:admin", 403), ("pulls", "**:pull", 403)] {
        let output = wharf.command(&["token", "create", "--name", name, "--may", may]);
        let secret = String::from_utf8(output.stdout).unwrap();
        let client = wharf.client().user(name, secret.trim());
        assert_eq!(client.get("/api/v1/jobs").await.status, status, "{name}");
    }
}

/// The challenge of what is about a repository is the one that the protocol gives, so the same token opens both.
#[tokio::test]
async fn a_repository_is_opened_as_by_the_protocol() {
    let wharf = guarded::start();
    let image = wharf.user("carol").repo("carol/app").push_image("1", 1).await;
    let delete = |client: Client, path: String| async move { client.request(Method::DELETE, &path).send().await };
    let protocol = delete(wharf.client(), format!("/v2/carol/app/manifests/{}", image.digest())).await.is(401);
    let api = format!("/api/v1/repositories/carol%2Fapp/manifests/{}", image.digest());
    let refused = delete(wharf.client(), api.clone()).await;
    assert_eq!(refused.header("www-authenticate"), protocol.header("www-authenticate"));
    refused.problem(401, "UNAUTHORIZED");
    delete(wharf.user("dave"), api.clone()).await.problem(403, "DENIED");
    wharf.user("dave").get("/api/v1/repositories/carol%2Fapp/tags/1").await.problem(404, "NAME_UNKNOWN");
    let token = wharf.user("carol").token("repository:carol/app:pull,delete").await;
    wharf.client().bearer(&token).get("/api/v1/repositories/carol%2Fapp/tags/1").await.is(200);
    delete(wharf.client().bearer(&token), api).await.is(204);
    wharf.client().get("/api/v1/").await.problem(401, "UNAUTHORIZED");
    wharf.client().get("/api/v1/openapi.json").await.is(200);
}
