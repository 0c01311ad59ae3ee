//! The results as a table in Markdown.

use std::fmt::Write as _;

use crate::plan::{Plan, Results};
use crate::workload::Workload;

/// A row for each workload, a column for each party, and below it why cells are missing.
pub(crate) fn markdown(plan: &Plan, results: &Results) -> String {
    let mut text = String::new();
    let mut line = |first: &str, cells: Vec<String>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "| {first} | {} |", cells.join(" | "));
    };
    line("workload", plan.parties.iter().map(|party| party.name.clone()).collect());
    line("---", plan.parties.iter().map(|_| "---".to_owned()).collect());
    if plan.workloads.iter().any(|workload| writes(*workload)) {
        line("synced before the answer", plan.parties.iter().map(|party| party.durability().to_owned()).collect());
    }
    let mut failures = Vec::new();
    for workload in &plan.workloads {
        let cells = plan.parties.iter().map(|party| {
            if let Some(failure) = results.failure(*workload, party) {
                failures.push(format!("{} at {}: {failure}", party.name, workload.name()));
                return "failed".to_owned();
            }
            results.median(*workload, party).map_or("–".to_owned(), |figure| figure.to_string())
        });
        line(&format!("`{}`: {}", workload.name(), workload.title(&plan.scale)), cells.collect());
    }
    for failure in failures {
        let _ = write!(text, "\n{failure}\n");
    }
    text
}

fn writes(workload: Workload) -> bool {
    matches!(workload, Workload::PushBlob | Workload::PushImage | Workload::TlsPush)
}
