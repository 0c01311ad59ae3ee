//! What a repository's links lead to.

use std::time::SystemTime;

use crate::oci::{Algorithm, Digest, RepositoryName};
use crate::registry::effort::Pacer;
use crate::registry::{Registry, RegistryError, Result, layout, links};

/// Whether a link is to a manifest or to a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::registry) enum Part {
    Manifest,
    Blob,
}

/// Something that a repository holds.
#[derive(Clone, Copy, Debug)]
pub(in crate::registry) struct Linked {
    pub(in crate::registry) part: Part,
    /// Where its content is.
    pub(in crate::registry) target: Digest,
    /// When the link was last written, if the storage knows.
    pub(in crate::registry) since: Option<SystemTime>,
}

/// Gives others their share of the machine, and ends the work when it is to end.
pub(in crate::registry) struct Pace<'a> {
    pub(in crate::registry) pacer: Pacer<'a>,
    pub(in crate::registry) is_over: &'a (dyn Fn() -> bool + Sync),
}

impl Pace<'_> {
    /// To be called between any two steps.
    ///
    /// # Errors
    ///
    /// [`RegistryError::Stopped`] when it is to end.
    pub(in crate::registry) async fn breathe(&mut self) -> Result<()> {
        self.pacer.pause().await;
        if (self.is_over)() { Err(RegistryError::Stopped) } else { Ok(()) }
    }
}

impl Registry {
    /// What a repository holds, the manifests first. A link that is empty counts as absent, as everywhere; so do directories that
    /// a deletion by registry:2 leaves behind.
    pub(in crate::registry) async fn linked(
        &self,
        repository: &RepositoryName,
        pace: &mut Pace<'_>,
    ) -> Result<Vec<Linked>> {
        let mut found = Vec::new();
        for part in [Part::Manifest, Part::Blob] {
            for algorithm in Algorithm::ALL {
                let below = match part {
                    Part::Manifest => layout::revisions(repository, algorithm),
                    Part::Blob => layout::layers(repository, algorithm),
                };
                for name in self.names(&below).await? {
                    pace.breathe().await?;
                    let Ok(digest) = Digest::from_hex(algorithm, &name) else { continue };
                    let link = match part {
                        Part::Manifest => layout::revision_link(repository, &digest),
                        Part::Blob => layout::layer_link(repository, &digest),
                    };
                    let meta = match self.storage.stat(&link).await {
                        Ok(meta) if meta.size > 0 => meta,
                        Ok(_) => continue,
                        Err(error) if error.is_not_found() => continue,
                        Err(error) => return Err(error.into()),
                    };
                    // registry:2 keeps what was pushed by its SHA-512 under its SHA-256.
                    let target = match algorithm {
                        Algorithm::Sha256 => digest,
                        Algorithm::Sha512 => links::read(self.storage.as_ref(), &link).await?.unwrap_or(digest),
                    };
                    found.push(Linked { part, target, since: meta.modified });
                }
            }
        }
        Ok(found)
    }

    /// The length of a content, wherever it waits; none if it is gone. Unlike [`Registry::stat_content`] this brings nothing
    /// back from the trash, and takes what a killed program has left for what it is about to become.
    pub(in crate::registry) async fn size_of(&self, digest: &Digest) -> Result<Option<u64>> {
        // It may be moved from the one to the other between two looks, and never back.
        for key in [layout::blob(digest), layout::unsettled(digest), layout::blob(digest)] {
            match self.storage.stat(&key).await {
                Ok(meta) => return Ok(Some(meta.size)),
                Err(error) if error.is_not_found() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}
