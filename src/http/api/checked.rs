//! What a check found, as JSON: in a job's result, and as `wharf check --json` writes it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;
use utoipa::ToSchema;

use crate::registry;

/// What a check looked at and found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Checked {
    /// What was looked at.
    pub looked_at: LookedAt,
    /// The defects, in the order in which they were found; the first 1,000. In a list of jobs, and of one that has been over
    /// for long, there are none.
    pub findings: Vec<Finding>,
    /// How many defects there are.
    pub found: DefectCount,
    /// How many of them were repaired.
    pub repaired: DefectCount,
    /// How long it took, in seconds.
    #[serde(with = "seconds")]
    #[schema(value_type = f64)]
    pub duration: Duration,
    /// What chose the blobs that were hashed.
    pub seed: u64,
    /// Whether it was stopped before its end.
    pub cancelled: bool,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LookedAt {
    /// Blobs and manifests on the volume.
    pub stored: Amount,
    /// Of these, what no repository holds: what a collection would take.
    pub held_by_nobody: Amount,
    /// What was hashed. A manifest that several repositories hold is hashed for each.
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

/// How many contents, and how many bytes they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Amount {
    /// How many.
    pub contents: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// Defects by how bad they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DefectCount {
    /// Something that was pushed cannot be pulled.
    pub broken: u64,
    /// Something is not as it should be, and nothing is lost.
    pub untidy: u64,
    /// Worth knowing.
    pub remarks: u64,
}

/// A defect that was found, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Finding {
    /// Which kind of defect it is.
    #[schema(examples("rotten"))]
    pub defect: String,
    /// What it is about: repository, tag, digest and the like, as the defect has them.
    #[serde(flatten)]
    pub about: BTreeMap<String, Value>,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is, below the root of the volume.
    pub at: String,
    /// What is wrong, in a sentence.
    pub what: String,
    /// What it means for those who pull and push.
    pub means: String,
    /// What to do about it.
    pub help: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// How bad a defect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Nothing is wrong with what is served; it is only worth knowing.
    Remark,
    /// Nothing that was pushed is lost, but something is not as it should be.
    Untidy,
    /// Something that was pushed cannot be pulled.
    Broken,
}

/// What became of a defect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is as it was: repairing was not asked for.
    Left,
    /// It is repaired.
    Repaired,
    /// It was to be repaired, and that failed, for this reason.
    Failed(String),
    /// Only a person can do something about it, or nothing has to be done.
    ByHand,
}

impl Checked {
    /// Whether everything is as it should be, by now. Remarks do not count.
    pub fn is_clean(&self) -> bool {
        self.found.broken == self.repaired.broken && self.found.untidy == self.repaired.untidy
    }
}

impl DefectCount {
    /// All of them.
    pub fn all(self) -> u64 {
        self.broken + self.untidy + self.remarks
    }
}

impl From<&registry::CheckReport> for Checked {
    fn from(report: &registry::CheckReport) -> Checked {
        let looked = report.looked_at;
        Checked {
            looked_at: LookedAt {
                stored: looked.stored.into(),
                held_by_nobody: looked.held_by_nobody.into(),
                hashed: looked.hashed.into(),
                repositories: looked.repositories,
                manifests: looked.manifests,
                tags: looked.tags,
                layer_links: looked.layer_links,
                notes: looked.notes,
                uploads: looked.uploads,
            },
            findings: report.findings.iter().map(Finding::from).collect(),
            found: report.found.into(),
            repaired: report.repaired.into(),
            duration: report.duration,
            seed: report.seed,
            cancelled: report.cancelled,
        }
    }
}

impl From<registry::Amount> for Amount {
    fn from(amount: registry::Amount) -> Amount {
        Amount { contents: amount.contents, bytes: amount.bytes }
    }
}

impl From<registry::Count> for DefectCount {
    fn from(count: registry::Count) -> DefectCount {
        DefectCount { broken: count.broken, untidy: count.untidy, remarks: count.remarks }
    }
}

impl From<&registry::Finding> for Finding {
    fn from(finding: &registry::Finding) -> Finding {
        // Strings, numbers and lists of them cannot fail to be written.
        let mut about = match serde_json::to_value(&finding.defect) {
            Ok(Value::Object(about)) => about,
            Ok(_) | Err(_) => serde_json::Map::new(),
        };
        let defect = match about.remove("defect") {
            Some(Value::String(defect)) => defect,
            _ => String::new(),
        };
        Finding {
            defect,
            about: about.into_iter().collect(),
            severity: match finding.severity {
                registry::Severity::Remark => Severity::Remark,
                registry::Severity::Untidy => Severity::Untidy,
                registry::Severity::Broken => Severity::Broken,
            },
            at: finding.path.clone(),
            what: finding.what.clone(),
            means: finding.means.clone(),
            help: finding.help.clone(),
            outcome: match &finding.outcome {
                registry::Outcome::Left => Outcome::Left,
                registry::Outcome::Repaired => Outcome::Repaired,
                registry::Outcome::Failed(reason) => Outcome::Failed(reason.clone()),
                registry::Outcome::ByHand => Outcome::ByHand,
            },
        }
    }
}

/// A length of time as a number of seconds.
mod seconds {
    use super::{Deserialize, Deserializer, Duration, Serializer, de};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::super::JobOutcome;
    use super::*;
    use crate::oci::{Algorithm, Digest};
    use crate::registry::{CheckReport, Defect};

    /// The command line reads what a server writes.
    #[test]
    fn what_was_found_is_read_as_it_was_written() {
        let (repository, digest) = ("team/app".parse().unwrap(), Digest::of(Algorithm::Sha256, b"a"));
        let defect = Defect::LayerDangling { repository, digest };
        let finding = registry::Finding {
            severity: defect.severity(),
            path: defect.path(),
            what: defect.to_string(),
            means: defect.means(),
            help: defect.help(),
            defect,
            outcome: registry::Outcome::Failed("it is a directory".to_owned()),
        };
        let duration = Duration::from_millis(1500);
        let report = CheckReport { findings: vec![finding], seed: u64::MAX, duration, ..CheckReport::default() };
        let outcome = JobOutcome::Check(Checked::from(&report));
        let json = serde_json::to_value(&outcome).unwrap();
        assert_eq!((&json["kind"], &json["duration"]), (&"check".into(), &1.5.into()));
        let finding = &json["findings"][0];
        assert_eq!((&finding["defect"], &finding["repository"]), (&"layer-dangling".into(), &"team/app".into()));
        assert_eq!((&finding["severity"], &finding["digest"]), (&"untidy".into(), &digest.to_string().into()));
        assert_eq!(finding["outcome"], serde_json::json!({"failed": "it is a directory"}));
        assert_eq!(serde_json::from_value::<JobOutcome>(json).unwrap(), outcome);
    }
}
