//! Access tokens of machines, made and revoked with the command line while the server runs.

use secrecy::ExposeSecret;
use time::{Duration, OffsetDateTime};
use wharf::auth::AccessTokens;

use crate::guarded::{self, TOKEN, WHOAMI};
use crate::support::Wharf;
use crate::support::client::Client;

/// Makes a token that may do something.
fn create(wharf: &Wharf, name: &str, may: &[&str]) -> String {
    let mut arguments = vec!["token", "create", "--name", name, "--expires", "30m"];
    for grant in may {
        arguments.extend(["--may", grant]);
    }
    done(wharf, &arguments).trim().to_owned()
}

fn done(wharf: &Wharf, arguments: &[&str]) -> String {
    let output = wharf.command(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// A client of a machine.
fn machine(wharf: &Wharf, secret: &str) -> Client {
    wharf.client().user("ci-build", secret)
}

#[tokio::test]
async fn a_token_that_is_made_while_the_server_runs_may_do_what_it_says_and_no_more() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    wharf.user("alice").repo("carol/app").push_image("1", 1).await;
    let secret = create(&wharf, "ci-build", &["team/*:pull,create", "tools/**:pull"]);
    let bearer = machine(&wharf, &secret).token("repository:team/app:pull,push,delete").await;
    for client in [machine(&wharf, &secret), wharf.client().bearer(&secret), wharf.client().bearer(&bearer)] {
        client.get("/v2/").await.is(200);
        let repo = client.repo("team/app");
        repo.manifest("1").await.is(200);
        let second = repo.prepare_image(2).await;
        repo.put("1", &second).await.refuses(403, "DENIED");
        repo.delete("manifests/1").await.refuses(403, "DENIED");
        let elsewhere = client.repo("carol/app").manifest("1").await;
        assert!(matches!(elsewhere.status, 401 | 404), "{}", elsewhere.status);
    }
    machine(&wharf, &secret).repo("team/app").push_image("2", 2).await;
    assert_eq!(machine(&wharf, &secret).repo("team/app").tags().await, ["1", "2"]);
    let refused = machine(&wharf, &secret).repo("tools/a").post_blob("sha256:0", b"").await;
    assert_eq!(refused.status, 403);
    // A machine is not a user: what everybody who has logged in may is not what it may.
    let who = machine(&wharf, &secret).get(WHOAMI).await.is(200).json();
    assert_eq!(
        (&who["kind"], &who["name"], &who["proved_by"]),
        (&"token".into(), &"ci-build".into(), &"access token".into())
    );
    let may = who["may"].as_array().unwrap();
    let granted = |entry: &&serde_json::Value| entry.get("rule").is_none();
    assert_eq!(may.iter().filter(granted).count(), 2, "{who}");
}

/// Clients want a user's name of those who log in; which one they have been given, the token does not care.
#[tokio::test]
async fn any_name_goes_with_a_token_and_none_makes_it_somebody_else() {
    let wharf = guarded::start();
    let secret = create(&wharf, "ci-build", &["team/*:pull"]);
    for name in ["ci-build", "alice", "carol", "x", "", "00000000-0000-0000-0000-000000000000", "a name: or two"] {
        let client = wharf.client().user(name.split(':').next().unwrap(), &secret);
        let who = client.get(WHOAMI).await.is(200).json();
        assert_eq!((&who["kind"], &who["name"]), (&"token".into(), &"ci-build".into()), "{name}");
        client.repo("carol/app").post_blob("sha256:0", b"").await.is(403);
    }
    // The name alone is no credential, nor is a user's password with it.
    wharf.client().user("ci-build", "").get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.client().user("ci-build", "password-of-alice").get("/v2/").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_token_that_is_revoked_is_refused_at_the_next_request_with_all_that_was_made_with_it() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    let secret = create(&wharf, "ci-build", &["team/*:pull"]);
    let other = create(&wharf, "other", &["team/*:pull"]);
    let path = format!("{TOKEN}?scope=repository:team/app:pull&offline_token=true");
    let answer = machine(&wharf, &secret).get(&path).await.is(200).json();
    let bearer = wharf.client().bearer(answer["token"].as_str().unwrap());
    let refresh = format!("grant_type=refresh_token&refresh_token={}", answer["refresh_token"].as_str().unwrap());
    let clients = [machine(&wharf, &secret), wharf.client().bearer(&secret), bearer];
    for client in &clients {
        client.repo("team/app").manifest("1").await.is(200);
    }
    wharf.client().post_token(&refresh).await.is(200);
    assert_eq!(done(&wharf, &["token", "revoke", "ci-build"]), "");
    for client in &clients {
        client.repo("team/app").manifest("1").await.refuses(401, "UNAUTHORIZED");
        client.get(WHOAMI).await.refuses(401, "UNAUTHORIZED");
    }
    wharf.client().post_token(&refresh).await.refuses(401, "UNAUTHORIZED");
    machine(&wharf, &secret).get(TOKEN).await.refuses(401, "UNAUTHORIZED");
    machine(&wharf, &other).repo("team/app").manifest("1").await.is(200);
    // One of the same name is another one.
    let again = create(&wharf, "ci-build", &["team/*:pull"]);
    machine(&wharf, &again).repo("team/app").manifest("1").await.is(200);
    for client in &clients {
        client.repo("team/app").manifest("1").await.refuses(401, "UNAUTHORIZED");
    }
    wharf.client().post_token(&refresh).await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_token_that_nobody_made_is_a_wrong_password() {
    let (wharf, other) = (guarded::start(), guarded::start());
    let stranger = create(&other, "ci-build", &["**:admin"]);
    create(&wharf, "ci-build", &["**:pull"]);
    for client in [machine(&wharf, &stranger), machine(&wharf, "wharf_0"), wharf.client().bearer(&stranger)] {
        client.get("/v2/").await.refuses(401, "UNAUTHORIZED");
    }
    let file = std::fs::read_to_string(wharf.volume().join("wharf/auth/tokens/ci-build.json")).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    machine(&wharf, file["sha256"].as_str().unwrap()).get("/v2/").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn a_token_ends_at_its_time_with_all_that_was_made_with_it() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    // The command line counts in minutes.
    let tokens = AccessTokens::open(wharf.volume().join("wharf/auth/tokens"));
    let now = OffsetDateTime::now_utc();
    let (name, grant) = ("ci-build".parse().unwrap(), "team/*:pull".parse().unwrap());
    let secret = tokens.create(&name, &[grant], Some(now + Duration::seconds(4)), now).unwrap();
    let client = machine(&wharf, secret.expose_secret());
    let answer = client.get(&format!("{TOKEN}?scope=repository:team/app:pull&offline_token=true")).await.is(200).json();
    let bearer = wharf.client().bearer(answer["token"].as_str().unwrap());
    for client in [&client, &bearer] {
        client.repo("team/app").manifest("1").await.is(200);
    }
    let left = now + Duration::seconds(4) - OffsetDateTime::now_utc();
    tokio::time::sleep(left.try_into().unwrap_or_default()).await;
    for client in [&client, &bearer] {
        client.repo("team/app").manifest("1").await.refuses(401, "UNAUTHORIZED");
    }
    let refresh = format!("grant_type=refresh_token&refresh_token={}", answer["refresh_token"].as_str().unwrap());
    wharf.client().post_token(&refresh).await.refuses(401, "UNAUTHORIZED");
    assert!(done(&wharf, &["token", "list"]).contains("(over)"));
}

#[tokio::test]
async fn the_list_says_when_a_token_was_used_last() {
    let wharf = guarded::start();
    let secret = create(&wharf, "ci-build", &["team/*:pull"]);
    create(&wharf, "idle", &["team/*:pull"]);
    let listed = || -> serde_json::Value { serde_json::from_str(&done(&wharf, &["token", "list", "--json"])).unwrap() };
    assert!(listed()[0]["last_used"].is_null());
    let before = OffsetDateTime::now_utc() - Duration::seconds(2);
    machine(&wharf, &secret).get("/v2/").await.is(200);
    let used = listed()[0]["last_used"].as_str().unwrap().to_owned();
    let used = OffsetDateTime::parse(&used, &time::format_description::well_known::Rfc3339).unwrap();
    assert!(used >= before && used <= OffsetDateTime::now_utc(), "{used}");
    assert!(listed()[1]["last_used"].is_null());
}

/// A token is told by its form: whoever leaves one in a log or a script is found by those who look for such things.
#[tokio::test]
async fn what_a_machine_is_told_it_may_not_do_names_it_and_not_its_secret() {
    let wharf = guarded::start();
    let secret = create(&wharf, "ci-build", &["team/*:pull"]);
    let refused = machine(&wharf, &secret).repo("team/app").delete("manifests/1").await.refuses(403, "DENIED");
    assert!(refused.message().contains("ci-build") && !refused.message().contains(&secret), "{}", refused.message());
}
