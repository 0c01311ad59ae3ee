//! The collection of garbage, while everything else goes on.
//!
//! It marks what tags lead to, and what is young, and then moves everything else into the trash: manifests first, then links,
//! then content. `docs/storage.md` argues why nothing goes that anybody may still refer to.

mod forget;
mod job;
mod last;
mod look;
mod mark;
mod marked;
mod plan;
mod read;
mod run;
mod sweep;

use std::time::Duration;

use crate::oci::{Digest, RepositoryName};

pub use job::CollectionResult;
pub use last::LastCollection;
pub use plan::{Untagged, Why};

/// What a collection is to do.
#[derive(Clone, Copy, Debug)]
pub struct CollectionTerms {
    /// What was pushed, or what a client was told is there, within this time is left alone.
    pub grace: Duration,
    /// What happens to manifests that no tag leads to.
    pub untagged: Untagged,
    /// Only say what would go.
    pub dry_run: bool,
}

/// Something that goes, or would go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Going {
    /// A repository's manifest.
    Manifest {
        /// The repository.
        repository: RepositoryName,
        /// The manifest.
        digest: Digest,
        /// Why.
        why: Why,
    },
    /// Content that no manifest refers to.
    Blob {
        /// Its digest.
        digest: Digest,
        /// Its length in bytes.
        size: u64,
    },
    /// A repository that holds nothing.
    Repository(RepositoryName),
}

/// What a collection has found and done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// Repositories that were looked at.
    pub repositories: u64,
    /// Tags in them.
    pub tags: u64,
    /// Manifests that stay, counted in each repository.
    pub manifests_kept: u64,
    /// Of these, manifests to which no tag leads.
    pub untagged_kept: u64,
    /// Different content that stays because something refers to it.
    pub marked: u64,
    /// Content that was looked at.
    pub blobs: u64,
    /// Manifests that went, or would go, counted in each repository.
    pub manifests: u64,
    /// Content that went, or would go.
    pub swept: u64,
    /// Its length, in bytes.
    pub bytes: u64,
    /// Content to which nothing leads, and which stays because it is young.
    pub young: u64,
    /// Its length, in bytes.
    pub young_bytes: u64,
    /// Links to blobs that no manifest of their repository refers to, and that went or would go.
    pub links: u64,
    /// Repositories that went, or would go, because they hold nothing.
    pub emptied: u64,
    /// The batch of the trash that has what went, if anything did.
    pub batch: Option<super::BatchId>,
    /// Whether it was stopped before its end.
    pub stopped: bool,
}

/// Somebody who follows a collection.
pub trait Follow: Send + Sync {
    /// A new part of the work begins, with so many steps, if that is known.
    fn phase(&self, phase: Phase, steps: Option<u64>);

    /// So many more steps are done.
    fn done(&self, steps: u64);

    /// Something goes, or would go.
    fn goes(&self, going: &Going);
}

/// The parts of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Reads every repository. A step is a repository.
    Marking,
    /// Removes manifests. A step is one.
    Manifests,
    /// Removes links to blobs. A step is one.
    Links,
    /// Removes content. A step is one of the directories that have it.
    Blobs,
}

/// Nobody follows.
#[derive(Clone, Copy, Debug)]
pub struct Unfollowed;

impl Follow for Unfollowed {
    fn phase(&self, _: Phase, _: Option<u64>) {}

    fn done(&self, _: u64) {}

    fn goes(&self, _: &Going) {}
}

#[cfg(test)]
mod histories;
#[cfg(test)]
mod loss_tests;
#[cfg(test)]
#[path = "collect_tests.rs"]
mod tests;
#[cfg(test)]
mod trash_tests;
