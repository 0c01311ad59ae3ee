//! One line of the log before it has a form.

use std::error::Error;
use std::fmt;
use std::ops::Range;

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
    /// The operator's fields, then those of the spans around it. A later field may have the name of an earlier one.
    pub(super) around: Vec<(&'l str, Value<'l>)>,
    pub(super) own: &'l Fields,
}

/// What a field holds.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'l> {
    Text(&'l str),
    Plain(Plain),
}

/// A value that is written in the same way everywhere.
#[derive(Clone, Copy, Debug)]
pub(super) enum Plain {
    Signed(i64),
    Unsigned(u64),
    Float(f64),
    Bool(bool),
}

/// The fields of an event or of a span. Their texts stand one behind the other, so that many fields take few pieces of
/// memory, and the same ones again when they are cleared for another event.
#[derive(Default)]
pub(super) struct Fields {
    texts: String,
    message: Range<usize>,
    rest: Vec<(&'static str, Stored)>,
}

enum Stored {
    Text(Range<usize>),
    Plain(Plain),
}

/// The time.
pub(super) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

impl Line<'_> {
    /// Writes the time as RFC 3339 has it, in UTC, to the microsecond.
    pub(super) fn push_time(&self, out: &mut Vec<u8>) {
        let time = self.time;
        // What cannot be: a year beyond four digits, or before the first.
        push_digits(out, u32::try_from(time.year()).unwrap_or_default(), 4);
        let parts = [
            (b'-', u8::from(time.month())),
            (b'-', time.day()),
            (b'T', time.hour()),
            (b':', time.minute()),
            (b':', time.second()),
        ];
        for (before, part) in parts {
            out.push(before);
            push_digits(out, part.into(), 2);
        }
        out.push(b'.');
        push_digits(out, time.microsecond(), 6);
        out.push(b'Z');
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

    /// All fields in order.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.around.iter().map(|(name, value)| (*name, *value)).chain(self.own.iter())
    }
}

/// Writes a number in so many digits; the formatter of the standard library takes several times as long.
fn push_digits(out: &mut Vec<u8>, number: u32, count: u32) {
    for place in (0..count).rev() {
        let digit = number / 10_u32.pow(place) % 10;
        out.push(b'0' + u8::try_from(digit).unwrap_or_default());
    }
}

impl Plain {
    pub(super) fn push(self, out: &mut Vec<u8>) {
        // Writing into memory does not fail. Numbers without an end are null, as in JSON.
        let _ = match self {
            Plain::Signed(number) => serde_json::to_writer(out, &number),
            Plain::Unsigned(number) => serde_json::to_writer(out, &number),
            Plain::Float(number) => serde_json::to_writer(out, &number),
            Plain::Bool(truth) => serde_json::to_writer(out, &truth),
        };
    }
}

impl Fields {
    pub(super) fn clear(&mut self) {
        self.texts.clear();
        self.message = 0..0;
        self.rest.clear();
    }

    pub(super) fn message(&self) -> &str {
        self.text(&self.message)
    }

    /// The fields but for the message, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, Value<'_>)> {
        self.rest.iter().map(|(name, stored)| {
            let value = match stored {
                Stored::Text(range) => Value::Text(self.text(range)),
                Stored::Plain(plain) => Value::Plain(*plain),
            };
            (*name as &str, value)
        })
    }

    /// Takes over what was recorded later; it replaces fields of the same name.
    pub(super) fn update(&mut self, later: &Fields) {
        for (name, stored) in &later.rest {
            self.rest.retain(|(known, _)| known != name);
            let stored = match stored {
                Stored::Text(range) => Stored::Text(self.add(|texts| texts.push_str(later.text(range)))),
                Stored::Plain(plain) => Stored::Plain(*plain),
            };
            self.rest.push((name, stored));
        }
    }

    fn text(&self, range: &Range<usize>) -> &str {
        self.texts.get(range.clone()).unwrap_or_default()
    }

    fn add(&mut self, write: impl FnOnce(&mut String)) -> Range<usize> {
        let start = self.texts.len();
        write(&mut self.texts);
        start..self.texts.len()
    }

    fn record_text(&mut self, field: &Field, write: impl FnOnce(&mut String)) {
        let range = self.add(write);
        match field.name() {
            "message" => self.message = range,
            name => self.rest.push((name, Stored::Text(range))),
        }
    }

    fn record_plain(&mut self, field: &Field, plain: Plain) {
        self.rest.push((field.name(), Stored::Plain(plain)));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_text(field, |texts| {
            // What a value says before it fails to say more is kept.
            let _ = fmt::Write::write_fmt(texts, format_args!("{value:?}"));
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_text(field, |texts| texts.push_str(value));
    }

    /// An error says what led to it.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        self.record_debug(field, &tracing::field::display(Causes(value)));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.record_plain(field, Plain::Float(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.record_plain(field, Plain::Signed(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.record_plain(field, Plain::Unsigned(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.record_plain(field, Plain::Bool(value));
    }
}
