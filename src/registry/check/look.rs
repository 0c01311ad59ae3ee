//! Whether something is as it should be. Each subject is looked at as it is on the volume right now.

use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::oci::{Algorithm, Digest, Manifest, RepositoryName};
use crate::storage::{self, Key, StorageError};

use crate::registry::put_manifest::{Required, required};
use crate::registry::{BatchId, References, Result, UploadId, layout};

use super::defect::{Defect, UploadDamage};
use super::links::{Content, Found, Link};
use super::subject::Subject;
use super::{Check, Damage};

/// How old a file that was begun must be to count as left behind.
const LEFT_BEHIND: Duration = Duration::from_secs(24 * 3600);
/// An upload to which something was written within this time is looked at the next time.
const AT_REST: Duration = Duration::from_secs(3600);
/// How many of the missing are named.
const NAMED: usize = 20;

impl Check<'_> {
    /// What is wrong with a subject.
    pub(super) async fn look(&mut self, subject: &Subject) -> Result<Vec<Defect>> {
        let found = match subject {
            Subject::EmptyBlob(digest) => self.look_at_empty(digest).await?,
            Subject::Copy(digest, batch) => self.look_at_copy(digest, batch).await?,
            Subject::Stray(key) => self.look_at_stray(key).await?,
            Subject::Layer(repository, digest) => self.look_at_layer(repository, digest).await?,
            Subject::Revision(repository, digest) => return self.look_at_revision(repository, digest).await,
            Subject::Tag(repository, tag) => self.look_at_tag(repository, tag).await?,
            Subject::Referrer(repository, subject, digest) => {
                self.look_at_referrer(repository, subject, digest).await?
            }
            Subject::Type(repository, digest) => self.look_at_type(repository, digest).await?,
            Subject::Upload(repository, id) => self.look_at_upload(repository, id).await?,
            Subject::Unsettled(digest) => self.look_at_unsettled(digest).await?,
        };
        Ok(found.into_iter().collect())
    }

    /// A manifest of a repository. Its content is hashed, whatever share of the blobs is.
    pub(super) async fn revision(&mut self, repository: &RepositoryName, digest: Digest) {
        if !self.rotten.contains(&digest)
            && let Ok(Content::Rotten) = self.registry.look_at_manifest(repository, &digest).await
        {
            self.look_for_rot(digest).await;
        }
        self.examine(Subject::Revision(repository.clone(), digest)).await;
    }

    async fn look_at_empty(&self, digest: &Digest) -> Result<Option<Defect>> {
        let is_empty = self.registry.storage.list(&layout::blob_directory(digest), None, 1).await?.is_empty();
        // A directory that is gone has nothing in it either.
        let is_there = self.registry.has_blob_directory(digest).await?;
        Ok((is_empty && is_there && !self.registry.is_unsettled(digest))
            .then_some(Defect::EmptyBlob { digest: *digest }))
    }

    async fn look_at_copy(&self, digest: &Digest, batch: &BatchId) -> Result<Option<Defect>> {
        let is_old = batch.at().is_some_and(|at| self.age(Some(at.into())).is_some_and(|age| age > LEFT_BEHIND));
        // In this order: who ends a batch does so behind the last of its copies.
        if !is_old || self.registry.batch_is_there(batch).await? {
            return Ok(None);
        }
        match self.registry.storage.stat(&layout::trashed_blob(digest, batch)).await {
            Ok(meta) => Ok(Some(Defect::TrashOrphan { digest: *digest, batch: batch.clone(), size: meta.size })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn look_at_stray(&self, key: &Key) -> Result<Option<Defect>> {
        let meta = match self.registry.storage.stat(key).await {
            Ok(meta) => meta,
            Err(error) if error.is_not_found() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let is_old = self.age(meta.modified).is_some_and(|age| age > LEFT_BEHIND);
        Ok(is_old.then(|| Defect::Stray { path: key.clone() }))
    }

    async fn look_at_layer(&mut self, repository: &RepositoryName, digest: &Digest) -> Result<Option<Defect>> {
        let (repository, digest) = (repository.clone(), *digest);
        let link = self.registry.look_at_link(&layout::layer_link(&repository, &digest)).await?;
        let damage = match (link, link.leads(&digest)) {
            (Link::Absent, _) => return Ok(None),
            (Link::Damaged(damage), _) => damage,
            (Link::To(other), None) => Damage::Names(other),
            (Link::To(_), Some(target)) => {
                match self.registry.find_content(&target).await? {
                    Some(Found::InPlace(size)) => {
                        self.marks.hold(&target, size);
                        return Ok(None);
                    }
                    Some(Found::InTrash) => return Ok(Some(Defect::InTrash { repository, digest: target })),
                    None => {}
                }
                // What a manifest needs is missing there. The link stays: whoever pushes the blob, to whichever repository,
                // makes that manifest whole again.
                let is_wanted = self.is_wanted(&repository, &digest).await?;
                return Ok((!is_wanted).then_some(Defect::LayerDangling { repository, digest }));
            }
        };
        Ok(Some(Defect::LayerDamaged { repository, digest, damage }))
    }

    async fn look_at_revision(&mut self, repository: &RepositoryName, digest: &Digest) -> Result<Vec<Defect>> {
        let (repository, digest) = (repository.clone(), *digest);
        match self.registry.look_at_link(&layout::revision_link(&repository, &digest)).await? {
            Link::Absent => return Ok(Vec::new()),
            Link::To(target) if target == digest => {}
            Link::To(other) => {
                let damage = Damage::Names(other);
                return Ok(vec![Defect::RevisionDamaged { repository, digest, damage }]);
            }
            Link::Damaged(damage) => return Ok(vec![Defect::RevisionDamaged { repository, digest, damage }]),
        }
        let (says, size, is_trashed) = match self.registry.look_at_manifest(&repository, &digest).await? {
            Content::Gone => return Ok(vec![Defect::RevisionDangling { repository, digest }]),
            // A defect of the content, which was looked at before.
            Content::Rotten => return Ok(Vec::new()),
            Content::Unfit => return Ok(vec![Defect::NotAManifest { repository, digest }]),
            Content::Manifest { says, size, is_trashed } => (says, size, is_trashed),
        };
        let mut defects = Vec::new();
        match is_trashed {
            true => defects.push(Defect::InTrash { repository: repository.clone(), digest }),
            false => self.marks.hold(&digest, size),
        }
        let Some(manifest) = says else { return Ok(defects) };
        defects.extend(self.look_at_references(&repository, &digest, &manifest).await?);
        if let Some(subject) = manifest.subject.as_ref().map(|subject| subject.digest)
            && self.is_looked_through
            && let Link::Absent = self.registry.look_at_link(&layout::referrer(&repository, &subject, &digest)).await?
        {
            defects.push(Defect::ReferrerMissing { repository, subject, digest });
        }
        Ok(defects)
    }

    async fn look_at_references(
        &mut self,
        repository: &RepositoryName,
        digest: &Digest,
        manifest: &Manifest,
    ) -> Result<Option<Defect>> {
        let validation = &self.registry.settings().validation;
        if validation.references == References::MayBeAbsent {
            return Ok(None);
        }
        let (mut missing, mut missing_count) = (Vec::new(), 0);
        for reference in required(manifest, &validation.index_platforms) {
            if !self.is_held(repository, reference).await? {
                missing_count += 1;
                if missing.len() < NAMED {
                    missing.push(reference.digest());
                }
            }
        }
        if missing.is_empty() {
            return Ok(None);
        }
        let tags = self.tags_leading_to(repository, digest).await?;
        let (repository, digest) = (repository.clone(), *digest);
        Ok(Some(Defect::Incomplete { repository, digest, missing, missing_count, tags }))
    }

    /// Whether the repository can serve what a manifest refers to.
    async fn is_held(&self, repository: &RepositoryName, reference: Required) -> storage::Result<bool> {
        let digest = reference.digest();
        let link = self.registry.look_at_link(&layout::layer_link(repository, &digest)).await?;
        let held = match (link.leads(&digest), reference) {
            (Some(target), _) => Some(target),
            (None, Required::Blob(_)) => None,
            (None, Required::Child(_)) => {
                let link = self.registry.look_at_link(&layout::revision_link(repository, &digest)).await?;
                (link == Link::To(digest)).then_some(digest)
            }
        };
        let Some(target) = held else { return Ok(false) };
        Ok(!self.rotten.contains(&target) && self.registry.find_content(&target).await?.is_some())
    }

    async fn look_at_upload(&self, repository: &RepositoryName, id: &UploadId) -> Result<Option<Defect>> {
        let storage = self.registry.storage.as_ref();
        let modified = async |key: &Key| match storage.stat(key).await {
            Ok(meta) => Ok(Some(meta)),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error),
        };
        if self.registry.sessions.is_known(repository, *id)
            || modified(&layout::upload_small(repository, id)).await?.is_some()
        {
            return Ok(None);
        }
        let (start, data) = (layout::upload_started(repository, id), layout::upload_data(repository, id));
        let (began, written) = (modified(&start).await?, modified(&data).await?);
        let times = [began, written].into_iter().flatten().map(|meta| meta.modified);
        if times.map(|time| self.age(time)).any(|age| age.is_none_or(|age| age < AT_REST)) {
            return Ok(None);
        }
        let (repository, upload) = (repository.clone(), *id);
        let text = match storage.get(&start).await {
            Ok(text) => text,
            Err(StorageError::NotFound(_) | StorageError::TooLarge { .. }) => Default::default(),
            Err(error) => return Err(error.into()),
        };
        let says = std::str::from_utf8(&text).ok().map(str::trim);
        if says.is_none_or(|text| OffsetDateTime::parse(text, &Rfc3339).is_err()) {
            return Ok(Some(Defect::UploadDamaged { repository, upload, damage: UploadDamage::NoStart }));
        }
        let size = written.map_or(0, |meta| meta.size);
        for algorithm in Algorithm::ALL {
            let states = storage.list(&layout::hash_states(&repository, id, algorithm), None, usize::MAX).await?;
            if states.iter().filter_map(|state| state.name.parse::<u64>().ok()).any(|offset| offset > size) {
                return Ok(Some(Defect::UploadDamaged { repository, upload, damage: UploadDamage::Short }));
            }
        }
        Ok(None)
    }

    async fn look_at_unsettled(&self, digest: &Digest) -> Result<Option<Defect>> {
        // What a running server knows of, it sees to.
        if self.registry.is_unsettled(digest) {
            return Ok(None);
        }
        match self.registry.storage.stat(&layout::unsettled(digest)).await {
            Ok(meta) => Ok(Some(Defect::Unsettled { digest: *digest, size: meta.size })),
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    fn age(&self, modified: Option<SystemTime>) -> Option<Duration> {
        Some(self.registry.clock.now().duration_since(modified?).unwrap_or_default())
    }
}
