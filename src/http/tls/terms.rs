//! On what terms a listener speaks TLS now, and what a look at the files changes about them.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use sha2::{Digest as _, Sha256};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use super::generated::Generated;
use super::material::{Fingerprint, Material, Source};
use super::{AuthorityCertificate, TlsError};
use crate::http::{Certificate, Tls};

/// The TLS of a listener: what new connections get, exchanged as a whole.
///
/// A connection keeps the configuration that it began with, so an exchange drops nobody.
pub(in crate::http) struct Terms {
    settings: Tls,
    protocols: &'static [&'static [u8]],
    source: Source,
    current: ArcSwap<ServerConfig>,
    seen: Mutex<Seen>,
}

/// What earlier looks found.
struct Seen {
    /// The content that is in use.
    used: Fingerprint,
    /// Other content that cannot be used, as of the last look.
    doubted: Option<Fingerprint>,
    /// The content, or the failure to read it, that has been complained about.
    refused: Option<Fingerprint>,
}

/// What a look at the files found.
#[derive(Debug)]
pub(super) enum Look {
    /// Nothing new.
    Same,
    /// New content that cannot be used, for the first time: perhaps only one of two files is written yet.
    Doubtful,
    /// It is still there, so it is broken; the old is used on. Said once.
    Broken(TlsError),
    /// New content, in use from now on.
    Changed {
        /// What is wrong with it although it can be used.
        warning: Option<String>,
    },
    /// The old content is back after something broken.
    Recovered,
}

impl Terms {
    /// Reads everything for the first time.
    pub(in crate::http) fn load(settings: &Tls, http2: bool, now: OffsetDateTime) -> Result<Self, TlsError> {
        let source = match &settings.certificate {
            Certificate::Files { certificate, key } => {
                Source::Files { certificate: certificate.clone(), key: key.clone() }
            }
            Certificate::Generated { names, directory } => {
                Source::Generated(Box::new(Generated::open(directory, names, now)?))
            }
        };
        let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        let material = Material::gather(&source, &settings.clients, now)?;
        let configuration = material.configuration(settings, protocols)?;
        if let Some(warning) = material.warning(now) {
            tracing::warn!("{warning}");
        }
        Ok(Self {
            settings: settings.clone(),
            protocols,
            source,
            current: ArcSwap::from_pointee(configuration),
            seen: Mutex::new(Seen { used: material.fingerprint(), doubted: None, refused: None }),
        })
    }

    /// What these terms were made from.
    pub(in crate::http) fn settings(&self) -> &Tls {
        &self.settings
    }

    /// Speaks TLS on the current terms.
    pub(in crate::http) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.current.load_full())
    }

    /// The certificate's file.
    pub(super) fn certificate(&self) -> PathBuf {
        match &self.source {
            Source::Files { certificate, .. } => certificate.clone(),
            Source::Generated(generated) => generated.paths().0,
        }
    }

    /// Our authority's certificate, when the certificate is made here.
    pub(in crate::http) fn authority(&self) -> Option<&Arc<AuthorityCertificate>> {
        match &self.source {
            Source::Files { .. } => None,
            Source::Generated(generated) => Some(generated.authority()),
        }
    }

    /// Looks whether anything has changed, and puts it to use. Reads files, so it blocks.
    pub(super) fn look(&self, now: OffsetDateTime) -> Look {
        let material = Material::gather(&self.source, &self.settings.clients, now);
        let fingerprint = match &material {
            Ok(material) => material.fingerprint(),
            Err(error) => Sha256::digest(error.to_string()).into(),
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if fingerprint == seen.used {
            seen.doubted = None;
            return if seen.refused.take().is_some() { Look::Recovered } else { Look::Same };
        }
        if seen.refused == Some(fingerprint) {
            return Look::Same;
        }
        match material.and_then(|material| self.put_to_use(&material, now)) {
            Ok(warning) => {
                *seen = Seen { used: fingerprint, doubted: None, refused: None };
                Look::Changed { warning }
            }
            Err(error) if seen.doubted == Some(fingerprint) => {
                seen.refused = Some(fingerprint);
                Look::Broken(error)
            }
            Err(_) => {
                seen.doubted = Some(fingerprint);
                Look::Doubtful
            }
        }
    }

    fn put_to_use(&self, material: &Material, now: OffsetDateTime) -> Result<Option<String>, TlsError> {
        let configuration = material.configuration(&self.settings, self.protocols)?;
        self.current.store(Arc::new(configuration));
        Ok(material.warning(now))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;
    use crate::http::{ClientCertificates, TlsVersion};

    fn now() -> OffsetDateTime {
        OffsetDateTime::now_utc()
    }

    /// Writes a pair, whole or with the key of another.
    fn write(directory: &Path, whole: bool) {
        let [pair, other] = [(), ()].map(|()| rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap());
        let key = if whole { pair.signing_key } else { other.signing_key };
        fs::write(directory.join("server.crt"), pair.cert.pem()).unwrap();
        fs::write(directory.join("server.key"), key.serialize_pem()).unwrap();
    }

    fn settings(directory: &Path) -> Tls {
        Tls {
            certificate: Certificate::Files {
                certificate: directory.join("server.crt"),
                key: directory.join("server.key"),
            },
            minimum: TlsVersion::Tls12,
            clients: ClientCertificates::NotAsked,
            cipher_suites: None,
        }
    }

    fn loaded(directory: &Path) -> Terms {
        write(directory, true);
        Terms::load(&settings(directory), true, now()).unwrap()
    }

    #[test]
    fn unchanged_files_change_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        let before = terms.current.load_full();
        assert!(matches!(terms.look(now()), Look::Same));
        assert!(Arc::ptr_eq(&before, &terms.current.load_full()));
    }

    #[test]
    fn a_new_pair_is_used_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        write(directory.path(), true);
        assert!(matches!(terms.look(now()), Look::Changed { warning: None }));
        assert!(matches!(terms.look(now()), Look::Same));
    }

    #[test]
    fn a_broken_pair_is_doubted_then_complained_about_once_and_the_old_one_stays() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        let before = terms.current.load_full();
        write(directory.path(), false);
        assert!(matches!(terms.look(now()), Look::Doubtful));
        assert!(matches!(terms.look(now()), Look::Broken(TlsError::Mismatch { .. })));
        assert!(matches!(terms.look(now()), Look::Same));
        assert!(Arc::ptr_eq(&before, &terms.current.load_full()));
        write(directory.path(), true);
        assert!(matches!(terms.look(now()), Look::Changed { .. }));
    }

    #[test]
    fn the_old_pair_coming_back_after_a_broken_one_is_a_recovery() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        let key = directory.path().join("server.key");
        let old = fs::read(&key).unwrap();
        fs::remove_file(&key).unwrap();
        assert!(matches!(terms.look(now()), Look::Doubtful));
        assert!(matches!(terms.look(now()), Look::Broken(TlsError::Read { .. })));
        fs::write(&key, old).unwrap();
        assert!(matches!(terms.look(now()), Look::Recovered));
    }

    #[test]
    fn a_pair_that_is_written_file_by_file_is_not_complained_about() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        let next = tempfile::tempdir().unwrap();
        write(next.path(), true);
        fs::copy(next.path().join("server.crt"), directory.path().join("server.crt")).unwrap();
        assert!(matches!(terms.look(now()), Look::Doubtful));
        fs::copy(next.path().join("server.key"), directory.path().join("server.key")).unwrap();
        assert!(matches!(terms.look(now()), Look::Changed { .. }));
    }

    #[test]
    fn links_that_swap_a_whole_directory_are_noticed() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::create_dir(directory.path().join(name)).unwrap();
            write(&directory.path().join(name), true);
        }
        let link = directory.path().join("current");
        std::os::unix::fs::symlink("one", &link).unwrap();
        let terms = Terms::load(&settings(&link), true, now()).unwrap();
        std::os::unix::fs::symlink("two", directory.path().join("next")).unwrap();
        fs::rename(directory.path().join("next"), &link).unwrap();
        assert!(matches!(terms.look(now()), Look::Changed { .. }));
    }

    #[test]
    fn an_expired_certificate_is_used_with_a_warning() {
        let directory = tempfile::tempdir().unwrap();
        let terms = loaded(directory.path());
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = now() - time::Duration::days(1);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(directory.path().join("server.crt"), params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(directory.path().join("server.key"), key.serialize_pem()).unwrap();
        let Look::Changed { warning: Some(warning) } = terms.look(now()) else { panic!("no warning") };
        assert!(warning.contains("expired"), "{warning}");
    }
}
