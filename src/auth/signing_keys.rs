//! The keys that sign our own tokens: made here, kept in the volume, exchanged every month.
//!
//! A key signs until the next one is made and verifies for as long as a token that it signed may live. They are Ed25519
//! keys (RFC 8037), each in a file whose name is its key id and begins with the time at which it was made. Several servers
//! on one volume share them: whoever finds no young key makes one, and all read the directory again when a token names a
//! key that they do not know.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::Serialize;
use serde::de::DeserializeOwned;
use time::{Duration, OffsetDateTime};
use tracing::{info, warn};

use super::whole_file;

/// How long a key signs.
const SIGNS_FOR: Duration = Duration::days(30);
/// How long it verifies after that: as long as the longest token lives, and a day for clocks.
const VERIFIES_FOR: Duration = Duration::days(366);
/// How often the directory is read for a key that is not known, at most.
const BETWEEN_LOOKS: Duration = Duration::seconds(1);
/// The longest token that is looked at, in bytes.
const LONGEST: usize = 64 * 1024;
/// How the name of a key's file ends.
const ENDING: &str = ".key";

/// The keys of a registry.
pub(super) struct SigningKeys {
    directory: PathBuf,
    keys: ArcSwap<Vec<Arc<Key>>>,
    looked: Mutex<OffsetDateTime>,
}

struct Key {
    id: String,
    made: OffsetDateTime,
    signing: EncodingKey,
    verifying: DecodingKey,
}

/// A directory for keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error("{}: the keys that sign tokens cannot be read", path.display())]
    Unreadable {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A key could not be made.
    #[error("a key that signs tokens cannot be made")]
    NotMade(#[source] rcgen::Error),
    /// A token could not be signed.
    #[error("a token cannot be signed")]
    NotSigned(#[source] jsonwebtoken::errors::Error),
}

/// Why a token of ours does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OwnTokenError {
    /// It is none of ours, or was changed.
    #[error("this registry did not issue the token")]
    NotOurs,
    /// Its time is over.
    #[error("the token has expired; get a new one")]
    Expired,
}

impl SigningKeys {
    /// Reads the keys, and makes one if none is young enough.
    pub(super) fn open(directory: PathBuf, now: OffsetDateTime) -> Result<SigningKeys, KeyError> {
        let keys = SigningKeys { directory, keys: ArcSwap::default(), looked: Mutex::new(now) };
        keys.rotate(now)?;
        Ok(keys)
    }

    /// Reads the directory again, makes a key if the youngest is too old, and removes those that verify nothing any more.
    pub(super) fn rotate(&self, now: OffsetDateTime) -> Result<(), KeyError> {
        let mut keys = self.with_ours(read(&self.directory)?);
        if keys.last().is_none_or(|youngest| now - youngest.made >= SIGNS_FOR) {
            keys.push(Arc::new(self.make(now)?));
        }
        let (kept, over): (Vec<_>, Vec<_>) =
            keys.into_iter().partition(|key| now - key.made < SIGNS_FOR + VERIFIES_FOR);
        for key in over {
            // What cannot be removed now is tried again at the next rotation.
            let _ = fs::remove_file(self.directory.join(format!("{}{ENDING}", key.id)));
        }
        self.keys.store(Arc::new(kept));
        Ok(())
    }

    /// These keys and those that are known, the youngest last. What was kept in memory because it could not be written stays.
    fn with_ours(&self, mut keys: Vec<Arc<Key>>) -> Vec<Arc<Key>> {
        let known = self.keys.load();
        let more: Vec<_> = known.iter().filter(|key| !keys.iter().any(|read| read.id == key.id)).cloned().collect();
        keys.extend(more);
        keys.sort_by(|a, b| (a.made, &a.id).cmp(&(b.made, &b.id)));
        keys
    }

    fn make(&self, now: OffsetDateTime) -> Result<Key, KeyError> {
        let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).map_err(KeyError::NotMade)?;
        let id = format!("{}-{}", now.unix_timestamp(), uuid::Uuid::new_v4().simple());
        let path = self.directory.join(format!("{id}{ENDING}"));
        let pem = pair.serialize_pem();
        match whole_file::keep(&path, pem.as_bytes()) {
            Ok(()) => info!(key = id, "made a key that signs tokens"),
            Err(error) => warn!(
                path = %path.display(), %error,
                "the key that signs tokens cannot be kept, so whoever has a token logs in again after a restart"
            ),
        }
        Ok(Key::new(id, now, &pair))
    }

    /// Signs claims with the youngest key.
    pub(super) fn sign(&self, claims: &impl Serialize) -> Result<String, KeyError> {
        let keys = self.keys.load();
        let Some(key) = keys.last() else {
            return Err(KeyError::NotSigned(jsonwebtoken::errors::ErrorKind::InvalidKeyFormat.into()));
        };
        let header = Header { kid: Some(key.id.clone()), ..Header::new(Algorithm::EdDSA) };
        jsonwebtoken::encode(&header, claims, &key.signing).map_err(KeyError::NotSigned)
    }

    /// The claims of a token that one of the keys has signed. When it is good is for the caller to look at.
    ///
    /// The key is picked by the id that the token names, from ours alone, and the algorithm is always ours, whatever the
    /// token says.
    pub(super) fn verify<C: DeserializeOwned>(&self, token: &str, now: OffsetDateTime) -> Result<C, OwnTokenError> {
        if token.len() > LONGEST {
            return Err(OwnTokenError::NotOurs);
        }
        let header = jsonwebtoken::decode_header(token).map_err(|_| OwnTokenError::NotOurs)?;
        let id = header.kid.ok_or(OwnTokenError::NotOurs)?;
        let key = self.find(&id, now).ok_or(OwnTokenError::NotOurs)?;
        let mut validation = Validation::new(Algorithm::EdDSA);
        (validation.validate_exp, validation.validate_aud) = (false, false);
        validation.required_spec_claims.clear();
        let data = jsonwebtoken::decode(token, &key.verifying, &validation).map_err(|_| OwnTokenError::NotOurs)?;
        Ok(data.claims)
    }

    fn find(&self, id: &str, now: OffsetDateTime) -> Option<Arc<Key>> {
        let known = |keys: &[Arc<Key>]| keys.iter().find(|key| key.id == id).cloned();
        if let Some(key) = known(&self.keys.load()) {
            return Some(key);
        }
        // Another server on this volume may have made it. Only a name that could be one of ours is worth a look.
        let made: i64 = id.split_once('-')?.0.parse().ok()?;
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if made > now.unix_timestamp() + 60 || now - *looked < BETWEEN_LOOKS {
            return None;
        }
        *looked = now;
        // All of them are kept, whichever was looked for: a stranger who makes up names may be the one who looks each time.
        let keys = Arc::new(self.with_ours(read(&self.directory).ok()?));
        self.keys.store(Arc::clone(&keys));
        known(&keys)
    }
}

impl Key {
    fn new(id: String, made: OffsetDateTime, pair: &rcgen::KeyPair) -> Key {
        Key {
            id,
            made,
            signing: EncodingKey::from_ed_der(&pair.serialize_der()),
            verifying: DecodingKey::from_ed_der(pair.public_key_raw()),
        }
    }
}

/// Every key in the directory; one that is damaged is left out.
fn read(directory: &Path) -> Result<Vec<Arc<Key>>, KeyError> {
    let unreadable = |source| KeyError::Unreadable { path: directory.to_owned(), source };
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(id) = name.strip_suffix(ENDING) else { continue };
        let made = id.split_once('-').and_then(|(made, _)| made.parse().ok());
        let made = made.and_then(|made| OffsetDateTime::from_unix_timestamp(made).ok());
        let pair = fs::read_to_string(entry.path()).ok().and_then(|pem| rcgen::KeyPair::from_pem(&pem).ok());
        match (made, pair) {
            (Some(made), Some(pair)) if pair.is_compatible(&rcgen::PKCS_ED25519) => {
                keys.push(Arc::new(Key::new(id.to_owned(), made, &pair)));
            }
            _ => warn!(path = %entry.path().display(), "this is no key that signs tokens; it is left out"),
        }
    }
    Ok(keys)
}

#[cfg(test)]
#[path = "signing_keys_tests.rs"]
mod tests;
