//! The server checks its volume by itself, and says in the log and in the metrics what it found.

use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::registry::{CheckOptions, CheckReport, Progress, Registry, Scrub, Severity, SystemClock};
use crate::telemetry::{Metrics, ScrubFigures};

/// How many defects have a line of their own in the log. `wharf check` shows them all.
const LINES: usize = 100;

/// Checks again and again, for ever.
pub(super) async fn run(registry: Registry, scrub: Scrub, metrics: Metrics) {
    tokio::time::sleep(registry.until_scrub(&scrub).await).await;
    loop {
        info!(effort = %scrub.effort, "checking the volume");
        let options = CheckOptions { effort: scrub.effort, ..CheckOptions::default() };
        let progress = Progress::new(Arc::new(SystemClock::default()));
        match registry.check(&options, &progress, &CancellationToken::new()).await {
            Ok(report) => {
                note(&registry).await;
                metrics.scrubbed(&figures(&report));
                log(&report);
            }
            Err(error) => error!(error = &error as &dyn Error, "cannot check the volume"),
        }
        tokio::time::sleep(scrub.interval).await;
    }
}

async fn note(registry: &Registry) {
    if registry.settings().read_only {
        return;
    }
    if let Err(error) = registry.note_scrub().await {
        let error = &error as &dyn Error;
        warn!(error, "cannot note that the volume was checked; the next start checks it again");
    }
}

fn log(report: &CheckReport) {
    for finding in report.findings.iter().take(LINES) {
        let (path, means) = (finding.path.as_str(), finding.means.as_str());
        match finding.severity {
            Severity::Broken => error!(path, means, "the volume has a defect: {}", finding.what),
            Severity::Untidy | Severity::Remark => warn!(path, means, "the volume has a defect: {}", finding.what),
        }
    }
    let found = report.found;
    info!(
        contents = report.looked_at.stored.contents,
        hashed = report.looked_at.hashed.bytes,
        seconds = report.duration.as_secs(),
        broken = found.broken,
        untidy = found.untidy,
        remarks = found.remarks,
        "checked the volume{}",
        if found.all() > 0 { "; `wharf check --repair` repairs what is safe to repair" } else { "" },
    );
}

fn figures(report: &CheckReport) -> ScrubFigures {
    let ended = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    ScrubFigures {
        broken: report.found.broken,
        untidy: report.found.untidy,
        remarks: report.found.remarks,
        bytes: report.looked_at.hashed.bytes,
        seconds: report.duration.as_secs(),
        ended: ended.as_secs(),
    }
}
