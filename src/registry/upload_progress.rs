//! How far an upload has come: its length and the running hash of what is there.
//!
//! The hash is kept beside the data, for the length that was synced when it was kept. After a crash the data may be longer;
//! then only the rest is read again. It is never shorter, and its kept part is what was hashed, even after a power cut.

use futures_util::TryStreamExt;

use bytes::Bytes;

use crate::oci::{Algorithm, Digest, Hasher, RepositoryName};

use super::{Registry, RegistryError, Result, UploadId, layout};

/// How far an upload has come.
pub(super) struct Progress {
    /// How many bytes have arrived.
    pub(super) offset: u64,
    /// Their hash.
    pub(super) hasher: Hasher,
    /// The length for which a hash is kept beside the data.
    kept: Option<u64>,
}

impl Registry {
    /// How far the upload has come; fails if there is no such upload.
    pub(super) async fn progress(&self, repository: &RepositoryName, id: &UploadId) -> Result<Progress> {
        let size = self.upload_size(repository, id).await?;
        let sha512 = layout::hash_states(repository, id, Algorithm::Sha512);
        let chosen = !self.storage.list(&sha512, None, 1).await?.is_empty();
        let algorithm = if chosen { Algorithm::Sha512 } else { Algorithm::Sha256 };
        let (hasher, kept) = self.kept_hash(repository, id, algorithm, size).await?;
        let hasher = self.hash_rest(repository, id, hasher, kept.unwrap_or_default(), size).await?;
        Ok(Progress { offset: size, hasher, kept })
    }

    /// How many bytes of the upload have arrived; fails if there is no such upload.
    pub(super) async fn upload_size(&self, repository: &RepositoryName, id: &UploadId) -> Result<u64> {
        let absent = |error: crate::storage::StorageError| match error.is_not_found() {
            true => RegistryError::UploadUnknown { repository: repository.clone(), upload: *id },
            false => error.into(),
        };
        self.storage.stat(&layout::upload_started(repository, id)).await.map_err(absent)?;
        match self.storage.stat(&layout::upload_data(repository, id)).await {
            Ok(meta) => Ok(meta.size),
            Err(error) if error.is_not_found() => Ok(0),
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
        from: u64,
        to: u64,
    ) -> Result<Hasher> {
        if from == to {
            return Ok(hasher);
        }
        let object = self.storage.open(&layout::upload_data(repository, id)).await?;
        let mut pieces = object.read(from..to);
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

/// Hashes where it may take its time.
pub(super) async fn update(mut hasher: Hasher, pieces: Vec<Bytes>) -> Result<Hasher> {
    let hashing = tokio::task::spawn_blocking(move || {
        for piece in &pieces {
            hasher.update(piece);
        }
        hasher
    });
    hashing.await.map_err(|error| RegistryError::Damaged(error.to_string()))
}

impl Progress {
    /// The digest of what has arrived, in the running algorithm.
    pub(super) fn digest(&self) -> Digest {
        self.hasher.clone().finish()
    }
}
