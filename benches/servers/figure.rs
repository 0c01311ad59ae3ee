//! A measured figure, the median of several, and how it is written.

use std::fmt;
use std::time::Duration;

use crate::load::drive::Ran;

/// What a figure counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Bytes per second; CPU seconds per GiB.
    Bandwidth,
    /// Operations per second; CPU seconds per operation.
    Rate,
    /// Bytes.
    Memory,
    /// Seconds.
    Time,
}

/// A measured figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figure {
    unit: Unit,
    value: f64,
    /// The server's CPU, user and system, for each GiB or operation.
    cpu: Option<f64>,
    /// The CPU as a multiple of what the ciphers alone cost.
    ciphers: Option<f64>,
}

const GIB: f64 = (1_u64 << 30) as f64;

impl Figure {
    /// How fast bytes were moved.
    pub(crate) fn bandwidth(ran: &Ran) -> Figure {
        let bytes = ran.bytes as f64;
        let cpu = ran.server_cpu / (bytes / GIB);
        Figure { unit: Unit::Bandwidth, value: bytes / ran.seconds, cpu: Some(cpu), ciphers: None }
    }

    /// How often something was done.
    pub(crate) fn rate(ran: &Ran) -> Figure {
        let operations = ran.operations as f64;
        let cpu = ran.server_cpu / operations;
        Figure { unit: Unit::Rate, value: operations / ran.seconds, cpu: Some(cpu), ciphers: None }
    }

    /// Some memory, in bytes.
    pub(crate) fn memory(bytes: f64) -> Figure {
        Figure { unit: Unit::Memory, value: bytes, cpu: None, ciphers: None }
    }

    /// Some time.
    pub(crate) fn time(time: Duration) -> Figure {
        Figure { unit: Unit::Time, value: time.as_secs_f64(), cpu: None, ciphers: None }
    }

    /// Beside what the ciphers need, in CPU seconds per GiB.
    pub(crate) fn beside_ciphers(self, seconds_per_gib: f64) -> Figure {
        Figure { ciphers: self.cpu.map(|cpu| cpu / seconds_per_gib), ..self }
    }

    /// The median of figures of one unit, each part by itself; of an even number the lower of the two in the middle.
    pub(crate) fn median(figures: &[Figure]) -> Option<Figure> {
        let middle = |part: fn(&Figure) -> Option<f64>| {
            let mut parts: Vec<f64> = figures.iter().filter_map(part).collect();
            parts.sort_unstable_by(f64::total_cmp);
            parts.get(parts.len().saturating_sub(1) / 2).copied()
        };
        let unit = figures.first()?.unit;
        let value = middle(|figure| Some(figure.value))?;
        Some(Figure { unit, value, cpu: middle(|figure| figure.cpu), ciphers: middle(|figure| figure.ciphers) })
    }
}

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.unit {
            Unit::Bandwidth => write!(f, "{}/s", bytes(self.value))?,
            Unit::Rate => write!(f, "{}/s", count(self.value))?,
            Unit::Memory => write!(f, "{}", bytes(self.value))?,
            Unit::Time => write!(f, "{}", seconds(self.value))?,
        }
        match (self.cpu, self.unit) {
            (Some(cpu), Unit::Bandwidth) => write!(f, ", {} s/GiB", three(cpu))?,
            (Some(cpu), _) => write!(f, ", {}", seconds(cpu))?,
            (None, _) => {}
        }
        match self.ciphers {
            Some(times) => write!(f, ", {}x ciphers", three(times)),
            None => Ok(()),
        }
    }
}

/// Three significant digits, which is more than a repetition confirms.
fn three(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn bytes(value: f64) -> String {
    match value.abs() {
        size if size >= GIB => format!("{} GiB", three(value / GIB)),
        size if size >= 1_048_576.0 => format!("{} MiB", three(value / 1_048_576.0)),
        _ => format!("{} KiB", three(value / 1024.0)),
    }
}

fn count(value: f64) -> String {
    if value >= 1000.0 { format!("{} k", three(value / 1000.0)) } else { three(value) }
}

/// A time that a person can read.
pub(crate) fn seconds(value: f64) -> String {
    match value.abs() {
        size if size >= 1.0 => format!("{} s", three(value)),
        size if size >= 0.001 => format!("{} ms", three(value * 1e3)),
        _ => format!("{} µs", three(value * 1e6)),
    }
}
