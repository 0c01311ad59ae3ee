//! Figures about requests, under the names that the distribution registry gives them, so that its dashboards work.

use std::sync::{Arc, OnceLock};

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::scrub_metrics::{ScrubFigures, ScrubGauges};

/// What the metrics of requests count. Cheap to clone; the clones are one.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Families>);

#[derive(Debug)]
struct Families {
    registry: Registry,
    requests: Family<Answered, Counter>,
    duration: Family<Handled, Histogram>,
    received: Family<Handled, Histogram>,
    sent: Family<Handled, Histogram>,
    in_flight: Family<InFlight, Gauge>,
    /// What the families hold, found once: looking it up takes longer than counting.
    by_handler: [ByHandler; Handler::COUNT],
    scrub: ScrubGauges,
}

#[derive(Debug, Default)]
struct ByHandler {
    in_flight: OnceLock<Gauge>,
    by_method: [OnceLock<Series>; Method::COUNT],
}

#[derive(Debug)]
struct Series {
    duration: Histogram,
    received: Histogram,
    sent: Histogram,
    /// The requests that were answered with 200, as most are.
    ok: OnceLock<Counter>,
}

/// What a request asked for, by the name that the distribution registry's metrics have for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handler {
    /// `base`: whether this is a registry, and everything that leads nowhere.
    Base,
    /// `catalog`.
    Catalog,
    /// `tags`.
    Tags,
    /// `manifest`.
    Manifest,
    /// `referrers`.
    Referrers,
    /// `blob`.
    Blob,
    /// `blob_upload`: its start.
    BlobUpload,
    /// `blob_upload_chunk`: everything that comes after that.
    BlobUploadChunk,
    /// `api`: the administration API, which the distribution registry has not.
    Api,
}

/// A request's method, in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `get`.
    Get,
    /// `head`.
    Head,
    /// `put`.
    Put,
    /// `post`.
    Post,
    /// `patch`.
    Patch,
    /// `delete`.
    Delete,
    /// `other`.
    Other,
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
struct InFlight {
    handler: &'static str,
}

/// One request that was answered, wholly or in part.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// What it asked for.
    pub handler: Handler,
    /// Its method.
    pub method: Method,
    /// The status of the answer.
    pub status: u16,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The length of its body, in bytes.
    pub received: u64,
    /// How much of the answer's body went out, in bytes.
    pub sent: u64,
}

impl Handler {
    const COUNT: usize = Handler::Api as usize + 1;

    fn label(self) -> &'static str {
        match self {
            Handler::Base => "base",
            Handler::Catalog => "catalog",
            Handler::Tags => "tags",
            Handler::Manifest => "manifest",
            Handler::Referrers => "referrers",
            Handler::Blob => "blob",
            Handler::BlobUpload => "blob_upload",
            Handler::BlobUploadChunk => "blob_upload_chunk",
            Handler::Api => "api",
        }
    }
}

impl Method {
    const COUNT: usize = Method::Other as usize + 1;

    fn label(self) -> &'static str {
        match self {
            Method::Get => "get",
            Method::Head => "head",
            Method::Put => "put",
            Method::Post => "post",
            Method::Patch => "patch",
            Method::Delete => "delete",
            Method::Other => "other",
        }
    }
}

impl Default for Families {
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        let bytes = || Histogram::new(exponential_buckets(1024.0, 8.0, 9));
        let requests = Family::default();
        let duration = Family::new_with_constructor(seconds as fn() -> Histogram);
        let received = Family::new_with_constructor(bytes as fn() -> Histogram);
        let sent = Family::new_with_constructor(bytes as fn() -> Histogram);
        let in_flight = Family::default();
        let mut registry = Registry::default();
        let http = registry.sub_registry_with_prefix("registry_http");
        http.register("requests", "Requests that were answered", requests.clone());
        http.register_with_unit("request_duration", "Time to answer", Unit::Seconds, duration.clone());
        http.register_with_unit("request_size", "Bytes that requests brought", Unit::Bytes, received.clone());
        http.register_with_unit("response_size", "Bytes that answers carried", Unit::Bytes, sent.clone());
        http.register("in_flight_requests", "Requests under way", in_flight.clone());
        let scrub = ScrubGauges::registered(registry.sub_registry_with_prefix("wharf_scrub"));
        let by_handler = Default::default();
        Families { registry, requests, duration, received, sent, in_flight, by_handler, scrub }
    }
}

impl Families {
    fn in_flight(&self, handler: Handler) -> &Gauge {
        let found = || self.in_flight.get_or_create_owned(&InFlight { handler: handler.label() });
        self.by_handler[handler as usize].in_flight.get_or_init(found)
    }

    fn series(&self, handler: Handler, method: Method) -> &Series {
        self.by_handler[handler as usize].by_method[method as usize].get_or_init(|| {
            let handled = Handled { handler: handler.label(), method: method.label() };
            Series {
                duration: self.duration.get_or_create_owned(&handled),
                received: self.received.get_or_create_owned(&handled),
                sent: self.sent.get_or_create_owned(&handled),
                ok: OnceLock::new(),
            }
        })
    }

    fn answered(&self, handler: Handler, method: Method, code: u16) -> Counter {
        let answered = Answered { handler: handler.label(), method: method.label(), code };
        self.requests.get_or_create_owned(&answered)
    }
}

/// The status of most answers.
const OK: u16 = 200;

impl Metrics {
    /// Counts a request that begins.
    pub fn begin(&self, handler: Handler) {
        self.0.in_flight(handler).inc();
    }

    /// Counts a request that ended.
    #[expect(clippy::cast_precision_loss, reason = "a histogram's buckets are coarser than what is lost")]
    pub fn end(&self, observation: &Observation) {
        let Observation { handler, method, status, seconds, received, sent } = *observation;
        self.0.in_flight(handler).dec();
        let series = self.0.series(handler, method);
        match status {
            OK => series.ok.get_or_init(|| self.0.answered(handler, method, OK)).inc(),
            status => self.0.answered(handler, method, status).inc(),
        };
        series.duration.observe(seconds);
        series.received.observe(received as f64);
        series.sent.observe(sent as f64);
    }

    /// Takes down how a check of the volume ended.
    pub fn scrubbed(&self, figures: &ScrubFigures) {
        self.0.scrub.set(figures);
    }

    /// All figures as text, in the OpenMetrics format that Prometheus reads.
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = encode(&mut text, &self.0.registry);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_distribution_registry() {
        let metrics = Metrics::default();
        metrics.begin(Handler::Manifest);
        let (handler, method) = (Handler::Manifest, Method::Get);
        for status in [200, 404] {
            metrics.end(&Observation { handler, method, status, seconds: 0.5, received: 0, sent: 9 });
        }
        metrics.begin(Handler::Manifest);
        let text = metrics.render();
        for expected in [
            "registry_http_requests_total{handler=\"manifest\",method=\"get\",code=\"200\"} 1",
            "registry_http_requests_total{handler=\"manifest\",method=\"get\",code=\"404\"} 1",
            "registry_http_request_duration_seconds_bucket",
            "registry_http_request_size_bytes_sum",
            "registry_http_response_size_bytes_count{handler=\"manifest\",method=\"get\"} 2",
            "registry_http_in_flight_requests{handler=\"manifest\"} 0",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }
}
