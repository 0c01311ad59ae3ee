//! How operations on the registry fail, in words that a client's user can act on.

use std::time::SystemTime;

use crate::oci::{Digest, ErrorCode, ManifestError, MediaType, Reference, RepositoryName, Tag};
use crate::storage::StorageError;

use super::{Actor, JobId, JobKind, OverQuota, UploadId, history};

/// The result of an operation on the registry.
pub type Result<T> = std::result::Result<T, RegistryError>;

/// Why an operation was refused or failed.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// The repository does not hold the blob.
    #[error("repository {repository} holds no blob {digest}{hint}")]
    BlobUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        digest: Digest,
        /// What the person may have meant.
        hint: Hint,
    },
    /// The repository does not hold the manifest.
    #[error("repository {repository} holds no manifest {reference}{hint}")]
    ManifestUnknown {
        /// Where it was looked for.
        repository: RepositoryName,
        /// What was looked for.
        reference: Reference,
        /// What the person may have meant.
        hint: Hint,
    },
    /// Nothing was ever pushed to the repository.
    #[error("there is no repository {repository}{hint}")]
    RepositoryUnknown {
        /// What was looked for.
        repository: RepositoryName,
        /// What the person may have meant.
        hint: Hint,
    },
    /// The upload is not one of the repository's, or was finished, cancelled or purged.
    #[error("repository {repository} has no upload {upload}; start a new one")]
    UploadUnknown {
        /// The repository that was named.
        repository: RepositoryName,
        /// The upload that was named.
        upload: UploadId,
    },
    /// Another request goes on with the upload.
    #[error("upload {0} was taken over by a later request; ask for its status and go on from there")]
    UploadTakenOver(UploadId),
    /// Another request was sending to the upload, and this one does not say where its bytes belong.
    #[error(
        "another request was sending to upload {0}, so it cannot be told where these bytes belong; ask for the upload's \
         status and say with Content-Range from where on you send"
    )]
    PlaceUnknown(UploadId),
    /// The client's bytes stopped before their end. What arrived is kept where it can be.
    #[error("the request's body broke off")]
    BodyBroken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bytes are not those that the digest names.
    #[error("the content has the digest {found}, not {expected}")]
    DigestMismatch {
        /// What the client said.
        expected: Digest,
        /// What the bytes are.
        found: Digest,
    },
    /// A chunk does not start where the upload ends.
    #[error("the chunk starts at {found} but the upload goes on at {expected}")]
    OutOfOrder {
        /// The upload.
        upload: UploadId,
        /// The offset at which the upload goes on.
        expected: u64,
        /// The offset of the chunk.
        found: u64,
    },
    /// A chunk is longer or shorter than it said.
    #[error("the chunk's Content-Range says {expected} bytes, its body has {found}")]
    ChunkLength {
        /// What its range says.
        expected: u64,
        /// What arrived.
        found: u64,
    },
    /// The body is not a manifest that can be accepted.
    #[error(transparent)]
    ManifestInvalid(#[from] ManifestError),
    /// The manifest refers to what the repository does not hold.
    #[error("the manifest refers to what repository {repository} does not hold; push it first: {}", join(missing))]
    ReferencesUnknown {
        /// The repository.
        repository: RepositoryName,
        /// What is missing.
        missing: Vec<Digest>,
    },
    /// The manifest points clients to a URL that is not allowed.
    #[error("the manifest refers to {url:?}; an operator can allow it with validation.manifests.urls.allow")]
    UrlRefused {
        /// The URL.
        url: String,
    },
    /// The tag or manifest is not in the state that the client demanded (RFC 9110 §13).
    #[error("{reference} {state}")]
    PreconditionFailed {
        /// What was to be changed.
        reference: Reference,
        /// What it is instead.
        state: ActualState,
    },
    /// The put may create tags only, and one of its tags points somewhere already.
    #[error(
        "tag {tag} exists already in repository {repository} and is {digest}; you may create tags there but not move \
         them, so push under another tag"
    )]
    WouldOverwrite {
        /// The repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// What it points at.
        digest: Digest,
    },
    /// The put may create manifests only, and the repository serves this one as another type.
    #[error(
        "repository {repository} holds {digest} already, as {held}; you may add manifests there but not change them, so it \
         cannot become {asked}"
    )]
    WouldRetype {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// What it is served as.
        held: MediaType,
        /// What it was to be put as.
        asked: MediaType,
    },
    /// No job has this name, or it has been over for long.
    #[error("there is no job {0}; it may be over for long, or the server was started anew since")]
    JobUnknown(JobId),
    /// Another job of this kind runs.
    #[error("{kind} job {job} is running already; wait for its end, or stop it")]
    JobRunning {
        /// What is to be done.
        kind: JobKind,
        /// Who does it already.
        job: JobId,
    },
    /// The tag stays where it is.
    #[error(
        "tag {tag} of repository {repository} is immutable{}: it can be neither moved nor removed, nor can its manifest be \
         deleted or what that consists of; push under another tag, or ask an administrator to change {rule} in the \
         registry's configuration",
        PointsAt(digest.as_ref())
    )]
    TagImmutable {
        /// The repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
        /// What it points at, for those who may see it.
        digest: Option<Digest>,
        /// The key of the rule.
        rule: String,
    },
    /// A namespace may not hold as much.
    #[error(transparent)]
    QuotaExceeded(#[from] OverQuota),
    /// The tag cannot point at a manifest that is gone.
    #[error("repository {repository} holds no manifest {digest} any more{removal}; wharf trash may still have it")]
    ManifestRemoved {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// When it went, if that is known.
        removal: Removal,
    },
    /// The tag has never pointed at anything else, or nothing of it is left.
    #[error(
        "of what tag {tag} of repository {repository} has pointed at before nothing is left to go back to; its history says \
         what it was, and wharf trash may still have some of it"
    )]
    NothingToGoBackTo {
        /// The repository.
        repository: RepositoryName,
        /// The tag.
        tag: Tag,
    },
    /// Deleting is switched off.
    #[error("deleting is switched off; an operator can allow it with storage.delete.enabled: true")]
    DeleteDisabled,
    /// Changing is switched off.
    #[error("the registry is read-only; an operator can change it with storage.maintenance.readonly.enabled: false")]
    ReadOnly,
    /// The disk or the quota is full.
    #[error("there is no room left to store this")]
    Full(#[source] StorageError),
    /// The storage was short of something, or could not write what was sent.
    #[error("the registry could not store or read this just now; try again")]
    Passing(#[source] StorageError),
    /// The storage failed.
    #[error("the storage failed")]
    Storage(#[source] StorageError),
    /// What is stored contradicts itself.
    #[error("what is stored is damaged: {0}")]
    Damaged(String),
    /// A manifest cannot be read, so nobody knows what must be kept because of it.
    #[error(
        "nothing was removed: manifest {digest} in {repository} {reason}, so it is not known what it refers to. Push it again, \
         or delete it; wharf check says what else is wrong"
    )]
    Unreadable {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Most of the repositories that were there are not found.
    #[error(
        "nothing was removed: of {before} repositories that were there lately {found} are found. Is every disk mounted that has \
         some of them? If they are gone for good, remove the file {noted} from the volume, and collect again"
    )]
    RepositoriesMissing {
        /// How many there were.
        before: u64,
        /// How many there are.
        found: u64,
        /// Where it is noted how many there were.
        noted: crate::storage::Key,
    },
    /// Another server uses the volume, and nobody knows what its clients rely on.
    #[error(
        "another server runs on this volume, and nobody knows what its clients rely on, so nothing more was removed; stop \
         one of them, or collect garbage while no server runs"
    )]
    Shared,
    /// Work was stopped before its end, because somebody wanted that.
    #[error("it was stopped before its end")]
    Stopped,
    /// There is no such batch in the trash.
    #[error("the trash has no batch {0}; it may have been restored or emptied already")]
    BatchUnknown(super::BatchId),
}

/// The state that a precondition met.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActualState {
    /// It is there already.
    #[error("exists already and is {0}; it was to be created only")]
    Exists(Digest),
    /// It is another one.
    #[error("is {0} by now, not what If-Match says; look at it again")]
    Is(Digest),
    /// It is not there.
    #[error("does not exist, so it cannot be what If-Match says")]
    Absent,
}

/// When a manifest was deleted, and by whom, if that is known.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Removal(pub(super) Option<(SystemTime, Actor)>);

impl std::fmt::Display for Removal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some((at, by)) => write!(f, ": it was deleted at {} by {by}", history::moment(*at)),
            None => Ok(()),
        }
    }
}

/// What a tag points at, where that may be said.
struct PointsAt<'a>(Option<&'a Digest>);

impl std::fmt::Display for PointsAt<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.map_or(Ok(()), |digest| write!(f, " and is {digest}"))
    }
}

/// A sentence about what the person may have meant; often none.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Hint(pub(super) Option<RepositoryName>);

impl std::fmt::Display for Hint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(meant) => write!(
                f,
                ". \"v2/\" is part of the registry's API, not of an image's name: there is a repository {meant}, so leave \
                 the \"v2/\" out, as in HOST/{meant}"
            ),
            None => Ok(()),
        }
    }
}

impl RegistryError {
    /// Whether bytes could not be synced, so that they have to be sent again.
    pub(super) fn is_unsynced(&self) -> bool {
        matches!(
            self,
            RegistryError::Full(StorageError::Unsynced { .. }) | RegistryError::Passing(StorageError::Unsynced { .. })
        )
    }

    /// The repository that the message names, or of whose content it tells, so that it is only for somebody who may see that.
    pub fn hinted(&self) -> Option<&RepositoryName> {
        match self {
            RegistryError::BlobUnknown { hint, .. }
            | RegistryError::ManifestUnknown { hint, .. }
            | RegistryError::RepositoryUnknown { hint, .. } => hint.0.as_ref(),
            RegistryError::TagImmutable { repository, .. } => Some(repository),
            _ => None,
        }
    }

    /// The same error without that: as it is where no other repository is meant, and without what a tag points at.
    #[must_use]
    pub fn without_hint(mut self) -> RegistryError {
        if let RegistryError::BlobUnknown { hint, .. }
        | RegistryError::ManifestUnknown { hint, .. }
        | RegistryError::RepositoryUnknown { hint, .. } = &mut self
        {
            *hint = Hint::default();
        }
        if let RegistryError::TagImmutable { digest, .. } = &mut self {
            *digest = None;
        }
        self
    }

    /// The code that clients are told.
    pub fn code(&self) -> ErrorCode {
        match self {
            RegistryError::BlobUnknown { .. } => ErrorCode::BlobUnknown,
            RegistryError::ManifestUnknown { .. }
            | RegistryError::ManifestRemoved { .. }
            | RegistryError::NothingToGoBackTo { .. } => ErrorCode::ManifestUnknown,
            RegistryError::RepositoryUnknown { .. } => ErrorCode::NameUnknown,
            RegistryError::UploadUnknown { .. } => ErrorCode::BlobUploadUnknown,
            RegistryError::UploadTakenOver(_) | RegistryError::PlaceUnknown(_) | RegistryError::BodyBroken(_) => {
                ErrorCode::BlobUploadInvalid
            }
            RegistryError::DigestMismatch { .. } => ErrorCode::DigestInvalid,
            RegistryError::OutOfOrder { .. } => ErrorCode::RangeInvalid,
            RegistryError::ChunkLength { .. } => ErrorCode::SizeInvalid,
            RegistryError::ManifestInvalid(_) | RegistryError::UrlRefused { .. } => ErrorCode::ManifestInvalid,
            RegistryError::ReferencesUnknown { .. } => ErrorCode::ManifestBlobUnknown,
            RegistryError::PreconditionFailed { .. } => ErrorCode::PreconditionFailed,
            RegistryError::JobUnknown(_) => ErrorCode::JobUnknown,
            RegistryError::JobRunning { .. } => ErrorCode::JobRunning,
            RegistryError::WouldOverwrite { .. }
            | RegistryError::WouldRetype { .. }
            | RegistryError::TagImmutable { .. }
            | RegistryError::QuotaExceeded(_) => ErrorCode::Denied,
            RegistryError::DeleteDisabled | RegistryError::ReadOnly => ErrorCode::Unsupported,
            RegistryError::Full(_) | RegistryError::Passing(_) => ErrorCode::Unavailable,
            RegistryError::Stopped | RegistryError::Shared => ErrorCode::Unavailable,
            RegistryError::BatchUnknown(_) => ErrorCode::NameUnknown,
            RegistryError::Storage(_)
            | RegistryError::Damaged(_)
            | RegistryError::RepositoriesMissing { .. }
            | RegistryError::Unreadable { .. } => ErrorCode::Unknown,
        }
    }
}

fn join(digests: &[Digest]) -> String {
    digests.iter().map(Digest::to_string).collect::<Vec<_>>().join(", ")
}

impl From<(Tag, ActualState)> for RegistryError {
    fn from((tag, state): (Tag, ActualState)) -> Self {
        RegistryError::PreconditionFailed { reference: Reference::Tag(tag), state }
    }
}

impl From<StorageError> for RegistryError {
    fn from(error: StorageError) -> Self {
        if error.is_full() {
            RegistryError::Full(error)
        } else if error.is_passing() {
            RegistryError::Passing(error)
        } else {
            RegistryError::Storage(error)
        }
    }
}
