//! The files in which an operator says whose tokens to believe.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::roots::Roots;
use super::{TokenServerError, key_name};
use crate::auth::Fingerprint;
use crate::auth::jwt::{KeySet, LARGEST};
use crate::auth::settings::TokenServer;

/// What the files hold, byte by byte.
pub(super) struct Content {
    certificates: Option<Vec<u8>>,
    key_set: Option<Vec<u8>>,
}

/// What can verify a token.
#[derive(Debug)]
pub(super) struct Keys {
    /// Certificates that a chain may begin with or lead to.
    pub(super) roots: Roots,
    /// Keys, by each name that a token may call them.
    pub(super) named: KeySet,
    /// How many keys of the files cannot verify tokens.
    pub(super) passed_over: usize,
}

impl Content {
    pub(super) fn read(settings: &TokenServer) -> Result<Content, TokenServerError> {
        let read = |key, path: &Option<PathBuf>| path.as_ref().map(|path| read(key, path)).transpose();
        Ok(Content {
            certificates: read("rootcertbundle", &settings.root_certificates)?,
            key_set: read("jwks", &settings.jwks)?,
        })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut all = Vec::new();
        for content in [&self.certificates, &self.key_set].into_iter().flatten() {
            all.extend((content.len() as u64).to_be_bytes());
            all.extend(content);
        }
        Fingerprint::of(&all)
    }

    pub(super) fn keys(&self, settings: &TokenServer) -> Result<Keys, TokenServerError> {
        let mut named = match (&settings.jwks, &self.key_set) {
            (Some(path), Some(content)) => {
                KeySet::parse(content).map_err(|source| TokenServerError::KeySet { path: path.clone(), source })?
            }
            _ => KeySet::default(),
        };
        let roots = match (&settings.root_certificates, &self.certificates) {
            (Some(path), Some(content)) => Roots::parse(path, content)?,
            _ => Roots::default(),
        };
        for (key, public) in roots.keys() {
            for name in key_name::of(key, public) {
                named.add(name, key.clone());
            }
        }
        // A certificate that can only sign others counts too.
        if named.is_empty() && roots.is_empty() {
            return Err(TokenServerError::NoKey);
        }
        let passed_over = named.passed_over() + roots.without_key();
        Ok(Keys { roots, named, passed_over })
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TokenServerError> {
    let mut content = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST as u64 + 1).read_to_end(&mut content));
    match read {
        Err(source) => Err(TokenServerError::Read { key, path: path.to_owned(), source }),
        Ok(_) if content.len() > LARGEST => {
            Err(TokenServerError::TooLarge { key, path: path.to_owned(), most: LARGEST })
        }
        Ok(_) => Ok(content),
    }
}
