//! One line for each request, written when its answer has gone out or broken off.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, Response, header};
use axum::middleware::Next;
use http_body::{Frame, SizeHint};

use super::route::Route;

/// What a request was about, for its line.
#[derive(Clone, Debug, Default)]
pub(super) struct Subject {
    repository: String,
    reference: String,
}

impl Subject {
    pub(super) fn of(route: &Route) -> Subject {
        let reference = match route {
            Route::GetBlob(_, digest) | Route::DeleteBlob(_, digest) | Route::Referrers(_, digest) => {
                digest.to_string()
            }
            Route::GetManifest(_, reference)
            | Route::PutManifest(_, reference)
            | Route::DeleteManifest(_, reference) => reference.to_string(),
            Route::UploadStatus(_, id)
            | Route::AppendUpload(_, id)
            | Route::FinishUpload(_, id)
            | Route::CancelUpload(_, id) => id.to_string(),
            Route::Version | Route::Catalog | Route::Tags(_) | Route::StartUpload(_) => String::new(),
        };
        let repository = route.repository().map(ToString::to_string).unwrap_or_default();
        Subject {
            repository,
            reference,
        }
    }
}

/// Watches a request and its answer.
pub(super) async fn record(request: Request, next: Next) -> Response<Body> {
    let mut line = Line {
        started: Instant::now(),
        remote: super::remote(&request),
        method: request.method().to_string(),
        // The path alone: a query may hold what does not belong into a log.
        path: request.uri().path().to_owned(),
        agent: text(request.headers(), header::USER_AGENT),
        received: text(request.headers(), header::CONTENT_LENGTH),
        subject: Subject::default(),
        status: 0,
        length: None,
        sent: 0,
    };
    let mut response = next.run(request).await;
    line.status = response.status().as_u16();
    line.subject = response.extensions_mut().remove::<Subject>().unwrap_or_default();
    response.map(|body| {
        line.length = http_body::Body::size_hint(&body).exact();
        Body::new(Recorded { body, line })
    })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// What the line says. It is written when this is dropped.
struct Line {
    started: Instant,
    remote: String,
    method: String,
    path: String,
    agent: String,
    received: String,
    subject: Subject,
    status: u16,
    length: Option<u64>,
    sent: u64,
}

impl Drop for Line {
    fn drop(&mut self) {
        let cut = self.status != 0
            && self.method != "HEAD"
            && self.length.is_some_and(|length| length != self.sent);
        tracing::info!(
            target: "access",
            remote = %self.remote,
            method = %self.method,
            path = %self.path,
            status = self.status,
            repository = %self.subject.repository,
            reference = %self.subject.reference,
            received = %self.received,
            sent = self.sent,
            complete = !cut && self.status != 0,
            duration_ms = self.started.elapsed().as_secs_f64() * 1000.0,
            agent = %self.agent,
        );
    }
}

/// A body that is counted as it goes out.
struct Recorded {
    body: Body,
    line: Line,
}

impl http_body::Body for Recorded {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.line.sent += frame.data_ref().map_or(0, |data| data.len() as u64);
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
