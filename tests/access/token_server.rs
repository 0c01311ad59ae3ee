//! `auth.token`: another server's tokens decide, as for registry:2 (S4, CVE-2025-24976).

use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{CertificateParams, KeyPair};
use reqwest::Method;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::guarded::{self, TOKEN, WHOAMI};
use crate::support::Wharf;
use crate::support::client::Client;
use crate::support::content::bytes;
use crate::support::token_server::{KeyIs, TokenServer, signed};

/// Alice may everything, and everybody may read what is below `public`.
fn may(user: Option<&str>, kind: &str, name: &str, action: &str) -> bool {
    user == Some("alice") || (kind == "repository" && name.starts_with("public/") && action == "pull")
}

async fn server(key_is: KeyIs) -> TokenServer {
    TokenServer::start(key_is, &[("alice", "secret"), ("bob", "secret")], may).await
}

/// A registry that trusts a token server, with more of `auth.token`, and more of all.
fn trusting(server: &TokenServer, more: &str, rest: &str) -> Wharf {
    let (realm, issuer, bundle) = (&server.realm, server.issuer, server.bundle().display().to_string());
    let token = format!("realm: '{realm}', service: registry.test, issuer: '{issuer}', rootcertbundle: {bundle}{more}");
    guarded::configured(Wharf::prepare(), &format!("auth: {{token: {{{token}}}}}\n{rest}")).go()
}

/// A token that the server gives for these scopes, separated by spaces.
async fn token(server: &TokenServer, user: Option<&str>, scopes: &str) -> String {
    let scopes = scopes.replace(' ', "%20");
    let mut request = reqwest::Client::builder()
        .no_proxy()
        .build()
        .unwrap()
        .get(format!("{}?service=registry.test&scope={scopes}", server.realm));
    if let Some(user) = user {
        request = request.basic_auth(user, Some("secret"));
    }
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

/// A client with a token.
async fn with_token(wharf: &Wharf, server: &TokenServer, user: Option<&str>, scopes: &str) -> Client {
    wharf.client().bearer(&token(server, user, scopes).await)
}

#[tokio::test]
async fn images_are_pushed_and_pulled_with_the_tokens_of_another_server() {
    for key_is in [KeyIs::Named, KeyIs::Enclosed] {
        let server = server(key_is).await;
        let wharf = trusting(&server, "", "");
        let scope = "repository:public/app:pull,push repository:team/app:pull,push,delete";
        let alice = with_token(&wharf, &server, Some("alice"), scope).await;
        alice.get("/v2/").await.is(200);
        let image = alice.repo("public/app").push_image("1", 1).await;
        alice.repo("team/app").push_image("1", 2).await;
        let upload = alice.repo("team/app").upload().await;
        let content = bytes(100, 3);
        upload.patch(&content).await.is(202);
        let digest = crate::support::content::sha256(&content);
        upload.finish(&digest, b"").await.is(201);
        let mount = format!("/v2/public/app/blobs/uploads/?mount={digest}&from=team/app");
        alice.request(Method::POST, &mount).send().await.is(201);
        alice.repo("team/app").delete("manifests/1").await.is(202);
        let who = alice.get(WHOAMI).await.is(200).json();
        assert_eq!((&who["name"], &who["proved_by"]), (&"alice".into(), &"token server".into()));
        // Who has not logged in there gets a token too, which opens what everybody may have.
        let anybody =
            with_token(&wharf, &server, None, "repository:public/app:pull,push repository:team/app:pull").await;
        anybody.get("/v2/").await.is(200);
        assert_eq!(anybody.repo("public/app").manifest("1").await.is(200).body, image.bytes);
        anybody.repo("team/app").manifest("1").await.is(401);
        anybody.repo("public/app").post_blob(&digest, &content).await.is(401);
    }
}

#[tokio::test]
async fn the_challenge_is_the_one_of_registry_2() {
    let server = server(KeyIs::Named).await;
    let wharf = trusting(&server, "", "");
    let asked = format!("Bearer realm=\"{}\",service=\"registry.test\"", server.realm);
    let nobody = wharf.client();
    let wrong = nobody.bearer("a.b.c");
    for (method, path, scope) in [
        (Method::GET, "/v2/", ""),
        (Method::GET, "/v2/_catalog", "registry:catalog:*"),
        (Method::GET, "/v2/team/app/tags/list", "repository:team/app:pull"),
        (Method::HEAD, "/v2/team/app/manifests/1", "repository:team/app:pull"),
        (Method::PUT, "/v2/team/app/manifests/1", "repository:team/app:pull,push"),
        (Method::DELETE, "/v2/team/app/manifests/1", "repository:team/app:delete"),
        (Method::POST, "/v2/team/app/blobs/uploads/", "repository:team/app:pull,push"),
        (
            Method::POST,
            "/v2/team/app/blobs/uploads/?mount=sha256:0&from=public/app",
            "repository:team/app:pull,push repository:public/app:pull",
        ),
    ] {
        let scope = if scope.is_empty() { String::new() } else { format!(",scope=\"{scope}\"") };
        let refused = nobody.request(method.clone(), path).send().await.is(401);
        assert_eq!(refused.challenge(), format!("{asked}{scope}"), "{}", refused.asked);
        let refused = wrong.request(method, path).send().await.is(401);
        assert_eq!(refused.challenge(), format!("{asked}{scope},error=\"invalid_token\""), "{}", refused.asked);
    }
}

#[tokio::test]
async fn a_token_that_opens_something_else_is_told_what_it_lacks() {
    let server = server(KeyIs::Named).await;
    let wharf = trusting(&server, "", "");
    let pull = with_token(&wharf, &server, Some("alice"), "repository:team/app:pull").await;
    let asked = format!("Bearer realm=\"{}\",service=\"registry.test\"", server.realm);
    for (method, path, scope) in [
        (Method::POST, "/v2/team/app/blobs/uploads/", "repository:team/app:pull,push"),
        (Method::PUT, "/v2/team/app/manifests/1", "repository:team/app:pull,push"),
        (Method::DELETE, "/v2/team/app/manifests/1", "repository:team/app:delete"),
        (Method::GET, "/v2/team/application/manifests/1", "repository:team/application:pull"),
        (Method::GET, "/v2/team/manifests/1", "repository:team:pull"),
        (Method::GET, "/v2/_catalog", "registry:catalog:*"),
    ] {
        let refused = pull.request(method, path).send().await.refuses(401, "UNAUTHORIZED");
        let expected = format!("{asked},scope=\"{scope}\",error=\"insufficient_scope\"");
        assert_eq!(refused.challenge(), expected, "{}", refused.asked);
    }
    pull.repo("team/app").manifest("1").await.is(404);
}

#[tokio::test]
async fn the_catalog_needs_a_token_that_names_it() {
    let server = server(KeyIs::Named).await;
    let wharf = trusting(&server, "", "");
    let alice = with_token(&wharf, &server, Some("alice"), "repository:team/app:pull,push").await;
    alice.repo("team/app").push_image("1", 1).await;
    for (user, scopes) in [
        (Some("alice"), "repository:catalog:*"),
        (Some("alice"), "registry:catalog:search"),
        (Some("bob"), "registry:catalog:*"),
        (None, "registry:catalog:*"),
    ] {
        let refused = with_token(&wharf, &server, user, scopes).await.get("/v2/_catalog").await;
        let refused = refused.refuses(401, "UNAUTHORIZED");
        assert!(refused.challenge().ends_with(",error=\"insufficient_scope\""), "{}", refused.challenge());
    }
    let lister = with_token(&wharf, &server, Some("alice"), "registry:catalog:*").await;
    assert_eq!(lister.get("/v2/_catalog").await.is(200).list("repositories"), ["team/app"]);
}

/// registry:2 assumes that whatever stands before it on its host speaks https.
#[tokio::test]
async fn a_redirect_leads_to_the_same_host_by_https_unless_a_trusted_proxy_says_otherwise() {
    let server = server(KeyIs::Named).await;
    let realm = async |more: &str, rest: &str, header: Option<&str>| {
        let wharf = trusting(&server, more, rest);
        let mut request = wharf.client().request(Method::GET, "/v2/");
        if let Some(scheme) = header {
            request = request.header("x-forwarded-proto", scheme);
        }
        let refused = request.send().await.is(401);
        refused.challenge().replace(wharf.address(), "HOST")
    };
    let theirs = |realm: &str| format!("Bearer realm=\"{realm}\",service=\"registry.test\"");
    let on = ", autoredirect: true";
    let (trusted, stranger) = ("http: {trustedproxies: [127.0.0.0/8]}\n", "http: {trustedproxies: [192.168.0.0/16]}\n");
    assert_eq!(realm("", "", None).await, theirs(&server.realm));
    assert_eq!(realm(on, "", None).await, theirs("https://HOST/auth/token"));
    assert_eq!(realm(", autoredirect: true, autoredirectpath: /t", "", None).await, theirs("https://HOST/t"));
    assert_eq!(realm(on, stranger, Some("http")).await, theirs("https://HOST/auth/token"));
    assert_eq!(realm(on, trusted, None).await, theirs("https://HOST/auth/token"));
    assert_eq!(realm(on, trusted, Some("http")).await, theirs("http://HOST/auth/token"));
    assert_eq!(realm(on, trusted, Some("https")).await, theirs("https://HOST/auth/token"));
    let named = "http: {host: 'http://registry.lan:5000'}\n";
    assert_eq!(realm(on, named, None).await, theirs("http://registry.lan:5000/auth/token"));
}

/// There is one way in, and it is not ours to give.
#[tokio::test]
async fn a_password_is_no_token_and_none_are_to_be_had_here() {
    let server = server(KeyIs::Named).await;
    let wharf = trusting(&server, "", "");
    let asked = format!("Bearer realm=\"{}\",service=\"registry.test\"", server.realm);
    let password = wharf.client().user("alice", "secret");
    assert_eq!(password.get("/v2/").await.refuses(401, "UNAUTHORIZED").challenge(), asked);
    let good = token(&server, Some("alice"), "repository:team/app:pull").await;
    // Nor is a token a password.
    wharf.client().user("alice", &good).get("/v2/team/app/manifests/1").await.refuses(401, "UNAUTHORIZED");
    let form = "grant_type=password&username=alice&password=secret";
    for client in [wharf.client(), password, wharf.client().bearer(&good), wharf.client().bearer("a.b.c")] {
        client.get(TOKEN).await.is(404);
        client.post_token(form).await.is(404);
    }
}

/// What the server's tokens say of somebody who may push.
fn claims(server: &TokenServer) -> Value {
    let now = OffsetDateTime::now_utc().unix_timestamp();
    json!({
        "iss": server.issuer, "sub": "alice", "aud": "registry.test", "exp": now + 300, "nbf": now - 10, "iat": now,
        "jti": "1", "access": [{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}],
    })
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    value[name] = to;
    value
}

/// The public key of a key pair as a JSON Web Key.
fn jwk(key: &KeyPair, name: &str) -> Value {
    let point = key.public_key_raw();
    let part = |range: std::ops::Range<usize>| data_encoding::BASE64URL_NOPAD.encode(&point[range]);
    json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": name, "x": part(1..33), "y": part(33..65)})
}

/// Each with a way in that was open elsewhere.
#[tokio::test]
async fn a_token_that_somebody_else_made_or_changed_is_refused() {
    let server = server(KeyIs::Named).await;
    let wharf = trusting(&server, "", "");
    let name = server.key_name();
    let good = json!({"typ": "JWT", "alg": "ES256", "kid": name});
    let own = |header: &Value, claims: &Value| server.sign_as(header, claims);
    let attacker = KeyPair::generate().unwrap();
    let theirs = |header: &Value| signed(&attacker, header, &claims(&server));
    let self_signed = CertificateParams::new(vec!["tokens.test".to_owned()]).unwrap().self_signed(&attacker).unwrap();
    let chain = json!([data_encoding::BASE64.encode(self_signed.der())]);
    let own_chain = {
        let pem = std::fs::read_to_string(server.bundle()).unwrap();
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        json!([body])
    };
    let base64 = |value: &Value| data_encoding::BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let unsigned = |algorithm: &str| {
        let header = with(good.clone(), "alg", algorithm.into());
        format!("{}.{}.", base64(&header), base64(&claims(&server)))
    };
    let with_secret = |secret: &[u8]| {
        let header = with(good.clone(), "alg", "HS256".into());
        let message = format!("{}.{}", base64(&header), base64(&claims(&server)));
        let key = EncodingKey::from_secret(secret);
        format!("{message}.{}", jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::HS256).unwrap())
    };
    let now = OffsetDateTime::now_utc().unix_timestamp();
    let claim = |name: &str, value: Value| own(&good, &with(claims(&server), name, value));
    let token = own(&good, &claims(&server));
    let richer = {
        let parts: Vec<&str> = token.split('.').collect();
        let access = json!([{"type": "repository", "name": "other", "actions": ["*"]}]);
        format!("{}.{}.{}", parts[0], base64(&with(claims(&server), "access", access)), parts[2])
    };
    let pem = std::fs::read(server.bundle()).unwrap();
    let refused = [
        ("another's key", theirs(&good)),
        ("a key that it brings along", theirs(&with(good.clone(), "jwk", jwk(&attacker, &name)))),
        ("a key of its own name", theirs(&json!({"alg": "ES256", "kid": "x", "jwk": jwk(&attacker, "x")}))),
        ("a key elsewhere", theirs(&with(good.clone(), "jku", server.realm.as_str().into()))),
        ("a certificate that nobody trusts", theirs(&json!({"alg": "ES256", "x5c": chain}))),
        ("somebody else's certificate", theirs(&json!({"alg": "ES256", "x5c": own_chain}))),
        ("no signature", unsigned("none")),
        ("no signature, in capitals", unsigned("NONE")),
        ("no signature under a name", unsigned("ES256")),
        ("the public key as a secret", with_secret(server.public_key().as_bytes())),
        ("the certificate as a secret", with_secret(&pem)),
        ("something critical that is not known", own(&with(good.clone(), "crit", json!(["x"])), &claims(&server))),
        ("another algorithm", own(&with(good.clone(), "alg", "ES384".into()), &claims(&server))),
        ("no key's name", own(&json!({"alg": "ES256"}), &claims(&server))),
        ("other rights", richer),
        ("its time is over", claim("exp", json!(now - 120))),
        ("no end", claim("exp", Value::Null)),
        ("its time has not come", claim("nbf", json!(now + 120))),
        ("for another registry", claim("aud", "registry.example".into())),
        ("for nobody", claim("aud", json!([]))),
        ("by another issuer", claim("iss", "somebody else".into())),
        ("by no issuer", claim("iss", Value::Null)),
        ("cut short", token[..token.len() - 4].to_owned()),
        ("nothing", ".".to_owned()),
    ];
    for (what, token) in refused {
        for path in ["/v2/", "/v2/team/app/manifests/1"] {
            let refused = wharf.client().bearer(&token).get(path).await.refuses(401, "UNAUTHORIZED");
            assert!(refused.challenge().ends_with(",error=\"invalid_token\""), "{what}: {}", refused.challenge());
        }
        let push = wharf.client().bearer(&token).request(Method::POST, "/v2/team/app/blobs/uploads/").send().await;
        push.refuses(401, "UNAUTHORIZED");
    }
    // So it was nothing else that was wrong with them.
    wharf.client().bearer(&token).repo("team/app").push_image("1", 1).await;
    let enclosed = own(&json!({"alg": "ES256", "x5c": own_chain}), &claims(&server));
    wharf.client().bearer(&enclosed).repo("team/app").manifest("1").await.is(200);
    let listed = claim("aud", json!(["other", "registry.test"]));
    wharf.client().bearer(&listed).repo("team/app").manifest("1").await.is(200);
}
