//! Figures about the check that a server makes of its volume by itself: how the last one ended.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

type Figure = Gauge<u64, AtomicU64>;

/// How a check ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScrubFigures {
    /// Defects for which something cannot be pulled.
    pub broken: u64,
    /// Defects that nothing is lost by.
    pub untidy: u64,
    /// What is only worth knowing.
    pub remarks: u64,
    /// How many bytes were hashed.
    pub bytes: u64,
    /// How long it took, in seconds.
    pub seconds: u64,
    /// When it ended, in seconds since 1970.
    pub ended: u64,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Severity {
    severity: &'static str,
}

#[derive(Debug)]
pub(super) struct ScrubGauges {
    defects: Family<Severity, Figure>,
    bytes: Figure,
    seconds: Figure,
    ended: Figure,
}

impl ScrubGauges {
    pub(super) fn registered(registry: &mut Registry) -> ScrubGauges {
        let gauges = ScrubGauges {
            defects: Family::default(),
            bytes: Figure::default(),
            seconds: Figure::default(),
            ended: Figure::default(),
        };
        registry.register("defects", "Defects that the last check of the volume found", gauges.defects.clone());
        registry.register_with_unit("hashed", "Bytes that the last check hashed", Unit::Bytes, gauges.bytes.clone());
        registry.register_with_unit("duration", "Time that the last check took", Unit::Seconds, gauges.seconds.clone());
        registry.register_with_unit("end_timestamp", "When the last check ended", Unit::Seconds, gauges.ended.clone());
        gauges
    }

    pub(super) fn set(&self, figures: &ScrubFigures) {
        let ScrubFigures { broken, untidy, remarks, bytes, seconds, ended } = *figures;
        for (severity, count) in [("broken", broken), ("untidy", untidy), ("remark", remarks)] {
            self.defects.get_or_create(&Severity { severity }).set(count);
        }
        self.bytes.set(bytes);
        self.seconds.set(seconds);
        self.ended.set(ended);
    }
}

#[cfg(test)]
mod tests {
    use super::super::Metrics;
    use super::*;

    #[test]
    fn the_last_check_is_told_by_what_it_found_and_when_it_ended() {
        let metrics = Metrics::default();
        assert!(
            !metrics.render().contains("wharf_scrub_defects{"),
            "nothing was found as long as nothing was looked at"
        );
        metrics.scrubbed(&ScrubFigures {
            broken: 2,
            untidy: 1,
            remarks: 0,
            bytes: 7,
            seconds: 3,
            ended: 1_700_000_000,
        });
        let text = metrics.render();
        for expected in [
            "wharf_scrub_defects{severity=\"broken\"} 2",
            "wharf_scrub_defects{severity=\"untidy\"} 1",
            "wharf_scrub_defects{severity=\"remark\"} 0",
            "wharf_scrub_hashed_bytes 7",
            "wharf_scrub_duration_seconds 3",
            "wharf_scrub_end_timestamp_seconds 1700000000",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
