//! What is said at the start, and without a provider that answers. `tests/tokens` has one that does.

use std::fs;

use serde_json::json;
use time::macros::datetime;

use super::*;
use crate::auth::jwt::fixtures::Signer;

const NOW: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);

fn issuer(url: &str) -> OidcIssuer {
    OidcIssuer {
        issuer: url.to_owned(),
        audiences: vec!["wharf".to_owned()],
        jwks: None,
        ca: None,
        identities: Vec::new(),
    }
}

#[test]
fn what_is_wrong_at_the_start_is_said_with_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let empty = directory.path().join("empty.pem");
    fs::write(&empty, "no certificate").unwrap();
    let plain = "http://127.0.0.1:1";
    for (issuers, expected) in [
        (vec![issuer(plain), issuer(plain)], "the issuer http://127.0.0.1:1 is there twice"),
        (vec![issuer("issuer.example.com")], "issuer of the issuer issuer.example.com is"),
        (vec![issuer("ftp://issuer.example.com")], "it has to be an https:// URL"),
        (
            vec![OidcIssuer { jwks: Some("http://a/keys".to_owned()), ..issuer("https://a") }],
            "jwks of the issuer https://a is \"http://a/keys\"",
        ),
        (
            vec![OidcIssuer { ca: Some("/nowhere".into()), ..issuer("https://a") }],
            "ca of the issuer https://a: cannot read",
        ),
        (vec![OidcIssuer { ca: Some(empty), ..issuer("https://a") }], "holds no certificate in PEM form"),
    ] {
        let error = Oidc::new(&issuers).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} has no {expected}");
    }
}

#[tokio::test]
async fn only_tokens_of_known_issuers_are_looked_at() {
    let oidc = Oidc::new(&[issuer("http://127.0.0.1:1")]).unwrap();
    let signer = Signer::p256();
    let token = |issuer: &str| signer.token(&json!({ "kid": "1" }), &json!({ "iss": issuer }));
    assert!(oidc.concerns(&token("http://127.0.0.1:1")));
    for other in ["http://127.0.0.1:1/", "http://127.0.0.1", ""] {
        assert!(!oidc.concerns(&token(other)), "{other}");
    }
    assert!(!oidc.concerns("no token"));
    let refused = oidc.verify(&token("https://evil.example.com"), NOW).await;
    assert!(matches!(refused, Err(OidcError::UnknownIssuer)), "{refused:?}");
    let refused = oidc.verify(&token("http://127.0.0.1:1"), NOW).await;
    assert!(matches!(refused, Err(OidcError::Keys(_))), "{refused:?}");
}
