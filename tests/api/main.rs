//! The wire: every endpoint and every error, from outside, over sockets.

#[path = "../support/mod.rs"]
mod support;

use support::Wharf;

#[tokio::test]
async fn the_version_is_answered_with_and_without_a_slash() {
    let wharf = Wharf::start();
    for path in ["/v2/", "/v2"] {
        let response = reqwest::get(wharf.at(path)).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(
            response.headers()["docker-distribution-api-version"],
            "registry/2.0"
        );
        assert_eq!(response.text().await.unwrap(), "{}");
    }
}
