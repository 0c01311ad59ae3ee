//! Tokens: what is refused before and in spite of a good signature.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::auth::jwt::fixtures::{Signer, unsigned, with_secret};

fn read(token: &str) -> Result<Claims, JwtError> {
    Token::read(token, &Algorithm::ALL).map(|token| Claims::parse(&decoded(token.payload, "payload").unwrap()).unwrap())
}

#[test]
fn only_signatures_with_public_keys_are_looked_at() {
    let claims = json!({});
    for alg in ["none", "None", "nOnE", "", "HS256", "HS384", "HS512", "rs256", "ES256K", "ES512"] {
        let header = json!({ "alg": alg }).to_string();
        let expected = Err(JwtError::Algorithm(alg.to_owned()));
        assert_eq!(read(&format!("{}.", unsigned(&header, &claims))), expected, "{alg}");
        assert_eq!(read(&with_secret(b"secret", &header, &claims)), expected, "{alg}");
    }
}

#[test]
fn a_header_is_read_in_one_way_only() {
    let signer = Signer::p256();
    for (header, expected) in [
        (r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, JwtError::Critical),
        (r#"{"alg":"ES256","crit":[]}"#, JwtError::Critical),
        (r#"{"alg":"ES256","crit":null}"#, JwtError::Critical),
        (r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, JwtError::Critical),
        (r#"{"alg":"ES256","alg":"ES256"}"#, JwtError::Json("header")),
        (r#"{"alg":"ES256","kid":"a","kid":"b"}"#, JwtError::Json("header")),
        (r#"{"alg":"ES256","kid":1}"#, JwtError::Json("header")),
        (r#"{"alg":["ES256"]}"#, JwtError::Json("header")),
        (r#"{"kid":"a"}"#, JwtError::Json("header")),
        (r#"["ES256"]"#, JwtError::Json("header")),
        ("", JwtError::Json("header")),
    ] {
        assert_eq!(read(&signer.token_of(header, &json!({}))), Err(expected), "{header}");
    }
}

#[test]
fn a_token_has_three_parts_and_a_bound() {
    let signer = Signer::p256();
    let token = signer.token(&json!({}), &json!({}));
    for text in ["", ".", "a", "a.b", "a.b.c.d", &format!("{token}."), &format!(".{token}")] {
        assert!(matches!(read(text), Err(JwtError::NotThreeParts)), "{text}");
    }
    for text in ["..", "!.e30.e30", "e30=.e30.e30", &format!("{token}="), &format!("{token} "), &format!("{token}é")] {
        assert!(matches!(read(text), Err(JwtError::Encoding(_) | JwtError::Json(_))), "{text}");
    }
    let long = signer.token(&json!({}), &json!({ "x": "x".repeat(LONGEST) }));
    assert_eq!(read(&long), Err(JwtError::TooLong(LONGEST)));
    assert_eq!(issuer_of(&long), None);
}

#[test]
fn a_key_for_another_algorithm_does_not_verify() {
    let rsa = Signer::rsa(jsonwebtoken::Algorithm::RS256);
    let token = rsa.token(&json!({ "alg": "PS256" }), &json!({}));
    let read = Token::read(&token, &Algorithm::ALL).unwrap();
    assert_eq!(read.verify(&[&rsa.key()]), Err(JwtError::Signature));
    assert_eq!(read.verify(&[&Signer::p256().key()]), Err(JwtError::NoKeyFits("PS256")));
    assert_eq!(read.verify(&[]), Err(JwtError::NoKeyFits("PS256")));
}

#[test]
fn an_issuer_is_read_without_a_good_signature() {
    let token = |claims| format!("{}.", unsigned(r#"{"alg":"none"}"#, &claims));
    assert_eq!(issuer_of(&token(json!({ "iss": "https://a" }))).as_deref(), Some("https://a"));
    for claims in [json!({}), json!({ "iss": 1 }), json!({ "iss": null }), json!([])] {
        assert_eq!(issuer_of(&token(claims.clone())), None, "{claims}");
    }
}

proptest! {
    #[test]
    fn whatever_is_sent_is_answered_and_not_believed(text in "\\PC{0,80}", parts in any::<[Vec<u8>; 3]>()) {
        let key = Signer::p256().key();
        let encoded = parts.map(|part| BASE64URL_NOPAD.encode(&part)).join(".");
        for token in [text, encoded] {
            let _ = issuer_of(&token);
            let verified = Token::read(&token, &Algorithm::ALL).and_then(|token| token.verify(&[&key]));
            prop_assert!(verified.is_err());
        }
    }
}
