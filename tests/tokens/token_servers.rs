//! `auth.token` with a server that issues tokens.

use serde_json::Value;
use time::OffsetDateTime;
use wharf::auth::Access;
use wharf::auth::token_server::TokenServer as Trusted;

use crate::token_server::{KeyIs, TokenServer};

fn may(user: Option<&str>, kind: &str, name: &str, action: &str) -> bool {
    kind == "repository" && name.starts_with("team/") && (action == "pull" || user == Some("alice"))
}

async fn ask(server: &TokenServer, user: Option<(&str, &str)>) -> Result<String, u16> {
    let request = reqwest::Client::new().get(format!(
        "{}?service=registry.test&scope=repository:team/app:pull,push&scope=repository:other:pull",
        server.realm
    ));
    let request = match user {
        Some((name, password)) => request.basic_auth(name, Some(password)),
        None => request,
    };
    let answer = request.send().await.unwrap();
    if !answer.status().is_success() {
        return Err(answer.status().as_u16());
    }
    let answer: Value = answer.json().await.unwrap();
    Ok(answer["token"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_tokens_of_a_server_open_what_it_says() {
    for key_is in [KeyIs::Named, KeyIs::Enclosed] {
        let server = TokenServer::start(key_is, &[("alice", "secret")], may).await;
        let trusted = Trusted::open(&wharf::auth::TokenServer {
            realm: server.realm.clone(),
            service: "registry.test".to_owned(),
            issuer: server.issuer.to_owned(),
            root_certificates: Some(server.bundle()),
            jwks: None,
            algorithms: Vec::new(),
            redirect_path: None,
        })
        .unwrap();
        let now = OffsetDateTime::now_utc();
        let own = trusted.verify(&ask(&server, Some(("alice", "secret"))).await.unwrap(), now).unwrap();
        assert_eq!(own.subject, "alice");
        let expected =
            ["repository:team/app:pull,push", "repository:other:"].map(|scope| Access::parse(scope).unwrap());
        assert_eq!(own.access, expected);
        let anonymous = trusted.verify(&ask(&server, None).await.unwrap(), now).unwrap();
        assert_eq!(anonymous.subject, "");
        assert_eq!(anonymous.access[0], Access::parse("repository:team/app:pull").unwrap());
        assert_eq!(ask(&server, Some(("alice", "wrong"))).await, Err(401));
    }
}
