//! How far an upload has come: its length and the running hash of what is there.
//!
//! The hash is kept beside the data every now and then, for a length that was synced before. After a crash the data may be
//! longer; then only the rest is read again. It is never shorter, and its kept part is what was hashed, even after a power
//! cut.

use std::ops::Range;

use bytes::Bytes;
use futures_util::TryStreamExt;
use time::OffsetDateTime;

use crate::oci::{Algorithm, Digest, Hasher, RepositoryName};

use super::upload_place::{self, Place};
use super::work::at_length;
use super::{Registry, RegistryError, Result, UploadId, layout};

/// With this many bytes more than were kept, an upload is worth keeping: reading them again takes a second.
const WORTH_KEEPING: u64 = 256 * 1024 * 1024;
/// An upload that has stopped for now is worth keeping from so many bytes on.
const WORTH_KEEPING_AT_REST: u64 = 1024 * 1024;

/// How far an upload has come.
pub(super) struct Progress {
    /// How many bytes have arrived.
    pub(super) offset: u64,
    /// Their hash.
    pub(super) hasher: Hasher,
    /// The length for which a hash is kept beside the data.
    pub(super) kept: Option<u64>,
    /// Where they are.
    pub(super) place: Place,
}

impl Progress {
    /// An upload that begins.
    pub(super) fn begin(algorithm: Algorithm, place: Place) -> Progress {
        Progress { offset: 0, hasher: Hasher::new(algorithm), kept: None, place }
    }

    /// The digest of what has arrived, in the running algorithm.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }

    /// Whether so much has arrived that it should be kept while the upload goes on.
    pub(super) fn is_worth_keeping(&self) -> bool {
        self.offset - self.kept.unwrap_or_default() >= WORTH_KEEPING
    }

    /// Whether it should be kept now that nothing arrives.
    pub(super) fn is_worth_keeping_at_rest(&self) -> bool {
        self.place == Place::Directory && self.offset - self.kept.unwrap_or_default() >= WORTH_KEEPING_AT_REST
    }
}

impl Registry {
    /// How far the upload has come; fails if there is no such upload.
    pub(super) async fn progress(&self, repository: &RepositoryName, id: &UploadId) -> Result<Progress> {
        if let Some(remembered) = self.sessions.recall(repository, *id) {
            return Ok(remembered);
        }
        let (size, place) = self.stored(repository, id).await?;
        if place != Place::Directory {
            let hasher = self.hash_rest(repository, id, Hasher::new(Algorithm::default()), 0..size, place).await?;
            return Ok(Progress { offset: size, hasher, kept: None, place });
        }
        let sha512 = layout::hash_states(repository, id, Algorithm::Sha512);
        let chosen = !self.storage.list(&sha512, None, 1).await?.is_empty();
        let algorithm = if chosen { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let (hasher, kept) = self.kept_hash(repository, id, algorithm, size).await?;
        let hasher = self.hash_rest(repository, id, hasher, kept.unwrap_or_default()..size, place).await?;
        Ok(Progress { offset: size, hasher, kept, place })
    }

    /// How many bytes of the upload have arrived; fails if there is no such upload.
    pub(super) async fn upload_size(&self, repository: &RepositoryName, id: &UploadId) -> Result<u64> {
        if let Some(offset) = self.sessions.remembered_offset(repository, *id) {
            return Ok(offset);
        }
        match self.stored(repository, id).await {
            // A request works on it, of which nothing has arrived yet.
            Err(RegistryError::UploadUnknown { .. }) if self.sessions.is_beginning(repository, *id) => Ok(0),
            stored => Ok(stored?.0),
        }
    }

    /// How many bytes of the upload are on disk, and where.
    pub(super) async fn stored(&self, repository: &RepositoryName, id: &UploadId) -> Result<(u64, Place)> {
        match self.storage.stat(&layout::upload_small(repository, id)).await {
            Ok(meta) => {
                let began = meta.modified.map_or(OffsetDateTime::UNIX_EPOCH, OffsetDateTime::from);
                return Ok((meta.size, Place::Small { began }));
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        let absent = |error: crate::storage::StorageError| match error.is_not_found() {
            true => RegistryError::UploadUnknown { repository: repository.clone(), upload: *id },
            false => error.into(),
        };
        self.storage.stat(&layout::upload_started(repository, id)).await.map_err(absent)?;
        match self.storage.stat(&layout::upload_data(repository, id)).await {
            Ok(meta) => Ok((meta.size, Place::Directory)),
            Err(error) if error.is_not_found() => Ok((0, Place::Directory)),
            Err(error) => Err(error.into()),
        }
    }

    /// The kept hash of the most bytes, with their number.
    async fn kept_hash(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        algorithm: Algorithm,
        size: u64,
    ) -> Result<(Hasher, Option<u64>)> {
        let states = layout::hash_states(repository, id, algorithm);
        let entries = self.storage.list(&states, None, usize::MAX).await?;
        let mut offsets: Vec<u64> = entries.iter().filter_map(|entry| entry.name.parse().ok()).collect();
        offsets.retain(|offset| *offset <= size);
        offsets.sort_unstable();
        for offset in offsets.into_iter().rev() {
            let state = self.storage.get(&states.child(&offset.to_string())).await.unwrap_or_default();
            if let Some(hasher) = Hasher::restore(algorithm, &state, offset) {
                return Ok((hasher, Some(offset)));
            }
        }
        Ok((Hasher::new(algorithm), None))
    }

    /// Takes what is stored between two offsets into the hash.
    pub(super) async fn hash_rest(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        mut hasher: Hasher,
        range: Range<u64>,
        place: Place,
    ) -> Result<Hasher> {
        if range.is_empty() {
            return Ok(hasher);
        }
        let object = self.storage.open(&upload_place::data(repository, id, place)).await?;
        let mut pieces = object.read(range);
        while let Some(piece) = pieces.try_next().await? {
            hasher = update(hasher, vec![piece]).await?;
        }
        Ok(hasher)
    }

    /// Keeps the hash of what has arrived, which the caller has synced.
    pub(super) async fn keep_progress(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        progress: &mut Progress,
    ) -> Result<()> {
        if progress.kept == Some(progress.offset) {
            return Ok(());
        }
        let states = layout::hash_states(repository, id, progress.hasher.algorithm());
        let state = Bytes::from(progress.hasher.save(progress.offset));
        self.storage.jot(&states.child(&progress.offset.to_string()), state).await?;
        // The new one first: without any, the whole would be read again.
        if let Some(before) = progress.kept.replace(progress.offset) {
            self.storage.delete(&states.child(&before.to_string())).await?;
        }
        Ok(())
    }
}

/// Hashes, what is long where it may take its time.
pub(super) async fn update(mut hasher: Hasher, pieces: Vec<Bytes>) -> Result<Hasher> {
    let length = pieces.iter().map(Bytes::len).sum();
    at_length(length, move || {
        for piece in &pieces {
            hasher.update(piece);
        }
        Ok(hasher)
    })
    .await
}
