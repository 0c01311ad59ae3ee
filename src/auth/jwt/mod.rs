//! JSON Web Tokens that others sign, and the keys that they sign with (RFC 7519, RFC 7515, RFC 7517).
//!
//! Only asymmetric algorithms exist here, so that no public key can be taken for a secret, and a key is only ever one of
//! those that the caller holds: what a token brings along is a name for it at most. Knows nothing of files or of the net,
//! and no clock.

mod algorithm;
mod claims;
mod error;
mod key;
mod key_set;
mod token;

pub(crate) use algorithm::Algorithm;
pub(crate) use claims::Claims;
pub use error::JwtError;
pub(crate) use key::{Key, KeyError};
pub use key_set::KeySetError;
pub(crate) use key_set::{KeySet, LARGEST};
pub(crate) use token::{Token, issuer_of};

#[cfg(test)]
pub(super) mod fixtures;
