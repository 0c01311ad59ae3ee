//! A check that somebody asked for.

use std::sync::Arc;

use crate::registry::{Actor, Ended, JobKind, JobReport, JobResult, Registry, RegistryError, Result};

use super::{CheckOptions, CheckReport};

impl Registry {
    /// Begins to look through the volume, and to repair it if that is asked for. See [`Registry::check`].
    ///
    /// # Errors
    ///
    /// When another check runs, or it is to repair a registry that is read-only.
    pub fn start_check(&self, by: Actor, options: CheckOptions) -> Result<JobReport> {
        if options.repair {
            self.allow_writing()?;
        }
        let registry = self.clone();
        self.start_job(JobKind::Check, by, move |job| async move {
            let report = match registry.check(&options, &job.progress, &job.stop).await {
                // It was stopped while it waited for a collection.
                Err(RegistryError::Stopped) => CheckReport { cancelled: true, ..CheckReport::default() },
                report => report?,
            };
            let ended = if report.cancelled { Ended::Stopped } else { Ended::Whole };
            Ok(ended(JobResult::Check(Arc::new(report))))
        })
    }
}
