//! Logs and metrics. Knows nothing of ours.

mod metrics;

use std::collections::BTreeMap;

pub use metrics::{Metrics, Observation};

/// What is logged and how (`log`); `config` fills it in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The least severe level that is logged.
    pub level: tracing::Level,
    /// The form of a line.
    pub format: Format,
    /// Fields that every line carries.
    pub fields: BTreeMap<String, String>,
    /// Whether each request has its line.
    pub access_log: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            level: tracing::Level::INFO,
            format: Format::Text,
            fields: BTreeMap::new(),
            access_log: true,
        }
    }
}

/// The form of a log line (`log.formatter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
    /// JSON with the field names that Logstash expects.
    Logstash,
}
