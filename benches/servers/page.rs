//! `docs/performance.md`: the part of it that this program writes.

use std::fs;
use std::io;
use std::path::Path;
use std::time::SystemTime;

use time::OffsetDateTime;

use crate::machine::Machine;
use crate::plan::Plan;

/// What stands around the part.
const BEGIN: &str = "<!-- measured: written by `cargo bench --bench servers -- --write` -->\n";
const END: &str = "<!-- end of what is measured -->\n";

/// Why the page was not written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PageError {
    #[error("docs/performance.md: {0}")]
    Io(#[from] io::Error),
    #[error("docs/performance.md does not have the lines between which the table belongs")]
    Unmarked,
}

/// Replaces what stands between the marks.
pub(crate) fn write(plan: &Plan, machine: &Machine, table: &str) -> Result<(), PageError> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/performance.md");
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).ok_or(PageError::Unmarked)?;
    let (_, after) = rest.split_once(END).ok_or(PageError::Unmarked)?;
    let date = OffsetDateTime::from(SystemTime::now()).date();
    let versions: Vec<String> = plan.parties.iter().map(|party| party.version()).collect();
    let measured = format!(
        "Measured on {date}: {machine} Medians of {} rounds. Wharf of that day beside {}.\n\n{table}",
        plan.rounds,
        others(&versions),
    );
    fs::write(path, format!("{before}{BEGIN}\n{measured}\n{END}{after}"))?;
    Ok(())
}

/// All versions but Wharf's own.
fn others(versions: &[String]) -> String {
    let others: Vec<&str> =
        versions.iter().map(String::as_str).filter(|version| !version.starts_with("Wharf ")).collect();
    if others.is_empty() { "nobody".to_owned() } else { others.join("; ") }
}
