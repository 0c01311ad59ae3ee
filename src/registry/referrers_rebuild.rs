//! Making the entries of referrers anew from the manifests that a volume holds.

use std::error::Error;

use bytes::Bytes;
use tracing::{info, warn};

use crate::oci::{Algorithm, Digest, Hasher, Manifest, RepositoryName};

use super::{Registry, Result, layout, referrers};

impl Registry {
    /// Notes the subject of every manifest on the volume. A volume that registry:2 wrote, or wrote to in between, or one
    /// whose `wharf` directory was lost, comes by its referrers so; pushing and pulling go on meanwhile.
    ///
    /// A repository that holds the same manifests as when it was last looked at is passed over after a look at their names.
    ///
    /// Against pushes and deletes: an entry is the same whoever writes it, and counts only while the manifest is held.
    pub async fn complete_referrers(&self) -> Result<()> {
        if self.settings.read_only {
            return Ok(());
        }
        let mut noted = 0_usize;
        let mut walk = self.walk_repositories();
        while let Some(repository) = walk.next(self).await? {
            for algorithm in Algorithm::ALL {
                noted += self.look_through(&repository, algorithm).await?;
            }
        }
        if noted > 0 {
            info!(referrers = noted, "noted the referrers that the volume holds");
        }
        Ok(())
    }

    /// Looks through a repository; returns how many of its manifests have a subject.
    async fn look_through(&self, repository: &RepositoryName, algorithm: Algorithm) -> Result<usize> {
        let revisions = self.storage.list(&layout::revisions(repository, algorithm), None, usize::MAX).await?;
        let looked = layout::looked(repository, algorithm);
        let mut names = Hasher::new(Algorithm::Sha256);
        revisions.iter().for_each(|revision| names.update(revision.name.as_bytes()));
        let names = Bytes::from(names.finish().to_string());
        if revisions.is_empty() || self.storage.get(&looked).await.is_ok_and(|before| before == names) {
            return Ok(0);
        }
        let (mut noted, mut failed) = (0, false);
        for revision in revisions {
            let Ok(digest) = Digest::from_hex(algorithm, &revision.name) else { continue };
            match self.note_subject_of(repository, &digest).await {
                Ok(found) => noted += usize::from(found),
                Err(error) => {
                    failed = true;
                    let error = &error as &dyn Error;
                    warn!(%repository, %digest, error, "a manifest cannot be read; its subject does not list it");
                }
            }
        }
        if !failed {
            // Should it be lost, the next start looks again.
            self.before_the_end(self.storage.jot(&looked, names)).await.transpose()?;
        }
        Ok(noted)
    }

    pub(super) async fn note_subject_of(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        let Some(stored) = self.read_manifest(repository, digest).await? else { return Ok(false) };
        let Ok(manifest) = Manifest::parse(&stored.bytes, Some(&stored.media_type)) else { return Ok(false) };
        let Some(subject) = manifest.subject.as_ref().map(|subject| subject.digest) else { return Ok(false) };
        let described = manifest.describe(*digest, stored.bytes.len() as u64);
        let entry = referrers::entry(repository, &subject, &described)?;
        Ok(self.before_the_end(self.storage.apply(vec![vec![entry]])).await.transpose()?.is_some())
    }
}
