//! Sets of keys: what is taken from them, and which key a token is tried with.

use jsonwebtoken::Algorithm::{PS256, RS256};
use serde_json::json;

use super::*;
use crate::auth::jwt::fixtures::Signer;

fn set(keys: &[Value]) -> KeySet {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).unwrap()
}

fn verify(set: &KeySet, token: &str) -> Result<Claims, JwtError> {
    set.verify(&Token::read(token, &Algorithm::ALL)?)
}

#[test]
fn every_kind_of_key_verifies_what_it_signed() {
    for signer in [Signer::p256(), Signer::p384(), Signer::ed25519(), Signer::rsa(RS256), Signer::rsa(PS256)] {
        let alg = format!("{:?}", signer.algorithm);
        for more in [json!({ "kid": "1" }), json!({ "kid": "1", "use": "sig", "alg": alg, "key_ops": ["verify"] })] {
            let set = set(&[Signer::p256().jwk(&json!({ "kid": "0" })), signer.jwk(&more)]);
            let claims = verify(&set, &signer.token(&json!({ "kid": "1" }), &json!({ "sub": "x" }))).unwrap();
            assert_eq!(claims.text("sub"), Ok(Some("x")), "{more}");
            assert_eq!(signer.key().thumbprints(), set.keys[1].1.thumbprints());
        }
    }
}

#[test]
fn keys_that_are_not_for_tokens_are_passed_over() {
    let signer = Signer::p256();
    let rsa = Signer::rsa(RS256);
    let short = json!({ "kty": "RSA", "n": BASE64URL_NOPAD.encode(&[0xff; 128]), "e": "AQAB" });
    let almost =
        json!({ "kty": "RSA", "n": BASE64URL_NOPAD.encode(&[[0x7f; 128], [0xff; 128]].concat()), "e": "AQAB" });
    let wrong = [
        signer.jwk(&json!({ "use": "enc" })),
        signer.jwk(&json!({ "alg": "ES384" })),
        signer.jwk(&json!({ "alg": "ECDH-ES" })),
        signer.jwk(&json!({ "key_ops": ["sign"] })),
        signer.jwk(&json!({ "crv": "P-521" })),
        signer.jwk(&json!({ "crv": "P-384" })),
        signer.jwk(&json!({ "kid": 1 })),
        signer.jwk(&json!({ "x": "!" })),
        rsa.jwk(&json!({ "alg": "HS256" })),
        rsa.jwk(&json!({ "e": "AQABAQABAQABAQAB" })),
        short,
        almost,
        json!({ "kty": "oct", "k": "AAAA" }),
        json!({ "kty": "new" }),
        json!("key"),
    ];
    let set = set(&wrong);
    assert!(set.is_empty(), "{set:?}");
    assert_eq!(set.passed_over(), wrong.len());
}

#[test]
fn several_keys_may_have_one_name() {
    let (old, new) = (Signer::p256(), Signer::p256());
    let set = set(&[old.jwk(&json!({ "kid": "1" })), new.jwk(&json!({ "kid": "1" }))]);
    for signer in [&old, &new] {
        assert!(verify(&set, &signer.token(&json!({ "kid": "1" }), &json!({}))).is_ok());
    }
    let stranger = Signer::p256().token(&json!({ "kid": "1" }), &json!({}));
    assert_eq!(verify(&set, &stranger), Err(JwtError::Signature));
}

#[test]
fn a_token_that_names_no_key_is_tried_with_the_few_that_fit() {
    let signers: Vec<Signer> = (0..9).map(|_| Signer::p256()).collect();
    let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk(&json!({}))).collect();
    let token = signers[7].token(&json!({}), &json!({}));
    assert!(verify(&set(&keys[..8]), &token).is_ok());
    assert_eq!(verify(&set(&keys), &token), Err(JwtError::TooManyKeys(8)));
    assert_eq!(verify(&set(&[]), &token), Err(JwtError::NoKeyFits("ES256")));
}

#[test]
fn a_name_that_is_unknown_is_told_from_a_key_that_does_not_fit() {
    let signer = Signer::p256();
    let set = set(&[signer.jwk(&json!({ "kid": "1" })), Signer::rsa(RS256).jwk(&json!({ "kid": "2" }))]);
    let token = |name: &str| signer.token(&json!({ "kid": name }), &json!({}));
    assert_eq!(verify(&set, &token("3")), Err(JwtError::UnknownKey("3".to_owned())));
    assert_eq!(verify(&set, &token("2")), Err(JwtError::NoKeyFits("ES256")));
}

#[test]
fn a_set_has_bounds() {
    let key = json!({ "kty": "new" });
    assert_eq!(set(&vec![key.clone(); 256]).passed_over(), 256);
    let many = json!({ "keys": vec![key; 257] }).to_string();
    assert!(matches!(KeySet::parse(many.as_bytes()), Err(KeySetError::TooMany)));
    assert!(matches!(KeySet::parse(&vec![b' '; LARGEST + 1]), Err(KeySetError::TooLarge)));
    for text in ["", "[]", "{}", r#"{"keys":1}"#] {
        assert!(matches!(KeySet::parse(text.as_bytes()), Err(KeySetError::Json(_))), "{text}");
    }
}
