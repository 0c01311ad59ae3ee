//! A mount needs to pull where the blob comes from and to push where it goes.

use reqwest::Method;

use crate::guarded;

#[tokio::test]
async fn a_mount_needs_both_repositories() {
    let wharf = guarded::start();
    let alice = wharf.user("alice");
    let public = alice.repo("public/base").push_blob(b"public").await;
    let private = alice.repo("team/base").push_blob(b"private").await;
    let mount = async |who: &str, to: &str, digest: &str, from: &str| {
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}&from={from}");
        wharf.user(who).request(Method::POST, &path).send().await.status
    };
    for (who, to, digest, from, status) in [
        ("carol", "carol/app", &public, "public/base", 201),
        ("carol", "carol/app", &private, "team/base", 202),
        ("ci", "ci/app", &private, "team/base", 201),
        ("ci", "team/app", &private, "team/base", 201),
        ("carol", "public/app", &public, "public/base", 403),
        ("alice", "any/app", &private, "team/base", 201),
        ("carol", "carol/app", &public, "UPPER", 202),
    ] {
        assert_eq!(mount(who, to, digest, from).await, status, "{who} mounts from {from} to {to}");
    }
}

/// A token opens what it names: one for the target alone does not mount, and the client is told which one does, as by
/// registry:2.
#[tokio::test]
async fn a_mount_with_a_token_needs_both_in_the_token() {
    let wharf = guarded::start();
    let digest = wharf.user("alice").repo("team/base").push_blob(b"private").await;
    for (scopes, status) in
        [("repository:ci/app:pull,push", 401), ("repository:ci/app:pull,push repository:team/base:pull", 201)]
    {
        let client = wharf.client().bearer(&wharf.user("ci").token(scopes).await);
        let path = format!("/v2/ci/app/blobs/uploads/?mount={digest}&from=team/base");
        let answer = client.request(Method::POST, &path).send().await.is(status);
        if status == 401 {
            let challenge = answer.header("www-authenticate");
            assert!(challenge.contains("repository:ci/app:pull,push repository:team/base:pull"), "{challenge}");
        }
    }
    // Of what the user may not read anyway, no token would open it.
    let client = wharf.client().bearer(&wharf.user("carol").token("repository:carol/app:pull,push").await);
    let path = format!("/v2/carol/app/blobs/uploads/?mount={digest}&from=team/base");
    client.request(Method::POST, &path).send().await.is(202);
}

/// Without a source a blob is taken from anywhere (end-11), for those from whom nothing is kept.
#[tokio::test]
async fn a_mount_from_anywhere_is_for_those_who_may_read_everything() {
    let wharf = guarded::start();
    let digest = wharf.user("alice").repo("team/base").push_blob(b"private").await;
    for (who, to, status) in [("alice", "x/y", 201), ("ci", "ci/app", 202), ("carol", "carol/app", 202)] {
        let path = format!("/v2/{to}/blobs/uploads/?mount={digest}");
        assert_eq!(wharf.user(who).request(Method::POST, &path).send().await.status, status, "{who}");
    }
}
