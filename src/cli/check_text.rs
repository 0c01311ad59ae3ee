//! What a check found, as a person reads it.

use std::io::{self, Write};

use crate::http::api::{Checked, Outcome, Severity};

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
        size(looked.stored.bytes),
        looked.manifests,
        looked.tags,
        looked.repositories,
        size(looked.hashed.bytes),
        report.seed,
        report.duration.as_secs_f64(),
    )?;
    if looked.held_by_nobody.contents > 0 && !report.cancelled {
        let loose = looked.held_by_nobody;
        writeln!(
            out,
            "No repository holds {} of the contents ({}); that is no defect.",
            loose.contents,
            size(loose.bytes)
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

/// A length in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut tenths = u128::from(bytes) * 10;
    let mut unit = None;
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1024;
        unit = Some(next);
    }
    match unit {
        None => format!("{bytes} bytes"),
        Some(unit) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_as_people_read_them() {
        for (bytes, text) in
            [(0, "0 bytes"), (1023, "1023 bytes"), (1024, "1.0 KiB"), (1_600_000, "1.5 MiB"), (u64::MAX, "15.9 EiB")]
        {
            assert_eq!(size(bytes), text);
        }
    }
}
