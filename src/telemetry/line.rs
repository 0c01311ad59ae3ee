//! One line of the log before it has a form.

use std::error::Error;
use std::fmt;

use serde_json::Value;
use time::OffsetDateTime;
use tracing::field::{Field, Visit};

use super::Causes;

/// What a line says.
pub(super) struct Line<'l> {
    pub(super) time: OffsetDateTime,
    pub(super) level: tracing::Level,
    /// Who says it: a module, or `access`.
    pub(super) target: &'l str,
    pub(super) message: &'l str,
    /// The operator's fields, then those of the spans around it, then its own.
    pub(super) fields: Vec<(&'l str, &'l Value)>,
}

/// The fields of an event or of a span.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) rest: Vec<(&'static str, Value)>,
}

/// The time.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Line<'_> {
    /// The time as RFC 3339 has it, in UTC, to the microsecond.
    pub(super) fn timestamp(&self) -> String {
        let time = self.time;
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            time.year(),
            u8::from(time.month()),
            time.day(),
            time.hour(),
            time.minute(),
            time.second(),
            time.microsecond(),
        )
    }

    /// The level by the name that registry:2 gives it.
    pub(super) fn level_name(&self) -> &'static str {
        match self.level {
            tracing::Level::ERROR => "error",
            tracing::Level::WARN => "warning",
            tracing::Level::INFO => "info",
            tracing::Level::DEBUG => "debug",
            tracing::Level::TRACE => "trace",
        }
    }
}

impl Fields {
    fn record(&mut self, field: &Field, value: Value) {
        match self.rest.iter_mut().find(|(name, _)| *name == field.name()) {
            Some((_, old)) => *old = value,
            None => self.rest.push((field.name(), value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        } else {
            self.record(field, Value::from(format!("{value:?}")));
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.message);
        } else {
            self.record(field, Value::from(value));
        }
    }

    /// An error says what led to it.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record(field, Value::from(Causes(value).to_string()));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record(field, Value::from(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record(field, Value::from(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record(field, Value::from(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record(field, Value::from(value));
    }
}
