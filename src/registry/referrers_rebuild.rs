//! Making the entries of referrers anew from the manifests, on a volume that has none.

use tracing::{info, warn};

use bytes::Bytes;

use crate::oci::{Algorithm, Digest, Manifest, RepositoryName};

use super::{Registry, Result, layout};

impl Registry {
    /// Notes the subject of every manifest on the volume, unless that has been done. A volume that registry:2 wrote, or
    /// one whose `wharf` directory was lost, comes by its referrers so; pushing and pulling go on meanwhile.
    ///
    /// Against pushes and deletes: an entry is the same whoever writes it, and counts only while the manifest is held.
    pub async fn complete_referrers(&self) -> Result<()> {
        let done = layout::referrers_complete();
        if self.settings.read_only || self.storage.stat(&done).await.is_ok() {
            return Ok(());
        }
        let mut noted = 0_usize;
        let mut walk = self.walk_repositories();
        while let Some(repository) = walk.next(self).await? {
            for algorithm in Algorithm::ALL {
                let revisions = self
                    .storage
                    .list(&layout::revisions(&repository, algorithm), None, usize::MAX)
                    .await?;
                for entry in revisions {
                    let Ok(digest) = Digest::from_hex(algorithm, &entry.name) else {
                        continue;
                    };
                    noted += usize::from(self.note_subject_of(&repository, &digest).await?);
                }
            }
        }
        if noted > 0 {
            info!(referrers = noted, "noted the referrers that the volume holds");
        }
        Ok(self.storage.put(&done, Bytes::new()).await?)
    }

    async fn note_subject_of(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        let stored = match self.read_manifest(repository, digest).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return Ok(false),
            Err(error) => {
                warn!(%repository, %digest, %error, "a manifest cannot be read; its referrers are not listed");
                return Ok(false);
            }
        };
        let Ok(manifest) = Manifest::parse(&stored.bytes, Some(&stored.media_type)) else {
            return Ok(false);
        };
        let Some(subject) = manifest.subject.as_ref().map(|subject| subject.digest) else {
            return Ok(false);
        };
        self.note_referrer(
            repository,
            &subject,
            &manifest.describe(*digest, stored.bytes.len() as u64),
        )
        .await?;
        Ok(true)
    }
}
