//! What a registry does: blobs, uploads, manifests, tags, referrers, the catalog. OCI values in, OCI values out.
//!
//! Knows nothing of HTTP: the front door, the command line and the tests call the same methods of [`Registry`]. Each file
//! adds the methods of its subject.

mod actor;
mod blobs;
mod cache;
mod cache_locks;
#[cfg(test)]
mod cache_tests;
mod catalog;
mod check;
mod clock;
mod collect;
mod effort;
mod error;
mod history;
mod immutable;
mod incoming;
mod jobs;
mod layout;
mod links;
mod locks;
mod manifests;
mod membership;
mod overwrite;
mod page;
mod pin_locks;
mod pin_table;
mod pins;
mod point_tag;
mod pulls;
mod put_manifest;
mod referrers;
mod referrers_rebuild;
mod remembered;
mod repositories;
mod retention;
mod settings;
mod stats;
mod tags;
mod tidy;
mod trash;
mod unsettled;
mod upkeep;
mod upload_id;
mod upload_place;
mod upload_progress;
mod upload_purge;
mod upload_receive;
mod upload_sessions;
mod uploads;
mod usage;
mod visible;
mod work;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::SystemTime;

use tokio_util::task::TaskTracker;

use crate::oci::RepositoryName;
use crate::storage::Storage;

pub use actor::Actor;
pub use blobs::{Blob, Mount, MountFrom};
pub use check::{
    Amount, CheckOptions, CheckReport, Count, Damage, Defect, Finding, LookedAt, Outcome, Sample, SampleError, Scrub,
    Severity, UploadDamage,
};
pub use clock::{Clock, SystemClock};
pub use collect::{
    Collected, CollectionResult, CollectionTerms, Follow, Going, LastCollection, Phase, Unfollowed, Untagged, Why,
};
pub use effort::{Effort, EffortError};
pub use error::{ActualState, Hint, RegistryError, Removal, Result};
pub use history::{DeletedTag, How, Move, moment};
pub use immutable::{ImmutableRule, ImmutableTags};
pub use incoming::Incoming;
pub use jobs::{Ended, JobHandle, JobId, JobIdError, JobKind, JobReport, JobResult, JobState, Progress, ProgressNow};
pub use manifests::StoredManifest;
pub use overwrite::Overwrite;
pub use page::{Listing, Page};
pub use point_tag::PointedTag;
pub use pulls::{Pulled, RepositoryPulls};
pub use put_manifest::{NewManifest, Precondition, PutManifest};
pub use referrers::Referrers;
pub use retention::{
    Condition, Fate, Judged, Keep, Kept, Previewed, Retained, Retention, RetentionPlace, RetentionRule, RetentionTerms,
};
pub use settings::{Collection, IndexPlatforms, Platform, References, Settings, UploadPurging, UrlRules, Validation};
pub use stats::{Reclaimable, Share, Statistics, StatisticsTerms, Volume};
pub use trash::{
    Action as TrashAction, BatchId, BatchIdError, Contents, Emptied, Emptying, Removed, Restored, What as TrashedBy,
};
pub use upload_id::{Owner, UploadId, UploadIdError};
pub use upload_purge::Purged;
pub use upload_receive::Body;
pub use uploads::UploadStatus;
pub use usage::{ByteSize, ByteSizeError, Namespace, OverQuota, Quota, QuotaUse, Quotas};
pub use visible::{Everything, Visible};

/// A registry over some storage. Cheap to clone; the clones are one registry.
#[derive(Clone, Debug)]
pub struct Registry {
    storage: Arc<dyn Storage>,
    settings: Arc<Settings>,
    locks: Arc<locks::Locks>,
    sessions: Arc<upload_sessions::Sessions>,
    unsettled: Arc<unsettled::Unsettled>,
    remembered: Arc<remembered::Remembered>,
    pins: Arc<pins::Pins>,
    upkeep: Arc<upkeep::Upkeep>,
    pulls: Arc<pulls::Pulls>,
    previewing: Arc<retention::Previewing>,
    /// How many uploads' bytes are being worked on.
    receiving: Arc<AtomicUsize>,
    clock: Arc<dyn Clock>,
    /// When this process began.
    began: SystemTime,
    jobs: Arc<jobs::Jobs>,
    usage: Arc<usage::Usage>,
    /// Work that goes on when the one who asked for it has gone away.
    work: TaskTracker,
}

impl Registry {
    /// A registry of what is in the storage.
    pub fn new(storage: Arc<dyn Storage>, settings: Settings) -> Registry {
        Registry::by_the_clock(storage, settings, Arc::new(SystemClock::default()))
    }

    /// The same, told the time by something else than the system.
    pub fn by_the_clock(storage: Arc<dyn Storage>, settings: Settings, clock: Arc<dyn Clock>) -> Registry {
        Registry {
            storage,
            settings: Arc::new(settings),
            locks: Arc::new(locks::Locks::new()),
            sessions: Arc::default(),
            unsettled: Arc::default(),
            remembered: Arc::new(remembered::Remembered::new()),
            pins: Arc::new(pins::Pins::new()),
            upkeep: Arc::default(),
            pulls: Arc::new(pulls::Pulls::since(clock.now())),
            previewing: Arc::default(),
            receiving: Arc::default(),
            began: clock.now(),
            clock,
            jobs: Arc::default(),
            usage: Arc::default(),
            work: TaskTracker::new(),
        }
    }

    /// What the operator decided.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the storage can be reached right now; for health checks.
    pub async fn check_storage(&self) -> Result<()> {
        Ok(self.storage.check().await?)
    }

    /// Refuses every change while the registry is read-only.
    fn allow_writing(&self) -> Result<()> {
        if self.settings.read_only { Err(RegistryError::ReadOnly) } else { Ok(()) }
    }

    /// Refuses to delete while that is switched off.
    fn allow_deleting(&self) -> Result<()> {
        self.allow_writing()?;
        if self.settings.delete_enabled { Ok(()) } else { Err(RegistryError::DeleteDisabled) }
    }

    /// What the person who asked for this repository may have meant.
    async fn hint(&self, repository: &RepositoryName) -> Hint {
        let meant = repository.as_str().strip_prefix("v2/").and_then(|rest| rest.parse().ok());
        match meant {
            Some(meant) if self.repository_exists(&meant).await.unwrap_or(false) => Hint(Some(meant)),
            _ => Hint(None),
        }
    }
}

#[cfg(test)]
mod apart_tests;
#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod power_cut;
#[cfg(test)]
mod samples;
