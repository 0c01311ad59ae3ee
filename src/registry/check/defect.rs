//! What can be wrong on a volume: each defect as a value, where it is, what it means, and what to do about it.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::Key;

use crate::registry::{BatchId, UploadId, layout};

/// Something that is wrong on the volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "defect", rename_all = "kebab-case")]
pub enum Defect {
    /// The bytes of a blob or a manifest do not hash to its name.
    Rotten {
        /// Its name.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// The directory of a content has no content in it.
    EmptyBlob {
        /// The content's name.
        digest: Digest,
    },
    /// Something that is not ours is beside a content.
    Foreign {
        /// Where it is.
        path: String,
    },
    /// A copy of a content is in the trash for a batch that is gone, so nothing empties it.
    TrashOrphan {
        /// The content's name.
        digest: Digest,
        /// The batch.
        batch: BatchId,
        /// Its length in bytes.
        size: u64,
    },
    /// A repository has a link to a content that is in the trash alone.
    InTrash {
        /// Whose link it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The content's name.
        digest: Digest,
    },
    /// What a program that was killed had begun to write.
    Stray {
        /// Where it is.
        #[serde(serialize_with = "text")]
        path: Key,
    },
    /// A link to a blob is none.
    LayerDamaged {
        /// Whose link it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// What it should lead to.
        digest: Digest,
        /// What it holds instead.
        damage: Damage,
    },
    /// A link leads to a blob whose content is gone, and no manifest of the repository needs it.
    LayerDangling {
        /// Whose link it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// What it leads to.
        digest: Digest,
    },
    /// A link to a manifest is none.
    RevisionDamaged {
        /// Whose link it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// What it should lead to.
        digest: Digest,
        /// What it holds instead.
        damage: Damage,
    },
    /// A link leads to a manifest whose content is gone.
    RevisionDangling {
        /// Whose link it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// What it leads to.
        digest: Digest,
    },
    /// What is linked as a manifest is none, or of a type that nobody knows any more.
    NotAManifest {
        /// Who holds it.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// Its name.
        digest: Digest,
    },
    /// A manifest refers to what the repository does not hold, or to what is gone or rotten.
    Incomplete {
        /// Who holds it.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// Its name.
        digest: Digest,
        /// What is missing; the first few.
        missing: Vec<Digest>,
        /// How much is missing.
        missing_count: usize,
        /// Tags that lead to it; some of them.
        #[serde(serialize_with = "texts")]
        tags: Vec<Tag>,
    },
    /// A tag's link is none.
    TagDamaged {
        /// Where the tag is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The tag.
        #[serde(serialize_with = "text")]
        tag: Tag,
        /// What its link holds.
        damage: Damage,
        /// The newest digest in the tag's history that is still whole.
        newest: Option<Digest>,
    },
    /// A tag points at what the repository does not hold or cannot serve.
    TagNowhere {
        /// Where the tag is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The tag.
        #[serde(serialize_with = "text")]
        tag: Tag,
        /// What it points at.
        digest: Digest,
    },
    /// A tag's history does not list what the tag points at.
    TagUnlisted {
        /// Where the tag is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The tag.
        #[serde(serialize_with = "text")]
        tag: Tag,
        /// What it points at.
        digest: Digest,
    },
    /// A manifest is not noted under its subject, and no start of the server would note it.
    ReferrerMissing {
        /// Who holds it.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// What it refers to.
        subject: Digest,
        /// The manifest.
        digest: Digest,
    },
    /// A subject's note of a manifest is damaged, or describes something else.
    ReferrerWrong {
        /// Where the note is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The subject.
        subject: Digest,
        /// The manifest.
        digest: Digest,
    },
    /// A subject has a note of a manifest that the repository does not hold.
    ReferrerOrphan {
        /// Where the note is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The subject.
        subject: Digest,
        /// The manifest.
        digest: Digest,
    },
    /// The note of a manifest's type is damaged.
    TypeDamaged {
        /// Where the note is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// There is a note of the type of a manifest that the repository does not hold.
    TypeOrphan {
        /// Where the note is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
    },
    /// An upload cannot be gone on with as it should.
    UploadDamaged {
        /// Where it is.
        #[serde(serialize_with = "text")]
        repository: RepositoryName,
        /// Its name.
        #[serde(serialize_with = "text")]
        upload: UploadId,
        /// What is wrong with it.
        damage: UploadDamage,
    },
    /// A blob that was pushed before the last stop is not in its place.
    Unsettled {
        /// Its name.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// Something cannot be read, so it is not known whether it is well.
    Unreadable {
        /// What it is.
        path: String,
        /// Why it cannot be read.
        reason: String,
    },
}

/// What a link holds instead of what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// Nothing.
    Empty,
    /// What is no digest.
    NoDigest,
    /// Another digest.
    Names(Digest),
}

/// What is wrong with an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UploadDamage {
    /// It does not say when it began.
    NoStart,
    /// A running hash was kept for more bytes than there are.
    Short,
}

/// How bad a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is wrong with what is served; it is only worth knowing.
    Remark,
    /// Nothing that was pushed is lost, but something is not as it should be.
    Untidy,
    /// Something that was pushed cannot be pulled.
    Broken,
}

/// What to do about a defect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Repairing does this.
    Repair(&'static str),
    /// Only a person can.
    ByHand(&'static str),
}

fn text<S: Serializer>(name: &impl fmt::Display, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(name)
}

fn texts<S: Serializer>(names: &[Tag], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(names.iter().map(Tag::as_str))
}

impl Defect {
    /// Where it is, below the root of the volume.
    pub fn path(&self) -> String {
        let key = match self {
            Defect::Rotten { digest, .. } => layout::blob(digest),
            Defect::EmptyBlob { digest } => layout::blob_directory(digest),
            Defect::Foreign { path } | Defect::Unreadable { path, .. } => return path.clone(),
            Defect::TrashOrphan { digest, batch, .. } => layout::trashed_blob(digest, batch),
            Defect::InTrash { digest, .. } => layout::blob(digest),
            Defect::Stray { path } => path.clone(),
            Defect::LayerDamaged { repository, digest, .. } | Defect::LayerDangling { repository, digest } => {
                layout::layer_link(repository, digest)
            }
            Defect::RevisionDamaged { repository, digest, .. }
            | Defect::RevisionDangling { repository, digest }
            | Defect::NotAManifest { repository, digest }
            | Defect::Incomplete { repository, digest, .. } => layout::revision_link(repository, digest),
            Defect::TagDamaged { repository, tag, .. } | Defect::TagNowhere { repository, tag, .. } => {
                layout::tag_current(repository, tag)
            }
            Defect::TagUnlisted { repository, tag, digest } => layout::tag_index(repository, tag, digest),
            Defect::ReferrerMissing { repository, subject, digest }
            | Defect::ReferrerWrong { repository, subject, digest }
            | Defect::ReferrerOrphan { repository, subject, digest } => layout::referrer(repository, subject, digest),
            Defect::TypeDamaged { repository, digest } | Defect::TypeOrphan { repository, digest } => {
                layout::manifest_type(repository, digest)
            }
            Defect::UploadDamaged { repository, upload, .. } => layout::upload(repository, upload),
            Defect::Unsettled { digest, .. } => layout::unsettled(digest),
        };
        key.to_string()
    }

    /// How bad it is.
    pub fn severity(&self) -> Severity {
        match self {
            Defect::Rotten { .. }
            | Defect::NotAManifest { .. }
            | Defect::Incomplete { .. }
            | Defect::TagDamaged { .. }
            | Defect::TagNowhere { .. }
            | Defect::Unreadable { .. } => Severity::Broken,
            Defect::LayerDamaged { .. }
            | Defect::LayerDangling { .. }
            | Defect::RevisionDamaged { .. }
            | Defect::RevisionDangling { .. }
            | Defect::TagUnlisted { .. }
            | Defect::ReferrerMissing { .. }
            | Defect::ReferrerWrong { .. }
            | Defect::ReferrerOrphan { .. }
            | Defect::TypeDamaged { .. }
            | Defect::TypeOrphan { .. }
            | Defect::EmptyBlob { .. }
            | Defect::TrashOrphan { .. }
            | Defect::InTrash { .. }
            | Defect::Stray { .. } => Severity::Untidy,
            Defect::Foreign { .. } | Defect::UploadDamaged { .. } | Defect::Unsettled { .. } => Severity::Remark,
        }
    }
}
