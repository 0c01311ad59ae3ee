//! What a check found, as a person reads it.

use std::io::{self, Write};

use crate::http::api::{Checked, Outcome, Severity};
use crate::registry::ByteSize;

/// Writes everything that was found, one block for each finding, and a summary.
pub(super) fn show(report: &Checked, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        let severity = match finding.severity {
            Severity::Broken => "broken",
            Severity::Untidy => "untidy",
            Severity::Remark => "remark",
        };
        writeln!(out, "{severity}: {}", finding.what)?;
        writeln!(out, "  where:  {}", finding.at)?;
        writeln!(out, "  means:  {}", finding.means)?;
        match &finding.outcome {
            Outcome::Left | Outcome::ByHand => writeln!(out, "  to do:  {}", finding.help)?,
            Outcome::Repaired => writeln!(out, "  done:   repaired")?,
            Outcome::Failed(reason) => writeln!(out, "  failed: it could not be repaired: {reason}")?,
        }
        writeln!(out)?;
    }
    let shown = report.findings.len() as u64;
    if report.found.all() > shown {
        writeln!(out, "… and {} more, which are only counted.\n", report.found.all() - shown)?;
    }
    summary(report, out)
}

fn summary(report: &Checked, out: &mut dyn Write) -> io::Result<()> {
    let looked = &report.looked_at;
    writeln!(
        out,
        "Looked at {} contents ({}), {} manifests and {} tags in {} repositories; hashed {} (seed {}) in {:.1} s.",
        looked.stored.contents,
        ByteSize(looked.stored.bytes),
        looked.manifests,
        looked.tags,
        looked.repositories,
        ByteSize(looked.hashed.bytes),
        report.seed,
        report.duration.as_secs_f64(),
    )?;
    if looked.held_by_nobody.contents > 0 && !report.cancelled {
        let loose = looked.held_by_nobody;
        writeln!(
            out,
            "No repository holds {} of the contents ({}); that is no defect.",
            loose.contents,
            ByteSize(loose.bytes)
        )?;
    }
    let (found, repaired) = (report.found, report.repaired);
    if found.all() == 0 {
        writeln!(out, "Nothing is wrong{}.", if report.cancelled { ", as far as it came" } else { "" })?;
    } else {
        let (broken, untidy, remarks) = (found.broken, found.untidy, found.remarks);
        writeln!(out, "Found {broken} broken, {untidy} untidy, {remarks} remarks; repaired {}.", repaired.all())?;
    }
    if report.cancelled {
        writeln!(out, "It was stopped before its end.")?;
    }
    Ok(())
}
