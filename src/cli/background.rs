//! What the server does without being asked.

use std::error::Error;
use std::time::{Duration, SystemTime};

use tracing::{error, info};

use crate::auth::Auth;
use crate::registry::{Registry, UploadPurging};
use crate::telemetry::Metrics;

use super::{retain, scrub, upkeep};

/// How long after the start abandoned uploads are first looked for: a volume may still be busy being mounted or moved.
const FIRST_PURGE: Duration = Duration::from_secs(60);

/// Starts it. It ends with the runtime.
pub(super) fn start(registry: &Registry, auth: &Auth, metrics: &Metrics) {
    if !auth.is_open() {
        tokio::spawn(auth.clone().follow());
    }
    tokio::spawn(complete_referrers(registry.clone()));
    let counting = registry.clone();
    tokio::spawn(async move { counting.keep_pulls().await });
    let settings = registry.settings();
    let may_remove = settings.delete_enabled && !settings.read_only && !settings.retention.rules.is_empty();
    if let Some(interval) = settings.retention.interval.filter(|_| may_remove) {
        tokio::spawn(retain::run(registry.clone(), interval));
    }
    let to_be_counted = registry.clone();
    tokio::spawn(async move {
        recover_blobs(to_be_counted.clone()).await;
        count_quotas(to_be_counted).await;
    });
    if let Some(purging) = registry.settings().upload_purging.filter(|_| !registry.settings().read_only) {
        tokio::spawn(purge(registry.clone(), purging));
    }
    upkeep::start(registry);
    if let Some(scrub) = registry.settings().scrub {
        tokio::spawn(scrub::run(registry.clone(), scrub, metrics.clone()));
    }
}

async fn recover_blobs(registry: Registry) {
    if let Err(error) = registry.recover_blobs().await {
        error!(
            error = &error as &dyn Error,
            "cannot look at the blobs that were pushed before the last stop; it is tried again at the next start"
        );
    }
}

async fn complete_referrers(registry: Registry) {
    if let Err(error) = registry.complete_referrers().await {
        error!(
            error = &error as &dyn Error,
            "cannot note the referrers that the volume holds; it is tried again at the next start"
        );
    }
}

async fn count_quotas(registry: Registry) {
    if let Err(error) = registry.count_quotas().await {
        error!(
            error = &error as &dyn Error,
            "cannot look which namespaces have quotas; each is counted when something is pushed to it"
        );
    }
}

async fn purge(registry: Registry, purging: UploadPurging) {
    tokio::time::sleep(FIRST_PURGE.min(purging.interval)).await;
    loop {
        match registry.purge_uploads(SystemTime::now(), purging.age, purging.dry_run).await {
            Ok(purged) if purged == Default::default() => {}
            Ok(purged) => info!(removed = purged.removed, unknown = purged.unknown, "looked for abandoned uploads"),
            Err(error) => error!(error = &error as &dyn Error, "cannot look for abandoned uploads; it is tried again"),
        }
        tokio::time::sleep(purging.interval).await;
    }
}
