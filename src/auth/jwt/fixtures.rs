//! Keys and tokens for tests.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::EncodingKey;
use rcgen::{KeyPair, PublicKeyData as _, RsaKeySize, SignatureAlgorithm};
use serde_json::{Value, json};
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Key;

/// A pair of keys that signs tokens in one way.
pub(in crate::auth) struct Signer {
    pub(in crate::auth) pair: KeyPair,
    pub(in crate::auth) algorithm: jsonwebtoken::Algorithm,
}

impl Signer {
    /// On P-256.
    pub(in crate::auth) fn p256() -> Signer {
        Signer::on(&rcgen::PKCS_ECDSA_P256_SHA256, jsonwebtoken::Algorithm::ES256)
    }

    /// On P-384.
    pub(in crate::auth) fn p384() -> Signer {
        Signer::on(&rcgen::PKCS_ECDSA_P384_SHA384, jsonwebtoken::Algorithm::ES384)
    }

    /// On Ed25519.
    pub(in crate::auth) fn ed25519() -> Signer {
        Signer::on(&rcgen::PKCS_ED25519, jsonwebtoken::Algorithm::EdDSA)
    }

    /// With RSA.
    pub(in crate::auth) fn rsa(algorithm: jsonwebtoken::Algorithm) -> Signer {
        Signer { pair: KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap(), algorithm }
    }

    fn on(curve: &'static SignatureAlgorithm, algorithm: jsonwebtoken::Algorithm) -> Signer {
        Signer { pair: KeyPair::generate_for(curve).unwrap(), algorithm }
    }

    fn encoding(&self) -> EncodingKey {
        match self.algorithm.family() {
            jsonwebtoken::AlgorithmFamily::Rsa => {
                EncodingKey::from_rsa_pem(self.pair.serialize_pem().as_bytes()).unwrap()
            }
            jsonwebtoken::AlgorithmFamily::Ec => EncodingKey::from_ec_der(self.pair.serialized_der()),
            jsonwebtoken::AlgorithmFamily::Ed => EncodingKey::from_ed_der(self.pair.serialized_der()),
            jsonwebtoken::AlgorithmFamily::Hmac => panic!("no fixture has a secret"),
        }
    }

    /// The public half.
    pub(in crate::auth) fn key(&self) -> Key {
        let der = self.pair.subject_public_key_info();
        Key::of_certificate(&SubjectPublicKeyInfo::from_der(&der).unwrap().1).unwrap()
    }

    /// The public half as RFC 7517 writes it, with these members too.
    pub(in crate::auth) fn jwk(&self, more: &Value) -> Value {
        let der = self.pair.subject_public_key_info();
        let (_, info) = SubjectPublicKeyInfo::from_der(&der).unwrap();
        let base64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let mut jwk = match info.parsed().unwrap() {
            x509_parser::public_key::PublicKey::RSA(rsa) => {
                json!({ "kty": "RSA", "n": base64(&rsa.modulus[1..]), "e": base64(rsa.exponent) })
            }
            x509_parser::public_key::PublicKey::EC(point) => {
                let (x, y) = point.data()[1..].split_at(point.data().len() / 2);
                let curve = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": curve, "x": base64(x), "y": base64(y) })
            }
            _ => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(&info.subject_public_key.data) }),
        };
        jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        jwk
    }

    /// A token with these members in its header, and `alg` if that is not among them.
    pub(in crate::auth) fn token(&self, header: &Value, claims: &Value) -> String {
        let mut whole = json!({ "alg": format!("{:?}", self.algorithm) });
        whole.as_object_mut().unwrap().extend(header.as_object().unwrap().clone());
        self.token_of(&whole.to_string(), claims)
    }

    /// A token with exactly this header.
    pub(in crate::auth) fn token_of(&self, header: &str, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &self.encoding(), self.algorithm).unwrap();
        format!("{message}.{signature}")
    }
}

/// The two parts of a token that are signed.
pub(in crate::auth) fn unsigned(header: &str, claims: &Value) -> String {
    let base64 = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    format!("{}.{}", base64(header), base64(&claims.to_string()))
}

/// A token that is signed with a secret.
pub(in crate::auth) fn with_secret(secret: &[u8], header: &str, claims: &Value) -> String {
    let message = unsigned(header, claims);
    let key = EncodingKey::from_secret(secret);
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, jsonwebtoken::Algorithm::HS256).unwrap();
    format!("{message}.{signature}")
}
