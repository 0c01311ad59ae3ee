//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::party::Party;
use crate::workload::{Scale, Workload};

/// Measures Wharf beside other servers.
#[derive(Debug, Parser)]
#[command(name = "servers", max_term_width = 100)]
pub(crate) struct Arguments {
    /// Workloads and parties to be measured, by a part of their names; without any, all.
    words: Vec<String>,
    /// How many times everything is measured; the table has the medians [default: 3, or 1 with --smoke].
    #[arg(long)]
    rounds: Option<usize>,
    /// The directory below which all servers keep their content [default: in cargo's target directory].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// How many repositories the large volume has; each is some 30 files and directories [default: 20000].
    #[arg(long)]
    repositories: Option<usize>,
    /// Let no server write a line for each request.
    #[arg(long)]
    pub(crate) no_access_log: bool,
    /// Write the table into docs/performance.md as well.
    #[arg(long, conflicts_with_all = ["words", "smoke", "no_access_log"])]
    pub(crate) write: bool,
    /// Everything once and tiny, to see that it works. The figures mean nothing.
    #[arg(long)]
    smoke: bool,
    /// What `cargo bench` adds and `cargo test` does not.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A word that names nothing.
#[derive(Debug, thiserror::Error)]
#[error("nothing is called {word:?}; there are the workloads {workloads} and the parties {parties}")]
pub(crate) struct UnknownWord {
    word: String,
    workloads: String,
    parties: String,
}

impl Arguments {
    /// Those of this process.
    pub(crate) fn read() -> Arguments {
        Arguments::parse()
    }

    /// How many times everything is measured.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.is_smoke() { 1 } else { 3 }).max(1)
    }

    /// How much of everything.
    pub(crate) fn scale(&self) -> Scale {
        let scale = if self.is_smoke() { Scale::SMOKE } else { Scale::FULL };
        Scale { repositories: self.repositories.unwrap_or(scale.repositories).max(1), ..scale }
    }

    /// Where everything is kept.
    pub(crate) fn directory(&self) -> PathBuf {
        self.dir.clone().unwrap_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")))
    }

    /// Whether this is only to see that it works: that is what `cargo test --benches` wants too.
    pub(crate) fn is_smoke(&self) -> bool {
        self.smoke || !self.bench
    }

    /// What the words choose: words that name workloads choose among these, words that name parties among those.
    pub(crate) fn choose(&self, parties: Vec<Party>) -> Result<(Vec<Workload>, Vec<Party>), UnknownWord> {
        let is_workload = |word: &String| Workload::ALL.iter().any(|workload| workload.name().contains(word.as_str()));
        let (of_workloads, of_parties): (Vec<&String>, Vec<&String>) =
            self.words.iter().partition(|word| is_workload(word));
        if let Some(word) =
            of_parties.iter().find(|word| !parties.iter().any(|party| party.name.contains(word.as_str())))
        {
            return Err(UnknownWord {
                word: (*word).clone(),
                workloads: Workload::ALL.map(Workload::name).join(", "),
                parties: parties.iter().map(|party| party.name.as_str()).collect::<Vec<_>>().join(", "),
            });
        }
        let among =
            |words: &[&String], name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
        let workloads = Workload::ALL.into_iter().filter(|workload| among(&of_workloads, workload.name())).collect();
        let parties = parties.into_iter().filter(|party| among(&of_parties, &party.name)).collect();
        Ok((workloads, parties))
    }
}
