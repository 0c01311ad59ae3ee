//! The server applies the rules of retention by itself.

use std::error::Error;
use std::time::Duration;

use tracing::{error, info};

use crate::registry::{Actor, Registry, RegistryError, RetentionTerms};

/// How long after the start at the earliest. Whoever has just changed the rules has that long to notice a mistake.
const FIRST: Duration = Duration::from_secs(3600);

/// Begins a job again and again, for ever.
pub(super) async fn run(registry: Registry, interval: Duration) {
    tokio::time::sleep(FIRST.min(interval)).await;
    loop {
        let effort = registry.settings().collection.effort;
        let terms = RetentionTerms { within: None, dry_run: false, effort };
        match registry.start_retention(Actor::unknown(), terms) {
            Ok(_) => {}
            Err(RegistryError::JobRunning { job, .. }) => info!(%job, "retention is running already"),
            Err(error) => error!(error = &error as &dyn Error, "cannot look for tags that no rule keeps"),
        }
        tokio::time::sleep(interval).await;
    }
}
