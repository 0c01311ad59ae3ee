//! Who does what when: in rounds, in each of them every party alone and one after the other, so that whatever changes on
//! the machine in the meantime meets them all.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::figure::Figure;
use crate::machine::Ciphers;
use crate::party::{Identity, Party, Setup};
use crate::workload::{self, Conditions, Scale, Stage, Workload};

/// What is to be measured.
pub(crate) struct Plan {
    pub(crate) workloads: Vec<Workload>,
    pub(crate) parties: Vec<Party>,
    pub(crate) rounds: usize,
    pub(crate) scale: Scale,
    pub(crate) access_log: bool,
    pub(crate) ciphers: Option<Ciphers>,
}

/// What came out, by workload and party.
#[derive(Default)]
pub(crate) struct Results(BTreeMap<(&'static str, String), Cell>);

/// What came out of one workload for one party.
#[derive(Clone, Debug, Default)]
struct Cell {
    figures: Vec<Figure>,
    failure: Option<String>,
}

/// Something to be written down as it happens.
pub(crate) type Report<'a> = &'a dyn Fn(&str);

impl Plan {
    /// Measures everything. What a server does wrong is a result; an error is about this program's own directory.
    pub(crate) fn run(&self, scratch: &Path, report: Report<'_>) -> Result<Results, Box<dyn std::error::Error>> {
        let identity = Identity::new(scratch)?;
        let large = scratch.join("large");
        if self.workloads.iter().any(|workload| workload.stage() == Stage::Volume) {
            report(&format!("writing a volume of {} repositories", self.scale.repositories));
            workload::write_volume(&large, self.scale.repositories)?;
        }
        let mut results = Results::default();
        for round in 1..=self.rounds {
            for party in &self.parties {
                for stage in Stage::ALL {
                    let directory = scratch.join("party");
                    let volume = if stage == Stage::Volume { large.clone() } else { directory.join("volume") };
                    let place = Place { directory, volume, identity: (stage == Stage::Tls).then_some(&identity) };
                    self.run_stage(party, stage, &place, &mut results, &|line: &str| {
                        report(&format!("{round}/{} {:16} {line}", self.rounds, party.name));
                    })?;
                }
            }
        }
        Ok(results)
    }

    fn run_stage(
        &self,
        party: &Party,
        stage: Stage,
        place: &Place<'_>,
        results: &mut Results,
        report: Report<'_>,
    ) -> io::Result<()> {
        let of_stage = self.workloads.iter().copied().filter(|workload| workload.stage() == stage);
        // What failed once is not tried again: it would cost minutes where a server does not answer.
        let chosen: Vec<Workload> =
            of_stage.filter(|workload| workload.suits(party) && !results.failed(*workload, party)).collect();
        if chosen.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(&place.directory)?;
        fs::create_dir_all(&place.volume)?;
        // What others have written is not to be waited for by this one's syncs.
        rustix::fs::sync();
        let setup = Setup {
            directory: &place.directory,
            volume: &place.volume,
            identity: place.identity,
            guarded: stage == Stage::Guarded,
            access_log: self.access_log,
        };
        let first = if stage == Stage::Volume { workload::some_manifest() } else { "/v2/".to_owned() };
        match party.start(&setup, &first) {
            Ok(server) => {
                let conditions = Conditions { server: &server, scale: &self.scale, ciphers: self.ciphers };
                for workload in chosen {
                    match workload.measure(&conditions) {
                        Ok(measured) => {
                            report(&format!("{:16} {}  {}", workload.name(), measured.figure, measured.detail));
                            results.add(workload, party, measured.figure);
                        }
                        Err(error) => {
                            let failure = on_one_line(&error);
                            report(&format!("{:16} {failure}", workload.name()));
                            results.fail(workload, party, failure);
                        }
                    }
                }
            }
            Err(error) => {
                let failure = on_one_line(&error);
                report(&failure);
                chosen.into_iter().for_each(|workload| results.fail(workload, party, failure.clone()));
            }
        }
        fs::remove_dir_all(&place.directory)?;
        // What Wharf keeps beside registry:2's tree is made anew at each start, so that each start does the same.
        match fs::remove_dir_all(place.volume.join("wharf")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// An error that may quote what a server said, for a report and below a table.
fn on_one_line(error: &dyn std::error::Error) -> String {
    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where a party works.
struct Place<'a> {
    directory: PathBuf,
    volume: PathBuf,
    identity: Option<&'a Identity>,
}

impl Results {
    /// The median of what was measured.
    pub(crate) fn median(&self, workload: Workload, party: &Party) -> Option<Figure> {
        Figure::median(&self.cell(workload, party)?.figures)
    }

    /// Why it could not be measured.
    pub(crate) fn failure(&self, workload: Workload, party: &Party) -> Option<&str> {
        self.cell(workload, party)?.failure.as_deref()
    }

    /// Whether anything could not be measured.
    pub(crate) fn any_failed(&self) -> bool {
        self.0.values().any(|cell| cell.failure.is_some())
    }

    fn failed(&self, workload: Workload, party: &Party) -> bool {
        self.failure(workload, party).is_some()
    }

    fn cell(&self, workload: Workload, party: &Party) -> Option<&Cell> {
        self.0.get(&(workload.name(), party.name.clone()))
    }

    fn add(&mut self, workload: Workload, party: &Party, figure: Figure) {
        self.0.entry((workload.name(), party.name.clone())).or_default().figures.push(figure);
    }

    fn fail(&mut self, workload: Workload, party: &Party, failure: String) {
        self.0.entry((workload.name(), party.name.clone())).or_default().failure = Some(failure);
    }
}
