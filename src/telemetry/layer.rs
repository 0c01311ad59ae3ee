//! Where events come in and lines go out.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::Value;
use time::OffsetDateTime;
use tracing::field::Visit;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::line::{Fields, Line};
use super::{json, text};

/// The form that lines are written in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form {
    /// For a person at a terminal.
    Terminal {
        /// Whether levels have their colour.
        colours: bool,
    },
    /// `key=value`.
    Pairs,
    Json,
    Logstash,
}

/// Writes each event as a line, in one write.
pub(super) struct Lines<W> {
    form: Form,
    /// The operator's fields.
    fields: Vec<(String, Value)>,
    writer: W,
    clock: fn() -> OffsetDateTime,
}

impl<W> Lines<W> {
    pub(super) fn new(
        form: Form,
        fields: BTreeMap<String, String>,
        writer: W,
        clock: fn() -> OffsetDateTime,
    ) -> Lines<W> {
        let fields = fields.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
        Lines { form, fields, writer, clock }
    }
}

impl<S, W> Layer<S> for Lines<W>
where
    S: Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields as &mut dyn Visit);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields as &mut dyn Visit);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut own = Fields::default();
        event.record(&mut own as &mut dyn Visit);
        let mut around: Vec<(&'static str, Value)> = Vec::new();
        for span in context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()) {
            if let Some(fields) = span.extensions().get::<Fields>() {
                around.extend(fields.rest.iter().cloned());
            }
        }
        let fields = (self.fields.iter().map(|(name, value)| (name.as_str(), value)))
            .chain(around.iter().map(|(name, value)| (*name, value)))
            .chain(own.rest.iter().map(|(name, value)| (*name, value)))
            .collect();
        let metadata = event.metadata();
        let line = Line {
            time: (self.clock)(),
            level: *metadata.level(),
            target: metadata.target(),
            message: &own.message,
            fields,
        };
        let mut written = match self.form {
            Form::Terminal { colours } => text::terminal(&line, colours),
            Form::Pairs => text::pairs(&line),
            Form::Json => json::plain(&line),
            Form::Logstash => json::logstash(&line),
        };
        written.push('\n');
        // When nobody takes the log there is nobody to tell.
        let _ = self.writer.make_writer_for(metadata).write_all(written.as_bytes());
    }
}
