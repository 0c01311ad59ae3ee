//! Users of a directory at the whole program: who leaves a group loses what it gave, at once (S10, CVE-2025-23208: zot added
//! groups at each login and removed none).

use reqwest::Method;
use serde_json::{Value, json};

use crate::directory::{Directory, SERVICE_PASSWORD};
use crate::support::Wharf;
use crate::support::answer::Answer;
use crate::support::client::Client;

const TOKEN: &str = "/v2/_wharf/auth/token";
const WHOAMI: &str = "/v2/_wharf/auth/whoami";

/// A registry whose users are those of the directory: developers write below `dev`, deployers read below `ops`.
fn serve(directory: &Directory) -> Wharf {
    let settings = directory.settings();
    let ldap = format!(
        "url: '{}', binddn: 'cn=search,dc=example,dc=org', bindpassword: {SERVICE_PASSWORD}, \
         users: {{base: '{}', filter: '{}'}}, groups: {{base: 'ou=groups,dc=example,dc=org', filter: '{}'}}",
        settings.url, settings.user_base, settings.user_filter, settings.group_filter
    );
    let start = Wharf::prepare();
    let root = start.volume().display().to_string();
    let hash = bcrypt::hash("keeper", 4).unwrap();
    std::fs::write(start.volume().join("htpasswd"), format!("keeper:{hash}\n")).unwrap();
    start
        .config(&format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {root}}}}}\n\
             auth: {{htpasswd: {{realm: wharf, path: {root}/htpasswd}}, ldap: {{{ldap}}}}}\n\
             access:\n  - {{who: keeper, repositories: '**', may: admin}}\n  \
             - {{who: 'group:developers', repositories: 'dev/**', may: [pull, push]}}\n  \
             - {{who: 'group:deploy', repositories: 'ops/**', may: pull}}\n"
        ))
        .go()
}

/// A registry with an image where developers and one where deployers may read.
async fn with_images(directory: &Directory) -> Wharf {
    let wharf = serve(directory);
    let keeper = wharf.client().user("keeper", "keeper");
    keeper.repo("dev/app").push_image("1", 1).await;
    keeper.repo("ops/app").push_image("1", 1).await;
    wharf
}

/// What a client gets when it logs in: a token for a repository, and none to get others with. The directory is asked each time,
/// since it alone knows whether the password still is the same.
async fn token(client: &Client, repository: &str) -> Client {
    let path = format!("{TOKEN}?service=wharf&offline_token=true&scope=repository:{repository}:pull,push");
    let answer = client.get(&path).await.is(200).json();
    assert_eq!(answer.get("refresh_token"), None);
    client.bearer(answer["token"].as_str().unwrap())
}

async fn post(client: &Client, form: &str) -> Answer {
    client.request(Method::POST, TOKEN).body(form.to_owned()).send().await
}

async fn groups(client: &Client) -> Value {
    client.get(WHOAMI).await.is(200).json()["groups"].clone()
}

async fn pulls(client: &Client, repository: &str) -> u16 {
    client.repo(repository).manifest("1").await.status
}

#[tokio::test]
async fn a_user_of_the_directory_may_what_the_rules_say_of_their_groups() {
    let directory = Directory::start();
    let wharf = with_images(&directory).await;
    let alice = wharf.client().user("alice", "wonderland");
    assert_eq!(groups(&alice).await, json!(["deploy", "developers"]));
    alice.repo("dev/app").push_image("2", 2).await;
    assert_eq!((pulls(&alice, "dev/app").await, pulls(&alice, "ops/app").await), (200, 200));
    let bob = wharf.client().user("bob", "builder");
    assert_eq!((pulls(&bob, "dev/app").await, pulls(&bob, "ops/app").await), (404, 200));
    wharf.client().user("alice", "wrong").get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.client().user("nobody", "wonderland").get("/v2/").await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn who_has_left_a_group_loses_what_it_gave_at_the_next_login_for_every_token_at_once() {
    for (name, again, password, member, in_both) in [
        ("alice", "ALICE", "wonderland", "uid=alice,ou=people,dc=example,dc=org", true),
        ("jane", " JANE", "tarzan", "cn=Smith\\2C (Jane) * \\5C,ou=people,dc=example,dc=org", false),
    ] {
        let directory = Directory::start();
        let wharf = with_images(&directory).await;
        let password_client = wharf.client().user(name, password);
        let (dev, ops) = (token(&password_client, "dev/app").await, token(&password_client, "ops/app").await);
        assert_eq!(pulls(&dev, "dev/app").await, 200);
        assert_eq!(pulls(&ops, "ops/app").await, if in_both { 200 } else { 404 });
        directory.remove_member("developers", "member", member);
        // Somebody else's login says nothing of theirs.
        wharf.client().user("bob", "builder").get("/v2/").await.is(200);
        // In another spelling, so that it is not what is remembered of the last one.
        wharf.client().user(again, password).get("/v2/").await.is(200);
        for client in [&dev, &ops, &password_client] {
            assert_eq!(pulls(client, "dev/app").await, 404);
            client.repo("dev/app").post_blob("sha256:0", b"").await.is(403);
        }
        assert_eq!(pulls(&ops, "ops/app").await, if in_both { 200 } else { 404 });
        assert_eq!(groups(&password_client).await, if in_both { json!(["deploy"]) } else { json!([]) });
        let fresh = token(&password_client, "dev/app").await;
        assert_eq!(pulls(&fresh, "dev/app").await, 404);
    }
}

#[tokio::test]
async fn while_the_directory_is_down_its_users_are_asked_to_wait_and_others_get_in() {
    let directory = Directory::start();
    let wharf = with_images(&directory).await;
    let alice = wharf.client().user("alice", "wonderland");
    let bearer = token(&alice, "dev/app").await;
    directory.daemon.stop();
    let bob = wharf.client().user("bob", "builder");
    for refused in [
        bob.get("/v2/").await,
        bob.get(TOKEN).await,
        post(&wharf.client(), "grant_type=password&username=bob&password=builder").await,
    ] {
        let refused = refused.refuses(503, "UNAVAILABLE");
        assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    wharf.client().user("keeper", "keeper").get("/v2/").await.is(200);
    // What was issued lasts for its five minutes.
    assert_eq!(pulls(&bearer, "dev/app").await, 200);
    wharf.logs("the directory cannot be asked who somebody is");
}
