//! A public key that signs tokens.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::DecodingKey;
use sha2::{Digest as _, Sha256};
use x509_parser::oid_registry::{OID_EC_P256, OID_NIST_EC_P384, OID_SIG_ED25519};
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::Algorithm;

/// The bytes of the shortest and the longest modulus of RSA: 2048 and 8192 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=1024;
/// The bytes of the longest exponent of RSA; usually it has three.
const LONGEST_EXPONENT: usize = 8;

/// A key is not one that can sign tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KeyError {
    /// Neither RSA nor a curve that is accepted.
    #[error("it is neither an RSA key nor one on P-256, P-384 or Ed25519")]
    Kind,
    /// RSA that is too short to be safe, or too long to be checked.
    #[error("an RSA key has 2048 to 8192 bits")]
    Size,
    /// Its parts are not what they should be.
    #[error("it is damaged")]
    Damaged,
}

/// A public key.
#[derive(Clone)]
pub(crate) struct Key {
    material: Material,
    /// The one algorithm that it is for, if that was said.
    only: Option<Algorithm>,
    checks: DecodingKey,
}

/// What a key is made of, without leading zeros where it is a number.
#[derive(Clone, PartialEq, Eq)]
enum Material {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    P256 { x: Vec<u8>, y: Vec<u8> },
    P384 { x: Vec<u8>, y: Vec<u8> },
    Ed25519(Vec<u8>),
}

impl Key {
    /// An RSA key, from its numbers in big-endian order.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Key, KeyError> {
        let (modulus, exponent) = (number(modulus), number(exponent));
        let bits = modulus.first().map_or(0, |first| modulus.len() * 8 - first.leading_zeros() as usize);
        if !MODULUS.contains(&modulus.len()) || bits < MODULUS.start() * 8 {
            return Err(KeyError::Size);
        }
        if exponent.is_empty() || exponent.len() > LONGEST_EXPONENT {
            return Err(KeyError::Damaged);
        }
        let checks = DecodingKey::from_rsa_raw_components(modulus, exponent);
        Ok(Key {
            material: Material::Rsa { modulus: modulus.to_vec(), exponent: exponent.to_vec() },
            only: None,
            checks,
        })
    }

    /// A point on P-256.
    pub(super) fn p256(x: &[u8], y: &[u8]) -> Result<Key, KeyError> {
        let checks = point(x, y, 32)?;
        Ok(Key { material: Material::P256 { x: x.to_vec(), y: y.to_vec() }, only: None, checks })
    }

    /// A point on P-384.
    pub(super) fn p384(x: &[u8], y: &[u8]) -> Result<Key, KeyError> {
        let checks = point(x, y, 48)?;
        Ok(Key { material: Material::P384 { x: x.to_vec(), y: y.to_vec() }, only: None, checks })
    }

    /// A point on Ed25519.
    pub(super) fn ed25519(x: &[u8]) -> Result<Key, KeyError> {
        if x.len() != 32 {
            return Err(KeyError::Damaged);
        }
        Ok(Key { material: Material::Ed25519(x.to_vec()), only: None, checks: DecodingKey::from_ed_der(x) })
    }

    /// The key of a certificate.
    pub(crate) fn of_certificate(info: &SubjectPublicKeyInfo<'_>) -> Result<Key, KeyError> {
        match info.parsed().map_err(|_| KeyError::Damaged)? {
            PublicKey::RSA(rsa) => Key::rsa(rsa.modulus, rsa.exponent),
            PublicKey::EC(point) => {
                let curve = info.algorithm.parameters.as_ref().and_then(|curve| curve.as_oid().ok());
                let curve = curve.ok_or(KeyError::Damaged)?;
                let coordinates = match point.data() {
                    [4, coordinates @ ..] => coordinates,
                    _ => return Err(KeyError::Damaged),
                };
                let (x, y) = coordinates.split_at(coordinates.len() / 2);
                if curve == OID_EC_P256 {
                    Key::p256(x, y)
                } else if curve == OID_NIST_EC_P384 {
                    Key::p384(x, y)
                } else {
                    Err(KeyError::Kind)
                }
            }
            PublicKey::Unknown(point) if info.algorithm.algorithm == OID_SIG_ED25519 => Key::ed25519(point),
            _ => Err(KeyError::Kind),
        }
    }

    /// For this algorithm only.
    pub(super) fn only(self, algorithm: Algorithm) -> Key {
        Key { only: Some(algorithm), ..self }
    }

    /// Whether a token may be signed with it in this way.
    pub(crate) fn fits(&self, algorithm: Algorithm) -> bool {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        let kind = match algorithm {
            Rs256 | Rs384 | Rs512 | Ps256 | Ps384 | Ps512 => matches!(self.material, Material::Rsa { .. }),
            Es256 => matches!(self.material, Material::P256 { .. }),
            Es384 => matches!(self.material, Material::P384 { .. }),
            EdDsa => matches!(self.material, Material::Ed25519(_)),
        };
        kind && self.only.is_none_or(|only| only == algorithm)
    }

    /// Whether it signed this; the signature is in base64url.
    pub(super) fn signed(&self, algorithm: Algorithm, message: &str, signature: &str) -> bool {
        self.fits(algorithm)
            && jsonwebtoken::crypto::verify(signature, message.as_bytes(), &self.checks, algorithm.checked_as())
                .unwrap_or(false)
    }

    /// What it may be called without anybody having named it: its thumbprint (RFC 7638), and, of a point whose numbers
    /// begin with zeros, the one that registry:3 computes without them.
    pub(crate) fn thumbprints(&self) -> Vec<String> {
        let base64 = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes);
        let ec = |curve: &str, x: &[u8], y: &[u8]| {
            let of = |x: &[u8], y: &[u8]| {
                thumbprint(&format!(r#"{{"crv":"{curve}","kty":"EC","x":"{}","y":"{}"}}"#, base64(x), base64(y)))
            };
            let (whole, short) = (of(x, y), of(number(x), number(y)));
            if whole == short { vec![whole] } else { vec![whole, short] }
        };
        match &self.material {
            Material::Rsa { modulus, exponent } => {
                let (n, e) = (base64(modulus), base64(exponent));
                vec![thumbprint(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))]
            }
            Material::P256 { x, y } => ec("P-256", x, y),
            Material::P384 { x, y } => ec("P-384", x, y),
            Material::Ed25519(x) => {
                vec![thumbprint(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64(x)))]
            }
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.thumbprints();
        f.debug_struct("Key").field("thumbprint", &names.first()).field("only", &self.only).finish_non_exhaustive()
    }
}

fn thumbprint(json: &str) -> String {
    BASE64URL_NOPAD.encode(&Sha256::digest(json))
}

/// A number without the zeros that it begins with.
fn number(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    &bytes[zeros..]
}

fn point(x: &[u8], y: &[u8], size: usize) -> Result<DecodingKey, KeyError> {
    if x.len() != size || y.len() != size {
        return Err(KeyError::Damaged);
    }
    // SEC 1 §2.3.3: a point that is not compressed begins with 4.
    Ok(DecodingKey::from_ec_der(&[&[4], x, y].concat()))
}
