//! Figures about requests, under the names that the distribution registry gives them, so that its dashboards work.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// What the metrics of requests count.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: std::sync::Arc<Registry>,
    requests: Family<Answered, Counter>,
    duration: Family<Handled, Histogram>,
    received: Family<Handled, Histogram>,
    sent: Family<Handled, Histogram>,
    in_flight: Family<Handler, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    handler: &'static str,
    method: &'static str,
    code: u16,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Handled {
    handler: &'static str,
    method: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Handler {
    handler: &'static str,
}

/// One request that was answered, wholly or in part.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What it asked for: `base`, `catalog`, `tags`, `manifest`, `referrers`, `blob`, `blob_upload`, `blob_upload_chunk`.
    pub handler: &'static str,
    /// Its method, in lower case.
    pub method: &'static str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The length of its body, in bytes.
    pub received: u64,
    /// How much of the answer's body went out, in bytes.
    pub sent: u64,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        let bytes = || Histogram::new(exponential_buckets(1024.0, 8.0, 9));
        let requests = Family::default();
        let duration = Family::new_with_constructor(seconds as fn() -> Histogram);
        let received = Family::new_with_constructor(bytes as fn() -> Histogram);
        let sent = Family::new_with_constructor(bytes as fn() -> Histogram);
        let in_flight = Family::default();
        let mut registry = Registry::with_prefix("registry_http");
        registry.register("requests", "Requests that were answered", requests.clone());
        registry.register_with_unit("request_duration", "Time to answer", Unit::Seconds, duration.clone());
        registry.register_with_unit("request_size", "Bytes that requests brought", Unit::Bytes, received.clone());
        registry.register_with_unit("response_size", "Bytes that answers carried", Unit::Bytes, sent.clone());
        registry.register("in_flight_requests", "Requests under way", in_flight.clone());
        Metrics { registry: std::sync::Arc::new(registry), requests, duration, received, sent, in_flight }
    }
}

impl Metrics {
    /// Counts a request that begins.
    pub fn begin(&self, handler: &'static str) {
        self.in_flight.get_or_create(&Handler { handler }).inc();
    }

    /// Counts a request that ended.
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are coarser than what is lost")]
    pub fn end(&self, observation: &Observation) {
        let Observation { handler, method, status, seconds, received, sent } = *observation;
        let handled = Handled { handler, method };
        self.in_flight.get_or_create(&Handler { handler }).dec();
        self.requests.get_or_create(&Answered { handler, method, code: status }).inc();
        self.duration.get_or_create(&handled).observe(seconds);
        self.received.get_or_create(&handled).observe(received as f64);
        self.sent.get_or_create(&handled).observe(sent as f64);
    }

    /// All figures as text, in the OpenMetrics format that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_distribution_registry() {
        let metrics = Metrics::default();
        metrics.begin("manifest");
        let seen = Observation { handler: "manifest", method: "get", status: 200, seconds: 0.5, received: 0, sent: 9 };
        metrics.end(&seen);
        let text = metrics.render();
        for expected in [
            "registry_http_requests_total{handler=\"manifest\",method=\"get\",code=\"200\"} 1",
            "registry_http_request_duration_seconds_bucket",
            "registry_http_request_size_bytes_sum",
            "registry_http_response_size_bytes_count",
            "registry_http_in_flight_requests{handler=\"manifest\"} 0",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
