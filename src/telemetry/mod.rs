//! Logs and metrics. Knows nothing of ours.
//!
//! Every line goes to standard error, as registry:2's do, with its time in UTC. An event becomes a `line::Line`, and
//! one of the pure functions of `text` and `json` writes it; `layer` is where they meet the outside.
//!
//! Lines of the target `access` are one for each request. They are written when the access log is on, whatever the
//! level. Of other crates nothing less than a warning is written.

mod causes;
mod json;
mod layer;
mod line;
mod metrics;
mod text;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use layer::{Form, Lines};

pub use causes::Causes;
pub use metrics::{Metrics, Observation};

/// What is logged and how (`log`); `config` fills it in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The least severe level that is logged.
    pub level: Level,
    /// The form of a line.
    pub format: Format,
    /// Fields that every line carries.
    pub fields: BTreeMap<String, String>,
    /// Whether each request has its line.
    pub access_log: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { level: Level::INFO, format: Format::Text, fields: BTreeMap::new(), access_log: true }
    }
}

/// The form of a log line (`log.formatter`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: short on a terminal, `key=value` pairs elsewhere, as registry:2 writes them.
    Text,
    /// One JSON object a line, with registry:2's field names.
    Json,
    /// JSON with the field names that Logstash expects.
    Logstash,
}

/// Logs to standard error from now on, for the whole process; an error if something logs already. Colours are only for
/// a terminal, and not where `NO_COLOR` is set.
pub fn init(settings: &Settings) -> Result<(), TryInitError> {
    let terminal = io::stderr().is_terminal();
    let form = match settings.format {
        Format::Text if terminal => Form::Terminal { colours: std::env::var_os("NO_COLOR").is_none() },
        Format::Text => Form::Pairs,
        Format::Json => Form::Json,
        Format::Logstash => Form::Logstash,
    };
    subscriber(settings, form, io::stderr, line::now).try_init()
}

/// What takes in events and writes lines.
fn subscriber<W>(
    settings: &Settings,
    form: Form,
    writer: W,
    clock: fn() -> time::OffsetDateTime,
) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let access = if settings.access_log { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = Targets::new()
        .with_default(settings.level.min(Level::WARN))
        .with_target("wharf", settings.level)
        .with_target("access", access);
    let lines = Lines::new(form, settings.fields.clone(), writer, clock);
    tracing_subscriber::registry().with(lines.with_filter(filter))
}

#[cfg(test)]
mod tests;
