//! How far a check has come, for whoever looks meanwhile.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use serde::Serialize;

/// What a check is at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckPhase {
    /// It has not begun.
    #[default]
    Waiting,
    /// Reading and hashing contents; counted in directories of them.
    Contents,
    /// Manifests and tags; counted in repositories.
    Manifests,
    /// The links to blobs; counted in repositories.
    Layers,
    /// Uploads under way; counted in repositories.
    Uploads,
    /// It has ended.
    Done,
}

const PHASES: [CheckPhase; 6] = [
    CheckPhase::Waiting,
    CheckPhase::Contents,
    CheckPhase::Manifests,
    CheckPhase::Layers,
    CheckPhase::Uploads,
    CheckPhase::Done,
];

/// How far a check has come. The check writes into it, others read it whenever they like.
#[derive(Debug, Default)]
pub struct CheckProgress {
    phase: AtomicU8,
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
    findings: AtomicU64,
}

/// How far a check had come when somebody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CheckState {
    /// What it was at.
    pub phase: CheckPhase,
    /// How many of its things were done.
    pub done: u64,
    /// How many there are in the phase, if that is known.
    pub total: Option<u64>,
    /// How many bytes were hashed in all.
    pub bytes: u64,
    /// How many defects were found in all.
    pub findings: u64,
}

impl CheckProgress {
    /// How far it has come.
    pub fn state(&self) -> CheckState {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        let phase = PHASES.get(usize::from(self.phase.load(Ordering::Relaxed))).copied().unwrap_or_default();
        CheckState {
            phase,
            done: read(&self.done),
            total: Some(read(&self.total)).filter(|total| *total > 0),
            bytes: read(&self.bytes),
            findings: read(&self.findings),
        }
    }

    pub(super) fn enter(&self, phase: CheckPhase, total: Option<u64>) {
        let at = PHASES.iter().position(|other| *other == phase).and_then(|at| u8::try_from(at).ok());
        self.done.store(0, Ordering::Relaxed);
        self.total.store(total.unwrap_or_default(), Ordering::Relaxed);
        self.phase.store(at.unwrap_or_default(), Ordering::Relaxed);
    }

    pub(super) fn step(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn hashed(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn found(&self) {
        self.findings.fetch_add(1, Ordering::Relaxed);
    }
}
