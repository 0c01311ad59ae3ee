//! What a volume holds, in figures: a job that walks over all of it.
//!
//! What something weighs is the length of the content that its links lead to, each content once. That is what is on disk
//! for all repositories together; summed over the repositories, it is what would be without sharing.

mod gather;

use std::time::Duration;

use crate::oci::RepositoryName;

use super::{ByteSize, Effort, QuotaUse};

/// As many repositories are named in each list.
const MOST: usize = 10;
const DAY: Duration = Duration::from_secs(24 * 3600);
/// What came within this time is what a repository has grown by lately.
const LATELY: [Duration; 2] = [DAY.saturating_mul(7), DAY.saturating_mul(30)];

/// What is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatisticsTerms {
    /// Only what is in this namespace: the repository of this name and all below it.
    pub below: Option<RepositoryName>,
    /// How busy the work may be.
    pub effort: Effort,
}

/// A repository's share of something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    /// The repository.
    pub repository: RepositoryName,
    /// How much, in bytes.
    pub bytes: ByteSize,
}

/// What a volume, or a namespace, holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// The namespace, if only that was looked at.
    pub below: Option<RepositoryName>,
    /// Repositories that hold anything.
    pub repositories: u64,
    /// Tags that point somewhere.
    pub tags: u64,
    /// Different manifests.
    pub manifests: u64,
    /// Different content that is held as a blob and as no manifest.
    pub blobs: u64,
    /// The length of all these manifests and blobs.
    pub bytes: ByteSize,
    /// The same summed over repositories: what would be stored without sharing.
    pub unshared: ByteSize,
    /// The largest repositories, the largest first.
    pub largest: Vec<Share>,
    /// What repositories have come to hold within the last seven days, by the times of their links; the most first.
    pub growing_7_days: Vec<Share>,
    /// The same within thirty days.
    pub growing_30_days: Vec<Share>,
    /// Uploads under way.
    pub uploads: u64,
    /// What else there is, if the whole volume was looked at.
    pub volume: Option<Volume>,
    /// How much of their quotas namespaces use.
    pub quotas: Vec<QuotaUse>,
}

/// What is said of a volume as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Volume {
    /// All content in its place, whether or not any repository holds it.
    pub stored: ByteSize,
    /// Batches in the trash.
    pub trash_batches: u64,
    /// The length of the content in them.
    pub trash: ByteSize,
    /// What a collection would remove now.
    pub reclaimable: Reclaimable,
}

/// What a collection would remove.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reclaimable {
    /// So much.
    Bytes(ByteSize),
    /// It cannot be told, for this reason.
    Unknown(String),
}

impl Default for Reclaimable {
    fn default() -> Reclaimable {
        Reclaimable::Bytes(ByteSize(0))
    }
}

/// Puts a share into a list of the largest, in order; of equal ones the first stays first.
fn rank(list: &mut Vec<Share>, share: Share) {
    if share.bytes.0 == 0 {
        return;
    }
    let place = list.partition_point(|other| other.bytes >= share.bytes);
    list.insert(place, share);
    list.truncate(MOST);
}

#[cfg(test)]
mod tests;
