//! What is written down of each request, when its answer has gone out or broken off: a line in the log, and the metrics.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::telemetry::{Metrics, Observation};

use super::listen::Peer;
use super::route::Route;

/// Where requests are written down.
#[derive(Clone, Debug, Default)]
pub(super) struct Recorder {
    /// Whether each request has its line (`log.accesslog.disabled`).
    pub(super) lines: bool,
    pub(super) metrics: Metrics,
}

/// A request under way. What there is to say of it is written when this is dropped.
pub(super) struct Record {
    recorder: Recorder,
    started: Instant,
    remote: String,
    method: Method,
    path: String,
    agent: String,
    handler: &'static str,
    repository: String,
    reference: String,
    received: Arc<AtomicU64>,
    status: u16,
    length: Option<u64>,
    sent: u64,
}

impl Recorder {
    /// Begins to watch a request. `route` is none if it leads nowhere.
    pub(super) fn begin(&self, request: &Parts, route: Option<&Route>) -> Record {
        let handler = route.map_or("base", handler);
        self.metrics.begin(handler);
        Record {
            recorder: self.clone(),
            started: Instant::now(),
            remote: request.extensions.get::<Peer>().map(|peer| peer.address.to_string()).unwrap_or_default(),
            method: request.method.clone(),
            // The path alone: a query may hold what does not belong into a log.
            path: request.uri.path().to_owned(),
            agent: agent(&request.headers),
            handler,
            repository: route.and_then(Route::repository).map(ToString::to_string).unwrap_or_default(),
            reference: route.map(reference).unwrap_or_default(),
            received: Arc::default(),
            status: 0,
            length: None,
            sent: 0,
        }
    }
}

impl Record {
    /// Counts the request's body as it is read.
    pub(super) fn count(&self, body: Body) -> Body {
        let received = Arc::clone(&self.received);
        Body::new(body.map_frame(move |frame| {
            received.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::Relaxed);
            frame
        }))
    }

    /// Goes on with the answer to its end.
    pub(super) fn follow(mut self, response: Response<Body>) -> Response<Body> {
        self.status = response.status().as_u16();
        response.map(|body| {
            self.length = http_body::Body::size_hint(&body).exact();
            Body::new(Followed { body, record: self })
        })
    }

    /// Whether the whole answer went out.
    fn complete(&self) -> bool {
        self.status != 0 && (self.method == Method::HEAD || self.length.is_none_or(|length| length == self.sent))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let received = self.received.load(Ordering::Relaxed);
        self.recorder.metrics.end(&Observation {
            handler: self.handler,
            method: method(&self.method),
            status: self.status,
            seconds,
            received,
            sent: self.sent,
        });
        if self.recorder.lines {
            // What the request was not about is left out of its line.
            let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            tracing::info!(
                target: "access",
                remote = %self.remote,
                method = %self.method,
                path = %self.path,
                status = self.status,
                repository = some(&self.repository),
                reference = some(&self.reference),
                received,
                sent = self.sent,
                complete = self.complete(),
                duration_ms = (seconds * 1e6).round() / 1e3,
                agent = %self.agent,
                "request"
            );
        }
    }
}

fn agent(headers: &HeaderMap) -> String {
    headers
        .get(header::USER_AGENT)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// What is asked of the repository.
fn reference(route: &Route) -> String {
    match route {
        Route::GetBlob(_, digest) | Route::DeleteBlob(_, digest) | Route::Referrers(_, digest) => digest.to_string(),
        Route::GetManifest(_, reference) | Route::PutManifest(_, reference) | Route::DeleteManifest(_, reference) => {
            reference.to_string()
        }
        Route::UploadStatus(_, id)
        | Route::AppendUpload(_, id)
        | Route::FinishUpload(_, id)
        | Route::CancelUpload(_, id) => id.to_string(),
        Route::Version | Route::Catalog | Route::Tags(_) | Route::StartUpload(_) => String::new(),
    }
}

/// The name that the distribution registry's metrics have for the route.
fn handler(route: &Route) -> &'static str {
    match route {
        Route::Version => "base",
        Route::Catalog => "catalog",
        Route::Tags(_) => "tags",
        Route::Referrers(..) => "referrers",
        Route::GetManifest(..) | Route::PutManifest(..) | Route::DeleteManifest(..) => "manifest",
        Route::GetBlob(..) | Route::DeleteBlob(..) => "blob",
        Route::StartUpload(_) => "blob_upload",
        Route::UploadStatus(..) | Route::AppendUpload(..) | Route::FinishUpload(..) | Route::CancelUpload(..) => {
            "blob_upload_chunk"
        }
    }
}

/// The method as a label; what clients make up is one label.
fn method(method: &Method) -> &'static str {
    match *method {
        Method::GET => "get",
        Method::HEAD => "head",
        Method::PUT => "put",
        Method::POST => "post",
        Method::PATCH => "patch",
        Method::DELETE => "delete",
        _ => "other",
    }
}

/// An answer's body that is watched as it goes out.
struct Followed {
    body: Body,
    record: Record,
}

impl http_body::Body for Followed {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.record.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
