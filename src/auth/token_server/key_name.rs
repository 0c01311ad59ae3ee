//! What tokens call the key of a certificate in the bundle (`kid`), which nobody has named.

use data_encoding::BASE32;
use sha2::{Digest as _, Sha256};

use crate::auth::jwt::Key;

/// Every name that is taken for this key, whose public half is `der`, a `SubjectPublicKeyInfo` (RFC 5280 §4.1): libtrust's,
/// which registry:2 takes, and the thumbprint of RFC 7638, which registry:3 takes.
pub(super) fn of(key: &Key, der: &[u8]) -> Vec<String> {
    let mut names = key.thumbprints();
    names.push(libtrust(der));
    names
}

/// The first 240 bits of the SHA-256 in base32, in twelve groups of four with colons between them.
fn libtrust(der: &[u8]) -> String {
    let hash: [u8; 32] = Sha256::digest(der).into();
    let text = BASE32.encode(&hash[..30]);
    let mut name = String::with_capacity(text.len() + 11);
    for (index, sign) in text.chars().enumerate() {
        if index > 0 && index % 4 == 0 {
            name.push(':');
        }
        name.push(sign);
    }
    name
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer as _;
    use x509_parser::x509::SubjectPublicKeyInfo;

    use super::*;

    // A point on P-256, and what is computed from it by hand.
    const DER: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0\
                       f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

    #[test]
    fn a_key_is_called_as_registry_2_and_registry_3_call_it() {
        let der = hex::decode(DER).unwrap();
        let key = Key::of_certificate(&SubjectPublicKeyInfo::from_der(&der).unwrap().1).unwrap();
        assert_eq!(of(&key, &der), [RFC7638, LIBTRUST]);
    }

    const RFC7638: &str = "xx0BcA-wMohw8atYDJOe6peGModklG2wRHBlXHMvl0M";
    const LIBTRUST: &str = "LTJF:F6YM:5CJS:INX2:7DGN:CBAJ:QG4J:5ZFN:NOP6:TYVC:W7TR:VLFS";
}
