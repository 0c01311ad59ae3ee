//! Tokens that somebody made up or changed, each with what CVE-2025-24976 and its kin would have let through.

use jsonwebtoken::Algorithm::RS256;
use proptest::prelude::*;
use rcgen::{BasicConstraints, IsCa};
use serde_json::{Value, json};
use time::Duration;

use super::tests::{NOW, certificate, claims, names, server, settings, signed_by, x5c};
use super::*;
use crate::auth::jwt::fixtures::{Signer, unsigned, with_secret};

#[test]
fn a_key_that_a_token_brings_along_is_not_used() {
    let (trusted, attacker) = (Signer::p256(), Signer::p256());
    let own = certificate(&trusted, IsCa::NoCa);
    let (server, _directory) = server(&[&own]);
    for name in names(&trusted) {
        let enclosed = attacker.jwk(&json!({ "kid": name }));
        let urls = json!({ "kid": name, "jku": "http://127.0.0.1:1/", "x5u": "http://127.0.0.1:1/" });
        for header in
            [json!({ "kid": name }), json!({ "kid": name, "jwk": enclosed }), json!({ "jwk": enclosed }), urls]
        {
            let verified = server.verify(&attacker.token(&header, &claims()), NOW);
            assert_eq!(verified, Err(JwtError::Signature), "{header}");
        }
    }
    // Somebody else's certificate does not help either.
    assert_eq!(server.verify(&attacker.token(&x5c(&[&own]), &claims()), NOW), Err(JwtError::Signature));
    let unknown = json!({ "jwk": attacker.jwk(&json!({ "kid": "mine" })) });
    let verified = server.verify(&attacker.token(&unknown, &claims()), NOW);
    assert_eq!(verified, Err(JwtError::UnknownKey("mine".to_owned())));
}

#[test]
fn a_public_key_is_no_secret() {
    let signer = Signer::rsa(RS256);
    let own = certificate(&signer, IsCa::NoCa);
    let (server, _directory) = server(&[&own]);
    for algorithm in ["HS256", "none", "hs256"] {
        let header = json!({ "alg": algorithm, "typ": "JWT", "kid": names(&signer)[0] }).to_string();
        for secret in [signer.pair.public_key_pem().into_bytes(), own.pem().into_bytes(), own.der().to_vec(), vec![]] {
            let verified = server.verify(&with_secret(&secret, &header, &claims()), NOW);
            assert_eq!(verified, Err(JwtError::Algorithm(algorithm.to_owned())));
        }
        assert!(server.verify(&format!("{}.", unsigned(&header, &claims())), NOW).is_err());
    }
}

#[test]
fn a_chain_to_somebody_else_is_not_believed() {
    let (root, signer, attacker) = (Signer::p256(), Signer::p256(), Signer::p256());
    let authority = certificate(&root, IsCa::Ca(BasicConstraints::Unconstrained));
    let plain = certificate(&signer, IsCa::NoCa);
    let (server, _directory) = server(&[&authority, &plain]);
    // The attacker's authority has the same name as ours.
    let false_root = certificate(&attacker, IsCa::Ca(BasicConstraints::Unconstrained));
    let forged = signed_by(&attacker, &attacker, |_| {});
    // A certificate of the bundle that may not sign others.
    let below_plain = signed_by(&signer, &attacker, |_| {});
    // A good certificate that may not sign others, and what it signed.
    let leaf = signed_by(&root, &signer, |_| {});
    let below_leaf = {
        let issuer = rcgen::Issuer::from_ca_cert_der(leaf.der(), &signer.pair).unwrap();
        rcgen::CertificateParams::new(vec!["x".to_owned()]).unwrap().signed_by(&attacker.pair, &issuer).unwrap()
    };
    for chain in [
        vec![&forged],
        vec![&forged, &false_root],
        vec![&forged, &authority],
        vec![&false_root],
        vec![&false_root, &authority],
        vec![&below_plain, &plain],
        vec![&below_leaf, &leaf, &authority],
    ] {
        let verified = server.verify(&attacker.token(&x5c(&chain), &claims()), NOW);
        assert!(matches!(verified, Err(JwtError::Chain(_))), "{verified:?}");
    }
    let many = vec![&leaf; 9];
    assert_eq!(server.verify(&signer.token(&x5c(&many), &claims()), NOW), Err(JwtError::TooManyCertificates(8)));
    for certificate in ["", "AAAA", "!"] {
        let verified = server.verify(&signer.token(&json!({ "x5c": [certificate] }), &claims()), NOW);
        assert!(matches!(verified, Err(JwtError::Certificate | JwtError::Chain(_))), "{verified:?}");
    }
    // A chain that fails is not saved by the name of a key.
    let mut header = x5c(&[&forged]);
    header["kid"] = json!(names(&signer)[0]);
    assert!(matches!(server.verify(&signer.token(&header, &claims()), NOW), Err(JwtError::Chain(_))));
}

#[test]
fn certificates_count_while_they_are_valid() {
    let (root, signer) = (Signer::p256(), Signer::p256());
    let mut params = rcgen::CertificateParams::new(vec!["old".to_owned()]).unwrap();
    (params.not_before, params.not_after) = (NOW - Duration::days(2), NOW - Duration::days(1));
    let old = params.self_signed(&signer.pair).unwrap();
    let authority = certificate(&root, IsCa::Ca(BasicConstraints::Unconstrained));
    let expired = signed_by(&root, &signer, |params| params.not_after = NOW - Duration::seconds(1));
    let early = signed_by(&root, &signer, |params| params.not_before = NOW + Duration::days(1));
    let (server, _directory) = server(&[&authority, &old]);
    assert_eq!(server.verify(&signer.token(&x5c(&[&old]), &claims()), NOW), Err(JwtError::CertificateTime));
    for certificate in [&expired, &early] {
        let verified = server.verify(&signer.token(&x5c(&[certificate]), &claims()), NOW);
        assert!(matches!(verified, Err(JwtError::Chain(_))), "{verified:?}");
    }
}

#[test]
fn every_claim_counts() {
    let signer = Signer::p256();
    let (server, _directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
    let now = NOW.unix_timestamp();
    for (name, value, expected) in [
        ("exp", json!(now - 61), JwtError::Expired),
        ("exp", json!(null), JwtError::NoClaim("exp")),
        ("nbf", json!(now + 61), JwtError::NotYetValid),
        ("aud", json!("other.example.com"), JwtError::Audience),
        ("aud", json!(["registry.example.com.evil"]), JwtError::Audience),
        ("aud", json!(null), JwtError::NoClaim("aud")),
        ("iss", json!("evil.example.com"), JwtError::Issuer("evil.example.com".to_owned())),
        ("iss", json!(null), JwtError::NoClaim("iss")),
        ("sub", json!(["alice"]), JwtError::ClaimType("sub")),
    ] {
        let mut claims = claims();
        claims[name] = value;
        let verified = server.verify(&signer.token(&json!({ "kid": names(&signer)[0] }), &claims), NOW);
        assert_eq!(verified, Err(expected), "{name}");
    }
}

#[test]
fn a_changed_token_and_a_changed_header_are_refused() {
    let signer = Signer::p256();
    let (server, _directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
    let header = json!({ "kid": names(&signer)[0] });
    let token = signer.token(&header, &claims());
    let parts: Vec<&str> = token.split('.').collect();
    let mut more = claims();
    more["access"][0]["actions"] = json!(["*"]);
    let richer = unsigned(&json!({ "alg": "ES256", "kid": names(&signer)[0] }).to_string(), &more);
    assert_eq!(server.verify(&format!("{richer}.{}", parts[2]), NOW), Err(JwtError::Signature));
    assert_eq!(server.verify(&format!("{}.{}.", parts[0], parts[1]), NOW), Err(JwtError::Signature));
    assert_eq!(server.verify(&format!("{}.{}", parts[0], parts[1]), NOW), Err(JwtError::NotThreeParts));
    assert_eq!(server.verify(&format!("{token}.{}", parts[2]), NOW), Err(JwtError::NotThreeParts));
    let with = |name: &str, value: Value| {
        let mut header = header.clone();
        header[name] = value;
        server.verify(&signer.token(&header, &claims()), NOW)
    };
    assert_eq!(with("crit", json!(["kid"])), Err(JwtError::Critical));
    assert_eq!(with("alg", json!("ES384")), Err(JwtError::NoKeyFits("ES384")));
    assert_eq!(with("alg", json!("RS256")), Err(JwtError::NoKeyFits("RS256")));
    assert!(matches!(with("x", json!("x".repeat(16 * 1024))), Err(JwtError::TooLong(_))));
    assert_eq!(with("x", json!("x")).unwrap().subject, "alice");
}

#[test]
fn other_algorithms_than_those_of_the_settings_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (rsa, ec) = (Signer::rsa(RS256), Signer::p256());
    let path = directory.path().join("bundle.pem");
    let pem = certificate(&rsa, IsCa::NoCa).pem() + &certificate(&ec, IsCa::NoCa).pem();
    std::fs::write(&path, pem).unwrap();
    let algorithms = vec!["RS384".to_owned(), "ES256".to_owned()];
    let settings = settings::TokenServer { root_certificates: Some(path), algorithms, ..settings() };
    let server = TokenServer::open(&settings).unwrap();
    let verify = |signer: &Signer| server.verify(&signer.token(&json!({ "kid": names(signer)[0] }), &claims()), NOW);
    assert_eq!(verify(&rsa), Err(JwtError::Algorithm("RS256".to_owned())));
    assert!(verify(&ec).is_ok());
    let rsa = Signer { algorithm: jsonwebtoken::Algorithm::RS384, ..rsa };
    assert!(verify(&rsa).is_ok());
}

proptest! {
    #[test]
    fn a_token_with_anything_changed_is_refused(place in any::<prop::sample::Index>(), sign in "[A-Za-z0-9_.-]") {
        thread_local! {
            static GOOD: (TokenServer, tempfile::TempDir, String) = {
                let signer = Signer::p256();
                let (server, directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
                let token = signer.token(&json!({ "kid": names(&signer)[0] }), &claims());
                (server, directory, token)
            };
        }
        GOOD.with(|(server, _, token)| {
            let place = place.index(token.len());
            let mut changed = token.clone();
            changed.replace_range(place..=place, &sign);
            assert_eq!(server.verify(&changed, NOW).is_ok(), changed == *token, "{changed}");
        });
    }

    #[test]
    fn noise_is_refused(text in "\\PC{0,200}") {
        let signer = Signer::p256();
        let (server, _directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
        prop_assert!(server.verify(&text, NOW).is_err());
    }
}
