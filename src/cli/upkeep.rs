//! Collecting garbage and emptying the trash without being asked.

use std::error::Error;
use std::time::{Duration, SystemTime};

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::registry::{Actor, CollectionTerms, Emptying, JobId, JobResult, JobState, Registry, RegistryError};

/// How often it is looked whether something in the trash has been there for long enough.
const BETWEEN_EMPTYINGS: Duration = Duration::from_secs(3600);
/// How often it is looked whether a collection is over.
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);
/// How long after the start that is done first.
const FIRST_EMPTYING: Duration = Duration::from_secs(60);

/// Starts both, as far as they are wanted. They end with the runtime.
pub(super) fn start(registry: &Registry) {
    let settings = registry.settings();
    if settings.read_only {
        return;
    }
    tokio::spawn(empty(registry.clone(), settings.trash_keep));
    match settings.collection.interval {
        Some(interval) if settings.delete_enabled => drop(tokio::spawn(collect(registry.clone(), interval))),
        Some(_) => info!("garbage is not collected by itself, because storage.delete.enabled is off"),
        None => {}
    }
}

/// Collects once in each interval, counted from the last time, whichever server that was.
async fn collect(registry: Registry, interval: Duration) {
    let settings = registry.settings().collection;
    loop {
        let last = registry.last_collection().await.map(|last| SystemTime::from(last.at));
        let since = last.and_then(|last| SystemTime::now().duration_since(last).ok());
        let due = since.map_or(Duration::ZERO, |since| interval.saturating_sub(since));
        // What clients were told before the start nobody knows any more, so they have their time of grace.
        tokio::time::sleep(due.max(settings.grace.min(interval))).await;
        let terms = CollectionTerms { grace: settings.grace, untagged: settings.untagged, dry_run: false };
        match registry.start_collection(Actor::named("schedule"), terms, settings.effort) {
            Ok(job) => {
                if !ended_well(&registry, job.id).await {
                    tokio::time::sleep(interval).await;
                }
            }
            // Somebody does it already.
            Err(RegistryError::JobRunning { .. }) => tokio::time::sleep(BETWEEN_LOOKS).await,
            Err(error) => {
                error!(error = &error as &dyn Error, "cannot collect garbage; it is tried again");
                tokio::time::sleep(interval).await;
            }
        }
    }
}

/// Waits for the end of a collection. Why one has failed is in the log already.
async fn ended_well(registry: &Registry, id: JobId) -> bool {
    loop {
        match registry.job(id).map(|job| job.state) {
            Ok(JobState::Running) => tokio::time::sleep(BETWEEN_LOOKS).await,
            Ok(JobState::Done(JobResult::GarbageCollection(result))) => {
                let collected = result.collected;
                let (manifests, blobs, bytes) = (collected.manifests, collected.swept, collected.bytes);
                info!(manifests, blobs, bytes, "collected garbage");
                return true;
            }
            _ => return false,
        }
    }
}

async fn empty(registry: Registry, keep: Duration) {
    tokio::time::sleep(FIRST_EMPTYING).await;
    loop {
        match registry.empty_trash(Emptying::Due, keep, SystemTime::now(), &CancellationToken::new()).await {
            Ok(emptied) if emptied == Default::default() => {}
            Ok(emptied) => info!(
                batches = emptied.batches,
                blobs = emptied.blobs,
                bytes = emptied.bytes,
                "removed for good what was in the trash for long enough"
            ),
            Err(RegistryError::Stopped) => {}
            Err(error) => error!(error = &error as &dyn Error, "cannot empty the trash; it is tried again"),
        }
        tokio::time::sleep(BETWEEN_EMPTYINGS).await;
    }
}
