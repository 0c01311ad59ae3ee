//! What is written down of each request, when its answer has gone out or broken off: a line in the log, and the metrics.
//!
//! A [`Record`] keeps the request itself, so that nothing is made into text before its line is written.

use std::fmt;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::http::request::Parts;
use axum::http::{Method, Response, header};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt;

use crate::auth::Caller;
use crate::telemetry::{self, Metrics, Observation};

use super::listen::Peer;
use super::route::Route;

/// Where requests are written down. Cheap to clone.
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
    peer: Arc<Peer>,
    request: Parts,
    /// Who sent it, when that is known.
    caller: Option<Arc<Caller>>,
    /// Where they are, if a proxy that is trusted says so.
    behind: Option<IpAddr>,
    /// Where it leads, if anywhere.
    route: Option<Route>,
    /// What was read of its body, if it has one.
    received: Option<Arc<AtomicU64>>,
    status: u16,
    length: Option<u64>,
    sent: u64,
}

impl Recorder {
    /// Begins to watch a request. `route` is none if it leads nowhere.
    pub(super) fn begin(&self, request: Parts, peer: Arc<Peer>, route: Option<Route>) -> Record {
        self.metrics.begin(handler(route.as_ref()));
        Record {
            recorder: self.clone(),
            started: Instant::now(),
            peer,
            request,
            caller: None,
            behind: None,
            route,
            received: None,
            status: 0,
            length: None,
            sent: 0,
        }
    }
}

impl Record {
    /// The request without its body.
    pub(super) fn request(&self) -> &Parts {
        &self.request
    }

    /// Where it comes from.
    pub(super) fn peer(&self) -> &Peer {
        &self.peer
    }

    /// Notes that it comes from here, through the peer.
    pub(super) fn comes_from(&mut self, address: Option<IpAddr>) {
        self.behind = address.filter(|address| self.peer.address.ip() != Some(*address));
    }

    /// Notes who sent it.
    pub(super) fn sent_by(&mut self, caller: &Arc<Caller>) {
        self.caller = Some(Arc::clone(caller)).filter(|caller| !caller.is_anonymous());
    }

    /// Counts the request's body as it is read.
    pub(super) fn count(&mut self, body: Body) -> Body {
        let received = Arc::clone(self.received.get_or_insert_default());
        Body::new(body.map_frame(move |frame| {
            received.fetch_add(frame.data_ref().map_or(0, |data| data.len() as u64), Ordering::Relaxed);
            frame
        }))
    }

    /// Goes on with the answer to its end.
    pub(super) fn follow(mut self, response: Response<Body>) -> Response<Followed> {
        self.status = response.status().as_u16();
        response.map(|body| {
            self.length = http_body::Body::size_hint(&body).exact();
            Followed { body, record: self }
        })
    }

    /// Whether the whole answer went out.
    fn complete(&self) -> bool {
        self.status != 0
            && (self.request.method == Method::HEAD || self.length.is_none_or(|length| length == self.sent))
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        let seconds = self.started.elapsed().as_secs_f64();
        let received = self.received.as_ref().map_or(0, |received| received.load(Ordering::Relaxed));
        let route = self.route.as_ref();
        self.recorder.metrics.end(&Observation {
            handler: handler(route),
            method: method(&self.request.method),
            status: self.status,
            seconds,
            received,
            sent: self.sent,
        });
        if self.recorder.lines {
            let agent = self.request.headers.get(header::USER_AGENT);
            tracing::info!(
                target: "access",
                remote = %Remote(self),
                method = self.request.method.as_str(),
                // The path alone: a query may hold what does not belong into a log.
                path = self.request.uri.path(),
                status = self.status,
                user = self.caller.as_ref().map(|caller| tracing::field::display(&caller.subject)),
                // What the request was not about is left out of its line.
                repository = route.and_then(Route::repository).map(|name| name.as_str()),
                reference = route.and_then(Asked::by).map(tracing::field::display),
                received,
                sent = self.sent,
                complete = self.complete(),
                duration_ms = (seconds * 1e6).round() / 1e3,
                agent = &*String::from_utf8_lossy(agent.map(|value| value.as_bytes()).unwrap_or_default()),
                "request"
            );
        }
    }
}

/// Where a request comes from: the peer, or whoever is behind it.
struct Remote<'r>(&'r Record);

impl fmt::Display for Remote<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.behind {
            Some(address) => address.fmt(f),
            None => self.0.peer.address.fmt(f),
        }
    }
}

/// What is asked of the repository.
struct Asked<'r>(&'r Route);

impl Asked<'_> {
    /// None if it is nothing in particular.
    fn by(route: &Route) -> Option<Asked<'_>> {
        match route {
            Route::Version
            | Route::GetToken
            | Route::PostToken
            | Route::Whoami
            | Route::Catalog
            | Route::Tags(_)
            | Route::StartUpload(_) => None,
            Route::Api(asked) => asked.reference().map(|_| Asked(route)),
            Route::GetBlob(..)
            | Route::DeleteBlob(..)
            | Route::Referrers(..)
            | Route::GetManifest(..)
            | Route::PutManifest(..)
            | Route::DeleteManifest(..)
            | Route::UploadStatus(..)
            | Route::AppendUpload(..)
            | Route::FinishUpload(..)
            | Route::CancelUpload(..) => Some(Asked(route)),
        }
    }
}

impl fmt::Display for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Route::Api(asked) => asked.reference().map_or(Ok(()), |reference| reference.fmt(f)),
            Route::GetBlob(_, digest) | Route::DeleteBlob(_, digest) | Route::Referrers(_, digest) => digest.fmt(f),
            Route::GetManifest(_, reference)
            | Route::PutManifest(_, reference)
            | Route::DeleteManifest(_, reference) => reference.fmt(f),
            Route::UploadStatus(_, id)
            | Route::AppendUpload(_, id)
            | Route::FinishUpload(_, id)
            | Route::CancelUpload(_, id) => id.fmt(f),
            Route::Version
            | Route::GetToken
            | Route::PostToken
            | Route::Whoami
            | Route::Catalog
            | Route::Tags(_)
            | Route::StartUpload(_) => Ok(()),
        }
    }
}

/// What the metrics call the route.
fn handler(route: Option<&Route>) -> telemetry::Handler {
    use telemetry::Handler;
    match route {
        None | Some(Route::Version | Route::GetToken | Route::PostToken | Route::Whoami) => Handler::Base,
        Some(Route::Catalog) => Handler::Catalog,
        Some(Route::Api(_)) => Handler::Api,
        Some(Route::Tags(_)) => Handler::Tags,
        Some(Route::Referrers(..)) => Handler::Referrers,
        Some(Route::GetManifest(..) | Route::PutManifest(..) | Route::DeleteManifest(..)) => Handler::Manifest,
        Some(Route::GetBlob(..) | Route::DeleteBlob(..)) => Handler::Blob,
        Some(Route::StartUpload(_)) => Handler::BlobUpload,
        Some(Route::UploadStatus(..) | Route::AppendUpload(..) | Route::FinishUpload(..) | Route::CancelUpload(..)) => {
            Handler::BlobUploadChunk
        }
    }
}

/// The method as a label; what clients make up is one label.
fn method(method: &Method) -> telemetry::Method {
    use telemetry::Method as Label;
    match *method {
        Method::GET => Label::Get,
        Method::HEAD => Label::Head,
        Method::PUT => Label::Put,
        Method::POST => Label::Post,
        Method::PATCH => Label::Patch,
        Method::DELETE => Label::Delete,
        _ => Label::Other,
    }
}

/// An answer's body that is watched as it goes out.
pub(super) struct Followed {
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
