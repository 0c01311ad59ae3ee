//! Uploads: a blob on its way in.
//!
//! An upload belongs to the repository it was started in and lives in its directory alone, so it survives a restart. Whose
//! it is, its name says ([`UploadId::belongs_to`]). Whoever calls asks that first; here whoever knows the name goes on.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;

use futures_util::StreamExt;
use tracing::warn;

use crate::oci::{Algorithm, ChunkRange, Digest, Hasher, RepositoryName};
use crate::storage::Durability;

use super::remembered::weight;
use super::unsettled::SOON;
use super::upload_place::{self, Place};
use super::upload_progress::Progress;
use super::upload_receive::{self, End, Sink};
use super::upload_sessions::Claim;
use super::usage::{Room, broken};
use super::{Incoming, Owner, Registry, RegistryError, Result, UploadId, layout, links};

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
    /// They were the last of what has this digest.
    Finish(Digest),
}

impl Registry {
    /// Starts an upload, which belongs to the owner; to whoever knows its name where nobody is told apart. The bytes are
    /// hashed by the given algorithm while they arrive.
    pub async fn start_upload(
        &self,
        repository: &RepositoryName,
        owner: Option<&Owner>,
        algorithm: Algorithm,
    ) -> Result<UploadStatus> {
        self.allow_writing()?;
        let id = owner.map_or_else(UploadId::random, |owner| UploadId::owned(owner, repository));
        self.begin_upload(repository, id, algorithm).await?;
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
        incoming: impl Into<Incoming>,
    ) -> Result<UploadStatus> {
        self.allow_writing()?;
        let (registry, repository, incoming) = (self.clone(), repository.clone(), incoming.into());
        self.to_its_end(async move {
            let claim = registry.sessions.claim(&repository, id).await;
            let (progress, _room) = registry.receive(&claim, &repository, id, chunk, incoming, Then::Keep).await?;
            let offset = progress.offset;
            registry.put_away(&repository, id, progress).await?;
            Ok(UploadStatus { id, offset })
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
        incoming: impl Into<Incoming>,
    ) -> Result<()> {
        self.allow_writing()?;
        let (registry, repository, incoming) = (self.clone(), repository.clone(), incoming.into());
        self.to_its_end(async move {
            let claim = registry.sessions.claim(&repository, id).await;
            let then = Then::Finish(digest);
            let (progress, room) = registry.receive(&claim, &repository, id, chunk, incoming, then).await?;
            let found = if progress.hasher.algorithm() == digest.algorithm() {
                progress.digest()
            } else {
                // The client did not say at the start by what it would name the blob.
                let (fresh, all) = (Hasher::new(digest.algorithm()), 0..progress.offset);
                registry.hash_rest(&repository, &id, fresh, all, progress.place).await?.finish()
            };
            if found != digest {
                registry.discard(&repository, id, progress.place).await?;
                return Err(RegistryError::DigestMismatch { expected: digest, found });
            }
            let linked = registry.link_and_take_in(&repository, &id, progress.place, digest).await;
            room.conclude(&linked, &digest, progress.offset);
            match linked {
                Ok(()) => registry.discard_what_is_left(&repository, id, progress.place).await,
                Err(error) if error.is_unsynced() => Err(registry.give_up(&repository, &id, error).await),
                Err(error) => {
                    // There was no room, say. It is still whole and can be finished again.
                    registry.sessions.remember(&repository, id, progress);
                    Err(error)
                }
            }
        })
        .await
    }

    /// Makes what has arrived, and is the digest's content, a blob of the repository.
    async fn link_and_take_in(
        &self,
        repository: &RepositoryName,
        id: &UploadId,
        place: Place,
        digest: Digest,
    ) -> Result<()> {
        let _entered = self.pins.enter();
        self.pin(&digest).await;
        let _placing = self.locks.placing(&digest).await;
        // The link first: if there is no room for it, the upload is still whole and can be finished again. Until the
        // content follows, the link leads nowhere and counts as absent.
        self.link(repository, &digest, &digest).await?;
        Ok(self.take_in(&upload_place::data(repository, id, place), digest).await?)
    }

    /// Removes what is left of an upload whose bytes have become a blob.
    async fn discard_what_is_left(&self, repository: &RepositoryName, id: UploadId, place: Place) -> Result<()> {
        match place {
            Place::Nowhere { .. } | Place::Small { .. } => {
                self.sessions.forget(repository, id);
                Ok(())
            }
            Place::Directory => self.discard(repository, id, place).await,
        }
    }

    /// Writes a repository's link to a blob, as durably as a blob has to be.
    pub(super) async fn link(&self, repository: &RepositoryName, digest: &Digest, target: &Digest) -> Result<()> {
        let name = (repository.clone(), *digest);
        let changing = self.remembered.blobs.changing(&name);
        let link = layout::layer_link(repository, digest);
        if self.storage.durability() == Durability::Barrier {
            // The first manifest that refers to it settles it.
            self.storage.jot(&link, links::content(target)).await?;
            self.expect_settling(SOON);
        } else {
            self.storage.put(&link, links::content(target)).await?;
        }
        self.remembered.blobs.changed(changing, name, *target, weight(repository, 0));
        Ok(())
    }

    /// Takes a whole blob in one request. What is left of its upload should the server be killed belongs to the owner.
    pub async fn put_blob(
        &self,
        repository: &RepositoryName,
        owner: Option<&Owner>,
        digest: Digest,
        incoming: impl Into<Incoming>,
    ) -> Result<()> {
        let (registry, repository, owner, incoming) =
            (self.clone(), repository.clone(), owner.cloned(), incoming.into());
        self.to_its_end(async move {
            let upload = registry.start_upload(&repository, owner.as_ref(), digest.algorithm()).await?;
            let finished = registry.finish_upload(&repository, upload.id, digest, None, incoming).await;
            if finished.is_err() {
                // Nobody knows the upload's name, so nobody will go on with it. What cannot be removed now is purged.
                let _ = registry.discard_all(&repository, upload.id).await;
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
            registry.discard_all(&repository, id).await
        })
        .await
    }

    /// Ends an upload whose bytes could not be made durable. After a sync that failed the system may count them as written
    /// although they are not, and the next sync would say that all is well; so they have to be sent again.
    async fn give_up(&self, repository: &RepositoryName, id: &UploadId, error: RegistryError) -> RegistryError {
        // If it cannot be removed either, its hash is not kept, and what is there is read again before it counts.
        let _ = self.discard_all(repository, *id).await;
        error
    }

    /// Receives the bytes of a request, with the room for all that the upload has then.
    async fn receive(
        &self,
        claim: &Claim,
        repository: &RepositoryName,
        id: UploadId,
        chunk: Option<ChunkRange>,
        incoming: Incoming,
        then: Then,
    ) -> Result<(Progress, Arc<Room>)> {
        let Incoming { length, mut body } = incoming;
        let mut progress = self.progress(repository, &id).await?;
        let start = progress.offset;
        if let Some(chunk) = chunk.filter(|chunk| chunk.first() != start) {
            self.sessions.remember(repository, id, progress);
            return Err(RegistryError::OutOfOrder { upload: id, expected: start, found: chunk.first() });
        }
        // How far the other one came, this one could not know; and it may be an older one that a slow network delivered late.
        if chunk.is_none() && claim.took_over() {
            let mut peeked = body.peekable();
            let first = Pin::new(&mut peeked).peek();
            if let Some(Some(Ok(_))) = claim.superseded().run_until_cancelled(first).await {
                self.put_away(repository, id, progress).await?;
                return Err(RegistryError::PlaceUnknown(id));
            }
            body = peeked.boxed();
        }
        let digest = match then {
            Then::Keep => None,
            Then::Finish(digest) => Some(digest),
        };
        let announced = chunk.map(ChunkRange::length).or(length).unwrap_or_default();
        let room = match self.room(repository, digest.as_ref(), start.saturating_add(announced)).await {
            Ok(room) => room,
            Err(error) => {
                self.put_away(repository, id, progress).await?;
                return Err(error);
            }
        };
        body = room.metered(body, start);
        if start == 0
            && let Some(digest) = digest
        {
            progress.hasher = Hasher::new(digest.algorithm());
        }
        let (place, algorithm) = (progress.place, progress.hasher.algorithm());
        let before = chunk.map(|_| progress.hasher.clone());
        let mut sink = Sink::new(self, repository, id, progress);
        // Of a chunk that may turn out to be none, nothing is kept on the way.
        sink.keeps_on_the_way = chunk.is_none();
        let arrived = upload_receive::receive(sink, body, chunk.map(ChunkRange::length), claim.superseded()).await;
        let (sink, end) = match arrived {
            Err(error) if error.is_unsynced() => return Err(self.give_up(repository, &id, error).await),
            Err(error) => {
                // What is nowhere on disk, still, is only remembered.
                let nowhere = matches!(place, Place::Nowhere { .. });
                if nowhere && matches!(self.stored(repository, &id).await, Err(RegistryError::UploadUnknown { .. })) {
                    self.sessions.remember(repository, id, Progress::begin(algorithm, place));
                }
                return Err(error);
            }
            Ok(arrived) => arrived,
        };
        let whole = matches!(end, End::Whole);
        let received = sink.progress.offset - start;
        if let Some(chunk) = chunk.filter(|chunk| whole && chunk.length() != received) {
            // Which of the two is wrong cannot be known, so the chunk never was.
            let Sink { progress: Progress { kept, place, .. }, .. } = sink;
            self.storage.stage(&upload_place::data(repository, &id, place), start).await?;
            if let Some(hasher) = before {
                // Else what was there before would be read again, for each such chunk.
                self.sessions.remember(repository, id, Progress { offset: start, hasher, kept, place });
            }
            return Err(RegistryError::ChunkLength { expected: chunk.length(), found: received });
        }
        let progress = match (then, whole) {
            (Then::Finish(_), true) => sink.finish().await?,
            // Who asks for everything to survive waits for it; others go on at once.
            (Then::Keep, true)
                if self.storage.durability() != Durability::Full && !sink.progress.is_worth_keeping() =>
            {
                sink.progress
            }
            _ => match sink.rest().await {
                Err(error) if error.is_unsynced() => return Err(self.give_up(repository, &id, error).await),
                rested => rested?,
            },
        };
        let error = match end {
            End::Whole => return Ok((progress, room)),
            End::Broken(error) => broken(error),
            End::Superseded => RegistryError::UploadTakenOver(id),
        };
        // It goes on behind what arrived.
        self.put_away(repository, id, progress).await?;
        Err(error)
    }

    /// Keeps how far the uploads that are remembered have come. For the end of a server.
    pub(super) async fn keep_uploads(&self) {
        if let Err(error) = self.write_down_all().await {
            warn!(
                error = &error as &dyn Error,
                "uploads under way cannot be written to disk; their clients begin anew"
            );
        }
        for (repository, id) in self.sessions.all_remembered() {
            let _claim = self.sessions.claim(&repository, id).await;
            let Some(mut progress) = self.sessions.recall(&repository, id) else { continue };
            if progress.kept == Some(progress.offset) || progress.place != Place::Directory || progress.offset == 0 {
                continue;
            }
            let kept: Result<()> = async {
                let mut stage =
                    self.storage.stage(&upload_place::data(&repository, &id, progress.place), progress.offset).await?;
                stage.sync().await?;
                self.keep_progress(&repository, &id, &mut progress).await
            }
            .await;
            if let Err(error) = kept {
                let error = &error as &dyn Error;
                warn!(%repository, upload = %id, error, "how far an upload has come cannot be kept; it is read again");
            }
        }
    }
}
