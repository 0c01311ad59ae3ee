//! Saying who one is, with a password and with tokens, as docker and others do it.

use reqwest::Method;

use crate::guarded::{self, PASSWORD, TOKEN, WHOAMI};
use crate::support::answer::Answer;

fn challenge(answer: &Answer) -> &str {
    answer.header("www-authenticate")
}

/// `docker login` asks `/v2/` whether the password is right, so that has to ask for one (compat: a 200 is a success).
#[tokio::test]
async fn without_rules_the_challenge_is_registry_2s_and_whoever_is_logged_in_may_do_everything() {
    let wharf = guarded::prepare("").go();
    for path in ["/v2/", "/v2/_catalog", "/v2/a/tags/list"] {
        let refused = wharf.client().get(path).await.refuses(401, "UNAUTHORIZED");
        assert_eq!(challenge(&refused), "Basic realm=\"wharf\"", "{path}");
    }
    wharf.client().user("carol", "wrong").get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.client().user("nobody", "wrong").get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.user("carol").get("/v2/").await.is(200);
    wharf.user("carol").repo("any/thing").push_image("1", 1).await;
    wharf.user("dave").repo("any/thing").delete("manifests/1").await.is(202);
    // For everybody, without a word: what health checks and people look at.
    wharf.client().get("/").await.is(200);
}

#[tokio::test]
async fn with_rules_the_challenge_leads_to_a_token_and_names_what_it_should_open() {
    let wharf = guarded::start();
    let realm = format!("Bearer realm=\"{}{TOKEN}\",service=\"wharf\"", wharf.url);
    let refused = wharf.client().get("/v2/").await.refuses(401, "UNAUTHORIZED");
    assert_eq!(challenge(&refused), realm);
    let refused = wharf.client().repo("team/app").manifest("1").await.refuses(401, "UNAUTHORIZED");
    assert_eq!(challenge(&refused), format!("{realm},scope=\"repository:team/app:pull\""));
    let start = wharf.client().request(Method::POST, "/v2/team/app/blobs/uploads/?mount=x&from=public/a").send().await;
    let refused = start.refuses(401, "UNAUTHORIZED");
    let scope = "scope=\"repository:team/app:pull,push repository:public/a:pull\"";
    assert_eq!(challenge(&refused), format!("{realm},{scope}"));
    let refused = wharf.client().repo("team/app").delete("manifests/1").await.refuses(401, "UNAUTHORIZED");
    assert_eq!(challenge(&refused), format!("{realm},scope=\"repository:team/app:delete\""));
}

#[tokio::test]
async fn a_token_opens_what_was_asked_for_and_allowed_and_the_password_opens_the_same() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    let token = wharf.user("ci").token("repository:team/app:pull,push,delete").await;
    let ci = wharf.client().bearer(&token);
    ci.get("/v2/").await.is(200);
    ci.repo("team/app").manifest("1").await.is(200);
    ci.repo("team/app").push_image("2", 2).await;
    let refused = ci.repo("team/app").delete("manifests/1").await.refuses(403, "DENIED");
    assert_eq!(refused.message(), "delete on team/app needs delete for ci; rules 2 and 4 were considered");
    wharf.user("ci").repo("team/app").manifest("1").await.is(200);
    // Another token would open it: the client is told to get one.
    let refused = ci.repo("team/other").manifest("1").await.refuses(401, "UNAUTHORIZED");
    assert!(challenge(&refused).ends_with(",error=\"insufficient_scope\""), "{}", challenge(&refused));
}

/// S23: a token that may read must not be good for more, whichever way it is exchanged.
#[tokio::test]
async fn a_token_for_pulling_neither_pushes_nor_gets_one_that_does() {
    let wharf = guarded::start();
    wharf.user("alice").repo("team/app").push_image("1", 1).await;
    let token = wharf.user("alice").token("repository:team/app:pull").await;
    let reader = wharf.client().bearer(&token);
    reader.repo("team/app").manifest("1").await.is(200);
    reader.repo("team/app").delete("manifests/1").await.refuses(401, "UNAUTHORIZED");
    let started = reader.repo("team/app").request(Method::POST, "blobs/uploads/").send().await;
    started.refuses(401, "UNAUTHORIZED");
    let scopes = "repository:team/app:pull,push,delete repository:other:pull";
    let answer = reader.get(&format!("{TOKEN}?scope={}&offline_token=true", scopes.replace(' ', "%20"))).await.is(200);
    assert_eq!(answer.json()["scope"], "repository:team/app:pull");
    assert!(answer.json().get("refresh_token").is_none());
}

#[tokio::test]
async fn a_wrong_password_is_told_where_tokens_are_to_be_had() {
    let wharf = guarded::start();
    let refused = wharf.client().user("alice", "wrong").get(TOKEN).await.refuses(401, "UNAUTHORIZED");
    assert_eq!(challenge(&refused), "Basic realm=\"wharf\"");
    assert_eq!(refused.message(), "the user name or the password is wrong");
    for header in ["Basic", "Basic %", "Digest x", "Bearer"] {
        let request = wharf.client().request(Method::GET, TOKEN).header("authorization", header);
        request.send().await.refuses(401, "UNAUTHORIZED");
    }
    let answer = wharf.client().get(TOKEN).await.is(200);
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.json()["expires_in"], 300);
}

#[tokio::test]
async fn oauth_clients_get_tokens_for_a_password_and_for_a_refresh_token() {
    let wharf = guarded::start();
    let post = async |form: &str| {
        let request = wharf.client().request(Method::POST, TOKEN);
        request.header("content-type", "application/x-www-form-urlencoded").body(form.to_owned()).send().await
    };
    let form = format!(
        "grant_type=password&service=wharf&client_id=test&access_type=offline&username=carol&password={PASSWORD}carol&\
         scope=repository%3Acarol%2Fapp%3Apull%2Cpush"
    );
    let answer = post(&form).await.is(200).json();
    assert_eq!(answer["scope"], "repository:carol/app:pull,push");
    let carol = wharf.client().bearer(answer["access_token"].as_str().unwrap());
    carol.repo("carol/app").push_image("1", 1).await;
    let refresh = answer["refresh_token"].as_str().unwrap().to_owned();
    // It is no bearer token, and opens nothing by itself.
    wharf.client().bearer(&refresh).get("/v2/").await.refuses(401, "UNAUTHORIZED");
    let form = format!("grant_type=refresh_token&refresh_token={refresh}&scope=repository:carol/app:pull");
    let answer = post(&form).await.is(200).json();
    let carol = wharf.client().bearer(answer["access_token"].as_str().unwrap());
    carol.repo("carol/app").manifest("1").await.is(200);
    for (form, status) in [
        ("grant_type=password&username=carol&password=wrong", 401),
        ("grant_type=refresh_token&refresh_token=wrong", 401),
        ("grant_type=password&username=carol", 400),
        ("grant_type=client_credentials", 400),
        ("", 400),
    ] {
        assert_eq!(post(form).await.status, status, "{form}");
    }
    assert_eq!(post("grant_type=x").await.json()["error"], "unsupported_grant_type");
}

/// What was made with a password ends with it, at the latest when the file has been looked at again.
#[tokio::test]
async fn a_password_that_changes_ends_the_tokens_that_were_made_with_it() {
    let wharf = guarded::start();
    let carol = wharf.client().bearer(&wharf.user("carol").token("repository:carol/a:pull").await);
    let answer = wharf.user("carol").get(&format!("{TOKEN}?offline_token=true")).await.is(200);
    let refresh = answer.json()["refresh_token"].as_str().unwrap().to_owned();
    carol.get("/v2/").await.is(200);
    let path = wharf.volume().join("htpasswd");
    let users = std::fs::read_to_string(&path).unwrap();
    let other = format!("carol:{}\n", bcrypt::hash("other", 4).unwrap());
    let changed = users.lines().filter(|line| !line.starts_with("carol:")).map(|line| format!("{line}\n"));
    std::fs::write(&path, changed.collect::<String>() + &other).unwrap();
    wharf.logs("users=5\n");
    while carol.get("/v2/").await.status != 401 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    wharf.user("carol").get("/v2/").await.refuses(401, "UNAUTHORIZED");
    wharf.client().user("carol", "other").get("/v2/").await.is(200);
    let form = format!("grant_type=refresh_token&refresh_token={refresh}");
    wharf.client().request(Method::POST, TOKEN).body(form).send().await.refuses(401, "UNAUTHORIZED");
}

#[tokio::test]
async fn tokens_are_good_after_a_restart() {
    let wharf = guarded::start();
    let token = wharf.user("carol").token("repository:carol/a:pull").await;
    let volume = wharf.volume().to_owned();
    let users = std::fs::read_to_string(volume.join("config.yml")).unwrap();
    let wharf = wharf.crash().config(&users).go();
    wharf.client().bearer(&token).get("/v2/").await.is(200);
}

#[tokio::test]
async fn a_caller_learns_who_they_are_and_what_they_may() {
    let wharf = guarded::start();
    wharf.client().get(WHOAMI).await.refuses(401, "UNAUTHORIZED");
    let answer = wharf.user("ci").get(WHOAMI).await.is(200).json();
    assert_eq!(answer["kind"], "user");
    assert_eq!(answer["name"], "ci");
    assert_eq!(
        answer["may"],
        serde_json::json!([
            {"repositories": ["public/**"], "actions": ["pull"], "rule": 1},
            {"repositories": ["ci/**"], "actions": ["pull", "push", "delete"], "rule": 2},
            {"repositories": ["team/*"], "actions": ["pull", "create"], "rule": 4},
        ])
    );
    assert_eq!(wharf.user("alice").get(WHOAMI).await.is(200).json()["groups"], serde_json::json!(["ops"]));
}

/// The realm is where a client sends its password, so nobody but a trusted proxy may say where that is.
#[tokio::test]
async fn the_realm_follows_a_trusted_proxy_and_nobody_else() {
    let realm = async |proxies: &str| {
        let wharf = guarded::prepare(&format!("{}http: {{trustedproxies: [{proxies}]}}\n", guarded::RULES)).go();
        let request = wharf.client().request(Method::GET, "/v2/").header("x-forwarded-proto", "https");
        let refused = request.header("x-forwarded-host", "registry.example.com").send().await.is(401);
        challenge(&refused).replace(&wharf.url, "OWN")
    };
    let theirs = "Bearer realm=\"https://registry.example.com/v2/_wharf/auth/token\",service=\"wharf\"";
    assert_eq!(realm("127.0.0.0/8").await, theirs);
    assert_eq!(realm("192.168.0.0/16").await, format!("Bearer realm=\"OWN{TOKEN}\",service=\"wharf\""));
}

/// docker sends the credentials of Docker Hub to its mirrors (moby#42022).
#[tokio::test]
async fn unknown_credentials_are_no_hindrance_to_what_everybody_may_read() {
    let wharf = guarded::start();
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    let stranger = wharf.client().user("hub-user", "hub-password");
    for client in [wharf.client(), stranger.clone(), wharf.client().bearer("nonsense")] {
        client.repo("public/app").manifest("1").await.is(200);
        assert_eq!(client.get("/v2/_catalog").await.is(200).list("repositories"), ["public/app"]);
    }
    for path in ["/v2/", TOKEN, WHOAMI] {
        stranger.get(path).await.refuses(401, "UNAUTHORIZED");
    }
    stranger.repo("public/app").delete("manifests/1").await.refuses(401, "UNAUTHORIZED");
}

/// zot's and docker's clients, and monitoring, ask without credentials first.
#[tokio::test]
async fn a_list_shows_to_each_what_they_may_pull() {
    let wharf = guarded::start();
    let alice = wharf.user("alice");
    for name in ["carol/app", "carol/deep/er", "dave/app", "public/a", "team/app"] {
        alice.repo(name).push_image("1", 1).await;
    }
    let listed = async |name: &str| wharf.user(name).get("/v2/_catalog").await.is(200).list("repositories");
    assert_eq!(listed("carol").await, ["carol/app", "carol/deep/er", "public/a"]);
    assert_eq!(listed("ci").await, ["public/a", "team/app"]);
    assert_eq!(listed("alice").await.len(), 5);
    assert_eq!(wharf.client().get("/v2/_catalog").await.is(200).list("repositories"), ["public/a"]);
    let pages = wharf.user("carol").pages("/v2/_catalog?n=1", "repositories").await;
    assert_eq!(pages, [["carol/app"], ["carol/deep/er"], ["public/a"]]);
    let token = wharf.user("carol").token("registry:catalog:*").await;
    let answer = wharf.client().bearer(&token).get("/v2/_catalog").await.is(200);
    assert_eq!(answer.list("repositories").len(), 3);
}

/// So podman does that has no password, and each time would be a wrong guess.
#[tokio::test]
async fn an_empty_name_with_an_empty_password_is_nobody() {
    for rules in ["", guarded::RULES] {
        let wharf = guarded::prepare(rules).go();
        let nobody = wharf.client().user("", "");
        for path in ["/v2/", "/v2/carol/app/tags/list", WHOAMI].iter().cycle().take(60) {
            let message = nobody.get(path).await.refuses(401, "UNAUTHORIZED").message();
            assert_eq!(message, format!("log in first, as with: docker login {}", wharf.address()), "{path}");
        }
        wharf.user("carol").get("/v2/").await.is(200);
    }
    let wharf = guarded::start();
    wharf.user("alice").repo("public/app").push_image("1", 1).await;
    wharf.client().user("", "").repo("public/app").manifest("1").await.is(200);
}

#[tokio::test]
async fn the_log_names_whoever_was_refused() {
    let wharf = guarded::start();
    wharf.user("carol").repo("dave/app").request(Method::POST, "blobs/uploads/").send().await.refuses(403, "DENIED");
    wharf.logs("path=/v2/dave/app/blobs/uploads/ status=403 user=carol");
    wharf.user("carol").repo("dave/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
    wharf.logs("path=/v2/dave/app/manifests/1 status=404 user=carol");
}
