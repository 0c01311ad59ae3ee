//! Uploads: a blob on its way in.
//!
//! An upload belongs to the repository it was started in and lives in its directory alone, so it survives a restart and
//! needs no secret to be recognised.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use bytes::Bytes;

use crate::oci::{Algorithm, ChunkRange, Digest, Hasher, RepositoryName};

use crate::storage::StorageError;

use super::upload_progress::Progress;
use super::upload_receive::{self, Body, End, Sink};
use super::upload_sessions::Claim;
use super::{Registry, RegistryError, Result, UploadId, layout, links};

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UploadStatus {
    /// Its name.
    pub id: UploadId,
    /// How many bytes have arrived; the next one goes here.
    pub offset: u64,
}

/// What happens to the bytes of a request.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Then {
    /// More will come in another request.
    Keep,
    /// They were the last.
    Finish,
}

impl Registry {
    /// Starts an upload. The bytes are hashed by the given algorithm while they arrive.
    pub async fn start_upload(&self, repository: &RepositoryName, algorithm: Algorithm) -> Result<UploadStatus> {
        self.allow_writing()?;
        let id = UploadId::random();
        let started = OffsetDateTime::now_utc().replace_nanosecond(0).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let started = started.format(&Rfc3339).map_err(|error| RegistryError::Damaged(error.to_string()))?;
        self.storage.jot(&layout::upload_started(repository, &id), Bytes::from(started)).await?;
        if algorithm != Algorithm::default() {
            // That there is a state for it says which algorithm runs.
            let state = Bytes::from(Hasher::new(algorithm).save(0));
            self.storage.jot(&layout::hash_states(repository, &id, algorithm).child("0"), state).await?;
        }
        Ok(UploadStatus { id, offset: 0 })
    }

    /// Where an upload stands.
    pub async fn upload_status(&self, repository: &RepositoryName, id: UploadId) -> Result<UploadStatus> {
        Ok(UploadStatus { id, offset: self.upload_size(repository, &id).await? })
    }

    /// Adds bytes to an upload: at its end, or, with a chunk's range, there if that is its end.
    ///
    /// If the body breaks off, what arrived is kept and the upload goes on behind it.
    pub async fn append_upload(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        chunk: Option<ChunkRange>,
        body: Body,
    ) -> Result<UploadStatus> {
        self.allow_writing()?;
        let (registry, repository) = (self.clone(), repository.clone());
        self.to_its_end(async move {
            let claim = registry.sessions.claim(&repository, id).await;
            let progress = registry.receive(&claim, &repository, id, chunk, body, Then::Keep, None).await?;
            Ok(UploadStatus { id, offset: progress.offset })
        })
        .await
    }

    /// Adds the last bytes, which may be none, to an upload and makes it a blob of the repository.
    ///
    /// If the content does not have the digest, the upload is over.
    ///
    /// Two uploads of one blob: each moves its own file to the blob's place, both files have the content that the digest
    /// names, and the second replaces the first in one step. That also heals a copy that has rotted.
    pub async fn finish_upload(
        &self,
        repository: &RepositoryName,
        id: UploadId,
        digest: Digest,
        chunk: Option<ChunkRange>,
        body: Body,
    ) -> Result<()> {
        self.allow_writing()?;
        let (registry, repository) = (self.clone(), repository.clone());
        self.to_its_end(async move {
            let claim = registry.sessions.claim(&repository, id).await;
            let wanted = Some(digest.algorithm());
            let progress = registry.receive(&claim, &repository, id, chunk, body, Then::Finish, wanted).await?;
            let found = if progress.hasher.algorithm() == digest.algorithm() {
                progress.digest()
            } else {
                // The client did not say at the start by what it would name the blob.
                let fresh = Hasher::new(digest.algorithm());
                registry.hash_rest(&repository, &id, fresh, 0, progress.offset).await?.finish()
            };
            if found != digest {
                registry.storage.delete_all(&layout::upload(&repository, &id)).await?;
                return Err(RegistryError::DigestMismatch { expected: digest, found });
            }
            let data = layout::upload_data(&repository, &id);
            // The link first: if there is no room for it, the upload is still whole and can be finished again. Until the
            // content follows, the link leads nowhere and counts as absent.
            registry.storage.put(&layout::layer_link(&repository, &digest), links::content(&digest)).await?;
            if let Err(error) = registry.storage.promote(&data, &layout::blob(&digest)).await {
                return Err(registry.give_up(&repository, &id, error).await);
            }
            Ok(registry.storage.delete_all(&layout::upload(&repository, &id)).await?)
        })
        .await
    }

    /// Takes a whole blob in one request.
    pub async fn put_blob(&self, repository: &RepositoryName, digest: Digest, body: Body) -> Result<()> {
        let (registry, repository) = (self.clone(), repository.clone());
        self.to_its_end(async move {
            let upload = registry.start_upload(&repository, digest.algorithm()).await?;
            let finished = registry.finish_upload(&repository, upload.id, digest, None, body).await;
            if finished.is_err() {
                // Nobody knows the upload's name, so nobody will go on with it. What cannot be removed now is purged.
                let _ = registry.storage.delete_all(&layout::upload(&repository, &upload.id)).await;
            }
            finished
        })
        .await
    }

    /// Gives an upload up.
    pub async fn cancel_upload(&self, repository: &RepositoryName, id: UploadId) -> Result<()> {
        self.allow_writing()?;
        let (registry, repository) = (self.clone(), repository.clone());
        self.to_its_end(async move {
            let _claim = registry.sessions.claim(&repository, id).await;
            registry.upload_size(&repository, &id).await?;
            Ok(registry.storage.delete_all(&layout::upload(&repository, &id)).await?)
        })
        .await
    }

    /// Ends an upload whose bytes could not be made durable. After a sync that failed the system may count them as written
    /// although they are not, and the next sync would say that all is well; so they have to be sent again.
    async fn give_up(&self, repository: &RepositoryName, id: &UploadId, error: StorageError) -> RegistryError {
        // If it cannot be removed either, its hash is not kept, and what is there is read again before it counts.
        let _ = self.storage.delete_all(&layout::upload(repository, id)).await;
        error.into()
    }

    #[expect(clippy::too_many_arguments, reason = "a request and its upload; a struct would be made for this one call")]
    async fn receive(
        &self,
        claim: &Claim,
        repository: &RepositoryName,
        id: UploadId,
        chunk: Option<ChunkRange>,
        body: Body,
        then: Then,
        wanted: Option<Algorithm>,
    ) -> Result<Progress> {
        let mut progress = self.progress(repository, &id).await?;
        let start = progress.offset;
        if let Some(chunk) = chunk.filter(|chunk| chunk.first() != start) {
            return Err(RegistryError::OutOfOrder { upload: id, expected: start, found: chunk.first() });
        }
        if start == 0
            && let Some(wanted) = wanted
        {
            progress.hasher = Hasher::new(wanted);
        }
        let data = layout::upload_data(repository, &id);
        let stage = self.storage.stage(&data, start).await?;
        let sink = Sink { stage, hasher: progress.hasher, received: 0 };
        let (mut sink, end) =
            upload_receive::receive(sink, body, chunk.map(ChunkRange::length), claim.superseded()).await?;
        progress.hasher = sink.hasher;
        progress.offset = start + sink.received;
        let whole = matches!(end, End::Whole);
        if let Some(chunk) = chunk.filter(|chunk| whole && chunk.length() != sink.received) {
            // Which of the two is wrong cannot be known, so the chunk never was.
            self.storage.stage(&data, start).await?;
            return Err(RegistryError::ChunkLength { expected: chunk.length(), found: sink.received });
        }
        if then == Then::Keep || !whole {
            if let Err(error) = sink.stage.sync().await {
                return Err(self.give_up(repository, &id, error).await);
            }
            self.keep_progress(repository, &id, &mut progress).await?;
        }
        match end {
            End::Whole => Ok(progress),
            End::Broken(error) => Err(RegistryError::BodyBroken(error)),
            End::Superseded => Err(RegistryError::UploadTakenOver(id)),
        }
    }
}
