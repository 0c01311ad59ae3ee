//! Logs and metrics. Knows nothing of ours.
//!
//! Every line goes to standard error, as registry:2's do, with its time in UTC. An event becomes a `line::Line`, and
//! one of the pure functions of `text` and `json` writes it; `layer` is where they meet the outside. Lines are handed to
//! a thread (`queue`), so that nobody who logs waits for whoever reads the log.
//!
//! Lines of the target `access` are one for each request. They are written when the access log is on, whatever the
//! level. Of other crates nothing less than a warning is written.

mod causes;
mod json;
mod layer;
mod line;
mod metrics;
mod queue;
mod scrub_metrics;
mod text;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal};
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use layer::{Form, Lines, Style};
use queue::Queue;

pub use causes::Causes;
pub use metrics::{Handler, Method, Metrics, Observation};
pub use scrub_metrics::ScrubFigures;

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

/// The log of the process. Cheap to clone; the clones are one.
#[derive(Clone)]
pub struct Log(Queue);

impl Log {
    /// Waits until every line so far is written, but not for longer than `patience`: whoever should read the log may not.
    /// For the end of the process, and before something else is written to standard error.
    pub fn flush(&self, patience: Duration) {
        self.0.flush(patience);
    }
}

/// Logs to standard error from now on, for the whole process. Colours are only for a terminal, and not where `NO_COLOR`
/// is set.
///
/// # Errors
///
/// When something logs already, or the system gives no thread.
pub fn init(settings: &Settings) -> io::Result<Log> {
    let terminal = io::stderr().is_terminal();
    let form = match settings.format {
        Format::Text if terminal => Form::Terminal { colours: std::env::var_os("NO_COLOR").is_none() },
        Format::Text => Form::Pairs,
        Format::Json => Form::Json,
        Format::Logstash => Form::Logstash,
    };
    let style = Style::new(form, settings.fields.clone(), line::now);
    let losses = style.clone();
    let queue = Queue::start(io::stderr(), move |lost, out| losses.loss(lost, out))?;
    let sink = queue.clone();
    subscriber(settings, style, move |line, matters| sink.push(line, matters)).try_init().map_err(io::Error::other)?;
    Ok(Log(queue))
}

/// What takes in events and writes lines.
fn subscriber<S>(settings: &Settings, style: Style, sink: S) -> impl Subscriber + Send + Sync
where
    S: Fn(&[u8], bool) + Send + Sync + 'static,
{
    let access = if settings.access_log { LevelFilter::INFO } else { LevelFilter::OFF };
    let filter = Targets::new()
        .with_default(settings.level.min(Level::WARN))
        .with_target("wharf", settings.level)
        .with_target("access", access);
    tracing_subscriber::registry().with(Lines::new(style, sink).with_filter(filter))
}

#[cfg(test)]
mod tests;
