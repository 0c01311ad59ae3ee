//! Where events come in and lines go out.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use time::OffsetDateTime;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

use super::line::{Fields, Line, Value};
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

/// What all lines have in common.
#[derive(Clone)]
pub(super) struct Style {
    form: Form,
    /// The operator's fields.
    fields: Arc<[(String, String)]>,
    clock: fn() -> OffsetDateTime,
}

/// Makes each event a line and hands it to `sink`, with whether it is a warning or worse.
pub(super) struct Lines<S> {
    style: Style,
    sink: S,
}

impl Style {
    pub(super) fn new(form: Form, fields: BTreeMap<String, String>, clock: fn() -> OffsetDateTime) -> Style {
        Style { form, fields: fields.into_iter().collect(), clock }
    }

    /// The operator's fields.
    fn fields(&self) -> Vec<(&str, Value<'_>)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), Value::Text(value))).collect()
    }

    /// Says that so many lines were lost.
    pub(super) fn loss(&self, lost: u64, out: &mut Vec<u8>) {
        let message = format!("{lost} lines of the log were lost here, because nobody read what came before them");
        let (own, around) = (Fields::default(), self.fields());
        let target = module_path!();
        let line = Line { time: (self.clock)(), level: Level::WARN, target, message: &message, around, own: &own };
        self.write(&line, out);
    }

    fn write(&self, line: &Line<'_>, out: &mut Vec<u8>) {
        match self.form {
            Form::Terminal { colours } => text::terminal(line, colours, out),
            Form::Pairs => text::pairs(line, out),
            Form::Json => json::plain(line, out),
            Form::Logstash => json::logstash(line, out),
        }
        out.push(b'\n');
    }
}

/// What an event needs while it becomes a line; kept for the next one of the thread.
#[derive(Default)]
struct Scratch {
    fields: Fields,
    written: Vec<u8>,
}

/// One that grew larger for some line is not kept.
const KEPT: usize = 4096;

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

impl<S: Fn(&[u8], bool)> Lines<S> {
    pub(super) fn new(style: Style, sink: S) -> Lines<S> {
        Lines { style, sink }
    }

    fn write<T>(&self, event: &Event<'_>, context: &Context<'_, T>, scratch: &mut Scratch)
    where
        T: Subscriber + for<'s> LookupSpan<'s>,
    {
        let Scratch { fields, written } = scratch;
        fields.clear();
        written.clear();
        event.record(fields);
        let spans: Vec<_> = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root()).collect();
        let extensions: Vec<_> = spans.iter().map(|span| span.extensions()).collect();
        let mut around = self.style.fields();
        for fields in extensions.iter().filter_map(|extensions| extensions.get::<Fields>()) {
            around.extend(fields.iter());
        }
        let metadata = event.metadata();
        let line = Line {
            time: (self.style.clock)(),
            level: *metadata.level(),
            target: metadata.target(),
            message: fields.message(),
            around,
            own: fields,
        };
        self.style.write(&line, written);
        (self.sink)(written, *metadata.level() <= Level::WARN);
        if written.capacity() > KEPT {
            *scratch = Scratch::default();
        }
    }
}

impl<T, S> Layer<T> for Lines<S>
where
    T: Subscriber + for<'s> LookupSpan<'s>,
    S: Fn(&[u8], bool) + 'static,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, T>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, T>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            let mut later = Fields::default();
            values.record(&mut later);
            fields.update(&later);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, T>) {
        // A value that logs while it is written finds the thread's own in use; so does one at the end of the thread.
        let written = SCRATCH.try_with(|scratch| match scratch.try_borrow_mut() {
            Ok(mut scratch) => self.write(event, &context, &mut scratch),
            Err(_) => self.write(event, &context, &mut Scratch::default()),
        });
        if written.is_err() {
            self.write(event, &context, &mut Scratch::default());
        }
    }
}
