//! A token server: whose tokens are taken, from which files, and what they say.

use std::fs;
use std::path::Path;

use data_encoding::BASE64;
use jsonwebtoken::Algorithm::RS256;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, PublicKeyData as _,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use time::macros::datetime;

use super::*;
use crate::auth::jwt::fixtures::Signer;

pub(super) const NOW: OffsetDateTime = datetime!(2030-01-01 12:00 UTC);

pub(super) fn settings() -> settings::TokenServer {
    settings::TokenServer {
        realm: "https://auth.example.com/token".to_owned(),
        service: "registry.example.com".to_owned(),
        issuer: "auth.example.com".to_owned(),
        root_certificates: None,
        jwks: None,
        algorithms: Vec::new(),
        redirect_path: None,
    }
}

/// A certificate for itself.
pub(super) fn certificate(signer: &Signer, is_ca: IsCa) -> Certificate {
    let mut params = CertificateParams::new(vec!["auth.example.com".to_owned()]).unwrap();
    params.is_ca = is_ca;
    params.self_signed(&signer.pair).unwrap()
}

/// A certificate from an authority, for clients of TLS and nothing else.
pub(super) fn signed_by(
    authority: &Signer,
    signer: &Signer,
    change: impl FnOnce(&mut CertificateParams),
) -> Certificate {
    let mut own = CertificateParams::new(vec!["auth.example.com".to_owned()]).unwrap();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let mut params = CertificateParams::new(vec!["signer.example.com".to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "signer");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    change(&mut params);
    params.signed_by(&signer.pair, &Issuer::from_params(&own, &authority.pair)).unwrap()
}

pub(super) fn x5c(chain: &[&Certificate]) -> Value {
    let chain: Vec<String> = chain.iter().map(|certificate| BASE64.encode(certificate.der())).collect();
    json!({ "x5c": chain })
}

pub(super) fn claims() -> Value {
    json!({
        "iss": "auth.example.com",
        "sub": "alice",
        "aud": "registry.example.com",
        "exp": NOW.unix_timestamp() + 300,
        "nbf": NOW.unix_timestamp() - 10,
        "iat": NOW.unix_timestamp(),
        "jti": "1",
        "access": [{ "type": "repository", "name": "team/app", "actions": ["pull", "push"] }],
    })
}

fn with_bundle(directory: &Path, certificates: &[&Certificate]) -> settings::TokenServer {
    let path = directory.join("bundle.pem");
    let pem: String = certificates.iter().map(|certificate| format!("a comment\n{}", certificate.pem())).collect();
    fs::write(&path, pem).unwrap();
    settings::TokenServer { root_certificates: Some(path), ..settings() }
}

fn with_key_set(directory: &Path, keys: &[Value]) -> settings::TokenServer {
    let path = directory.join("keys.json");
    fs::write(&path, json!({ "keys": keys }).to_string()).unwrap();
    settings::TokenServer { jwks: Some(path), ..settings() }
}

/// A server whose bundle holds these.
pub(super) fn server(certificates: &[&Certificate]) -> (TokenServer, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    (TokenServer::open(&with_bundle(directory.path(), certificates)).unwrap(), directory)
}

/// What the bundle's key is called.
pub(super) fn names(signer: &Signer) -> Vec<String> {
    key_name::of(&signer.key(), &signer.pair.subject_public_key_info())
}

#[test]
fn a_token_says_who_may_do_what_until_when() {
    let signer = Signer::rsa(RS256);
    let (server, _directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
    let verified = server.verify(&signer.token(&json!({ "kid": names(&signer)[0] }), &claims()), NOW).unwrap();
    assert_eq!(verified.subject, "alice");
    assert_eq!(verified.access, [Access::parse("repository:team/app:pull,push").unwrap()]);
    assert_eq!(verified.expires, NOW + time::Duration::seconds(300));
}

#[test]
fn keys_of_the_bundle_are_known_by_the_names_that_registry_2_and_3_know_them_by() {
    for signer in [Signer::rsa(RS256), Signer::p256(), Signer::p384(), Signer::ed25519()] {
        let (server, _directory) =
            server(&[&certificate(&Signer::p256(), IsCa::NoCa), &certificate(&signer, IsCa::NoCa)]);
        for name in names(&signer) {
            server.verify(&signer.token(&json!({ "kid": name }), &claims()), NOW).unwrap();
            let enclosed = signer.jwk(&json!({ "kid": name }));
            server.verify(&signer.token(&json!({ "jwk": enclosed }), &claims()), NOW).unwrap();
        }
    }
}

#[test]
fn a_chain_may_begin_with_a_certificate_of_the_bundle_or_lead_to_one() {
    let (root, between, signer) = (Signer::p384(), Signer::p256(), Signer::rsa(RS256));
    let authority = certificate(&root, IsCa::Ca(BasicConstraints::Unconstrained));
    let own = certificate(&signer, IsCa::NoCa);
    let (server, _directory) = server(&[&authority, &own]);
    server.verify(&signer.token(&x5c(&[&own]), &claims()), NOW).unwrap();
    server.verify(&root.token(&x5c(&[&authority]), &claims()), NOW).unwrap();
    let direct = signed_by(&root, &signer, |_| {});
    server.verify(&signer.token(&x5c(&[&direct]), &claims()), NOW).unwrap();
    server.verify(&signer.token(&x5c(&[&direct, &authority]), &claims()), NOW).unwrap();

    let middle = signed_by(&root, &between, |params| params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0)));
    let middle_issuer = Issuer::from_ca_cert_der(middle.der(), &between.pair).unwrap();
    let leaf = CertificateParams::new(vec!["leaf.example.com".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&signer.pair, &middle_issuer).unwrap();
    server.verify(&signer.token(&x5c(&[&leaf, &middle]), &claims()), NOW).unwrap();
    let without = server.verify(&signer.token(&x5c(&[&leaf]), &claims()), NOW);
    assert!(matches!(without, Err(JwtError::Chain(_))), "{without:?}");
}

#[test]
fn keys_of_a_key_set_are_known_by_their_names() {
    let directory = tempfile::tempdir().unwrap();
    let signer = Signer::p256();
    let settings = with_key_set(directory.path(), &[signer.jwk(&json!({ "kid": "first" })), json!({ "kty": "new" })]);
    let server = TokenServer::open(&settings).unwrap();
    server.verify(&signer.token(&json!({ "kid": "first" }), &claims()), NOW).unwrap();
    let other = server.verify(&signer.token(&json!({ "kid": "second" }), &claims()), NOW);
    assert_eq!(other, Err(JwtError::UnknownKey("second".to_owned())));
    let unnamed = server.verify(&signer.token(&json!({}), &claims()), NOW);
    assert_eq!(unnamed, Err(JwtError::NoKeyName));
    let chain = x5c(&[&certificate(&signer, IsCa::NoCa)]);
    let chained = server.verify(&signer.token(&chain, &claims()), NOW);
    assert!(matches!(chained, Err(JwtError::Chain(_))), "{chained:?}");
}

#[test]
fn what_servers_in_go_write_for_nothing_is_nothing() {
    let signer = Signer::p256();
    let (server, _directory) = server(&[&certificate(&signer, IsCa::NoCa)]);
    for (access, expected) in [
        (json!(null), Ok(vec![])),
        (json!([]), Ok(vec![])),
        (json!([{ "type": "repository", "name": "a", "actions": null }]), Ok(vec!["repository:a:"])),
        (json!([{ "class": "image" }]), Ok(vec!["::"])),
        (json!({}), Err(JwtError::ClaimType("access"))),
        (json!([1]), Err(JwtError::ClaimType("access"))),
        (json!([{ "actions": "pull" }]), Err(JwtError::ClaimType("access"))),
        (json!([{ "actions": [1] }]), Err(JwtError::ClaimType("access"))),
        (json!([{ "name": 1 }]), Err(JwtError::ClaimType("access"))),
    ] {
        let mut claims = claims();
        claims["access"] = access.clone();
        claims["sub"] = json!(null);
        let verified = server.verify(&signer.token(&json!({ "kid": names(&signer)[0] }), &claims), NOW);
        let opened = verified.map(|verified| {
            assert_eq!(verified.subject, "");
            verified.access.iter().map(Access::to_string).collect::<Vec<_>>()
        });
        assert_eq!(opened, expected.map(|list| list.into_iter().map(str::to_owned).collect()), "{access}");
    }
}

#[test]
fn changed_files_are_used_and_broken_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (Signer::p256(), Signer::p256());
    let settings = with_key_set(directory.path(), &[old.jwk(&json!({ "kid": "1" }))]);
    let server = TokenServer::open(&settings).unwrap();
    let is_current = |signer: &Signer| {
        server.look();
        server.verify(&signer.token(&json!({ "kid": "1" }), &claims()), NOW).is_ok()
    };
    assert!(is_current(&old));
    let path = settings.jwks.clone().unwrap();
    fs::write(&path, "{").unwrap();
    assert!(is_current(&old));
    fs::remove_file(&path).unwrap();
    assert!(is_current(&old));
    with_key_set(directory.path(), &[new.jwk(&json!({ "kid": "1" }))]);
    assert!(is_current(&new));
    assert!(!is_current(&old));
    with_key_set(directory.path(), &[]);
    assert!(is_current(&new));
}

#[test]
fn what_is_wrong_at_the_start_is_said_with_its_key() {
    let directory = tempfile::tempdir().unwrap();
    let good = with_key_set(directory.path(), &[Signer::p256().jwk(&json!({ "kid": "1" }))]);
    let file = |name: &str, content: &str| {
        let path = directory.path().join(name);
        fs::write(&path, content).unwrap();
        Some(path)
    };
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let algorithms = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    for (settings, expected) in [
        (settings(), "auth.token.rootcertbundle"),
        (
            settings::TokenServer { root_certificates: file("empty", "no PEM"), ..settings() },
            "auth.token.rootcertbundle",
        ),
        (settings::TokenServer { root_certificates: file("damaged", broken), ..settings() }, "certificate 1 in "),
        (settings::TokenServer { root_certificates: Some("/nowhere".into()), ..good.clone() }, "cannot read /nowhere"),
        (
            settings::TokenServer { jwks: Some("/nowhere".into()), ..settings() },
            "auth.token.jwks: cannot read /nowhere",
        ),
        (settings::TokenServer { jwks: file("not.json", "keys"), ..settings() }, "auth.token.jwks: cannot use "),
        (
            settings::TokenServer { jwks: file("large", &" ".repeat(1024 * 1024 + 1)), ..settings() },
            "has more than 1048576",
        ),
        (
            settings::TokenServer { algorithms: algorithms(&["RS256", "rs384"]), ..good.clone() },
            "\"rs384\" is no algorithm",
        ),
        (settings::TokenServer { algorithms: algorithms(&["HS256"]), ..good.clone() }, "has none that is supported"),
    ] {
        let error = TokenServer::open(&settings).unwrap_err().to_string();
        assert!(error.contains(expected), "{error} has no {expected}");
    }
    TokenServer::open(&settings::TokenServer { algorithms: algorithms(&["HS256", "ES256"]), ..good }).unwrap();
}
