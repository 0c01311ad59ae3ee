//! What a check found, as a value.

use std::time::Duration;

use super::defect::{Defect, Severity};
use super::marks::Amount;

/// How many findings are kept. More are only counted: on a volume with a broken disk everything may be one.
pub(super) const KEPT: usize = 1_000;

/// What a check looked at and found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// What was looked at.
    pub looked_at: LookedAt,
    /// The defects, in the order in which they were found; the first 1,000.
    pub findings: Vec<Finding>,
    /// How many defects there are.
    pub found: Count,
    /// How many of them were repaired.
    pub repaired: Count,
    /// How long it took.
    pub duration: Duration,
    /// What chose the blobs that were hashed.
    pub seed: u64,
    /// Whether it was stopped before its end.
    pub cancelled: bool,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Blobs and manifests on the volume.
    pub stored: Amount,
    /// Of these, what no repository holds: what a collection would take.
    pub held_by_nobody: Amount,
    /// How many contents were hashed, and how many bytes they have. A manifest that several repositories hold is hashed for each.
    pub hashed: Amount,
    /// Repositories with manifests.
    pub repositories: u64,
    /// Manifests, in each repository that holds them.
    pub manifests: u64,
    /// Tags.
    pub tags: u64,
    /// Links to blobs.
    pub layer_links: u64,
    /// Notes of referrers and of types.
    pub notes: u64,
    /// Uploads under way.
    pub uploads: u64,
}

/// Defects by how bad they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Something that was pushed cannot be pulled.
    pub broken: u64,
    /// Something is not as it should be, and nothing is lost.
    pub untidy: u64,
    /// Worth knowing.
    pub remarks: u64,
}

/// A defect that was found, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub defect: Defect,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, below the root of the volume.
    pub path: String,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What it means for those who pull and push.
    pub means: String,
    /// What to do about it.
    pub help: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a defect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is as it was: repairing was not asked for.
    Left,
    /// It is repaired.
    Repaired,
    /// It was to be repaired, and that failed.
    Failed(String),
    /// Only a person can do something about it, or nothing has to be done.
    ByHand,
}

impl CheckReport {
    /// Whether everything is as it should be, by now. Remarks do not count.
    pub fn is_clean(&self) -> bool {
        self.found.broken == self.repaired.broken && self.found.untidy == self.repaired.untidy
    }

    /// The same without its findings, which are only counted.
    pub(in crate::registry) fn figures(&self) -> CheckReport {
        let CheckReport { looked_at, findings: _, found, repaired, duration, seed, cancelled } = self;
        CheckReport {
            looked_at: *looked_at,
            findings: Vec::new(),
            found: *found,
            repaired: *repaired,
            duration: *duration,
            seed: *seed,
            cancelled: *cancelled,
        }
    }

    pub(super) fn add(&mut self, defect: Defect, outcome: Outcome) {
        let severity = defect.severity();
        self.found.add(severity);
        if outcome == Outcome::Repaired {
            self.repaired.add(severity);
        }
        if self.findings.len() < KEPT {
            self.findings.push(Finding {
                severity,
                path: defect.path(),
                what: defect.to_string(),
                means: defect.means(),
                help: defect.help(),
                defect,
                outcome,
            });
        }
    }
}

impl Count {
    /// All of them.
    pub fn all(self) -> u64 {
        self.broken + self.untidy + self.remarks
    }

    fn add(&mut self, severity: Severity) {
        match severity {
            Severity::Broken => self.broken += 1,
            Severity::Untidy => self.untidy += 1,
            Severity::Remark => self.remarks += 1,
        }
    }
}
