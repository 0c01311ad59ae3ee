//! Where an upload is kept while it grows.
//!
//! Most blobs are small and are whole within milliseconds of their upload's start. The directory with its files that
//! registry:2 knows costs more to make and to remove than all the rest of such a push. So an upload of which nothing has
//! arrived is only remembered, and what has arrived of a small one is a single file, which then becomes the blob. Both get
//! their directory when they grow, when they have not ended after a moment, and when the server stops.

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::oci::{Algorithm, Hasher, RepositoryName};
use crate::storage::{Durability, Key};

use super::unsettled::SOON;
use super::upload_progress::Progress;
use super::{Registry, RegistryError, Result, UploadId, layout};

/// The longest upload that is a single file, in bytes.
const SMALL: u64 = 256 * 1024;

/// Where what has arrived is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Nothing has arrived, and nothing is on disk.
    Nowhere { began: OffsetDateTime },
    /// In a single file.
    Small { began: OffsetDateTime },
    /// In the directory that registry:2 knows.
    Directory,
}

/// The key of what has arrived.
pub(super) fn data(repository: &RepositoryName, id: &UploadId, place: Place) -> Key {
    match place {
        Place::Nowhere { .. } | Place::Small { .. } => layout::upload_small(repository, id),
        Place::Directory => layout::upload_data(repository, id),
    }
}

impl Registry {
    /// An upload that begins now.
    pub(super) async fn begin_upload(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        algorithm: Algorithm,
    ) -> Result<()> {
        let began = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let mut progress = Progress::begin(algorithm, Place::Nowhere { began });
        // Only the directory says which algorithm was announced.
        if self.storage.durability() == Durability::Full || algorithm != Algorithm::default() {
            self.write_down(repository, id, &mut progress).await?;
        }
        self.put_away(repository, id, progress).await
    }

    /// Finds a place for so many more bytes.
    pub(super) async fn make_place(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        progress: &mut Progress,
        more: u64,
    ) -> Result<()> {
        let stays_small = progress.offset + more <= SMALL && progress.hasher.algorithm() == Algorithm::default();
        match progress.place {
            Place::Nowhere { began } if stays_small => progress.place = Place::Small { began },
            Place::Small { .. } if stays_small => {}
            Place::Directory => {}
            Place::Nowhere { .. } | Place::Small { .. } => self.write_down(repository, id, progress).await?,
        }
        Ok(())
    }

    /// Gives an upload its directory.
    ///
    /// Killed in between, both the directory and the single file are there; the file is looked for first.
    pub(super) async fn write_down(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        progress: &mut Progress,
    ) -> Result<()> {
        let (Place::Nowhere { began } | Place::Small { began }) = progress.place else { return Ok(()) };
        let started = began.format(&Rfc3339).map_err(|error| RegistryError::Damaged(error.to_string()))?;
        self.storage.jot(&layout::upload_started(repository, &id), Bytes::from(started)).await?;
        let algorithm = progress.hasher.algorithm();
        if algorithm != Algorithm::default() {
            // That there is a state for it says which algorithm runs.
            let state = Bytes::from(Hasher::new(algorithm).save(0));
            self.storage.jot(&layout::hash_states(repository, &id, algorithm).child("0"), state).await?;
            progress.kept = Some(0);
        }
        if let Place::Small { .. } = progress.place {
            let (from, to) = (layout::upload_small(repository, &id), layout::upload_data(repository, &id));
            self.storage.shift(&from, &to).await?;
        }
        progress.place = Place::Directory;
        Ok(())
    }

    /// Remembers how far an upload has come until its next request.
    pub(super) async fn put_away(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        mut progress: Progress,
    ) -> Result<()> {
        if !self.sessions.has_room() {
            self.write_down(repository, id, &mut progress).await?;
        }
        let in_directory = progress.place == Place::Directory;
        self.sessions.remember(repository, id, progress);
        if !in_directory {
            self.expect_settling(SOON);
        }
        Ok(())
    }

    /// Gives the uploads that no request works on their directories.
    pub(super) async fn write_down_all(&self) -> Result<()> {
        let mut all = Ok(());
        for (repository, id) in self.sessions.without_directory() {
            // Whoever has it sees to it.
            let Some(_claim) = self.sessions.claim_idle(&repository, id) else { continue };
            let Some(mut progress) = self.sessions.recall(&repository, id) else { continue };
            let written = self.write_down(&repository, id, &mut progress).await;
            self.sessions.remember(&repository, id, progress);
            // One that cannot be written keeps no other from it.
            all = all.and(written);
        }
        all
    }

    /// Removes what is on disk of an upload that ends without becoming a blob, or that has become one.
    pub(super) async fn discard(&self, repository: &RepositoryName, id: UploadId, place: Place) -> Result<()> {
        self.sessions.forget(repository, id);
        match place {
            Place::Nowhere { .. } => Ok(()),
            Place::Small { .. } => Ok(self.storage.delete_all(&layout::upload_small(repository, &id)).await?),
            Place::Directory => Ok(self.storage.delete_all(&layout::upload(repository, &id)).await?),
        }
    }

    /// Removes whatever there may be of an upload.
    pub(super) async fn discard_all(&self, repository: &RepositoryName, id: UploadId) -> Result<()> {
        self.sessions.forget(repository, id);
        self.storage.delete_all(&layout::upload_small(repository, &id)).await?;
        Ok(self.storage.delete_all(&layout::upload(repository, &id)).await?)
    }
}
