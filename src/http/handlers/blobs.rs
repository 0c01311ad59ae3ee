//! Blobs (end-2, end-10).

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, Method, StatusCode, header};

use crate::auth::Caller;
use crate::http::conditions::{client_has, range_applies};
use crate::http::gate::actor;
use crate::http::reply::Reply;
use crate::http::{App, HttpError};
use crate::oci::{ByteRange, Digest, RangeError, RepositoryName};

use super::Answer;

/// Content under a digest never changes; a year is the longest that caches understand.
const FOR_EVER: &str = "max-age=31536000";
/// Whatever a blob holds, a browser must not run it as a page of ours.
const HARMLESS: [(HeaderName, &str); 2] =
    [(header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"), (header::CONTENT_DISPOSITION, "attachment")];

/// A blob or a part of it.
pub(super) async fn get(app: &App, request: &Parts, name: RepositoryName, digest: Digest) -> Answer {
    if request.method == Method::HEAD {
        let size = app.registry.stat_blob(&name, &digest).await?;
        return Ok(match client_has(&request.headers, &digest) {
            true => described(StatusCode::NOT_MODIFIED, &digest).done(),
            false => described(StatusCode::OK, &digest).header(header::CONTENT_LENGTH, size).done(),
        });
    }
    let blob = app.registry.open_blob(&name, &digest).await?;
    if client_has(&request.headers, &digest) {
        return Ok(described(StatusCode::NOT_MODIFIED, &digest).done());
    }
    let size = blob.size();
    // Of nothing there is no part; Go's file server, and so registry:2, sends the whole then.
    let asked = request.headers.get(header::RANGE).filter(|_| size > 0);
    let asked = asked.and_then(|value| ByteRange::parse(value.to_str().ok()?));
    let range = match asked.filter(|_| range_applies(&request.headers, &digest)).map(|range| range.within(size)) {
        None => None,
        Some(Ok(range)) => Some(range),
        Some(Err(error @ (RangeError::NotSatisfiable { .. } | RangeError::Malformed))) => {
            let mut response = HttpError::Range(error).into_response();
            let unsatisfied = format!("bytes */{size}");
            response.headers_mut().extend(unsatisfied.parse().map(|value| (header::CONTENT_RANGE, value)));
            return Ok(response);
        }
    };
    let reply = match &range {
        None => described(StatusCode::OK, &digest),
        Some(range) => described(StatusCode::PARTIAL_CONTENT, &digest)
            .header(header::CONTENT_RANGE, format_args!("bytes {}-{}/{size}", range.start, range.end - 1)),
    };
    let range = range.unwrap_or(0..size);
    let length = range.end - range.start;
    Ok(reply.header(header::CONTENT_LENGTH, length).body(Body::from_stream(blob.read(range))).done())
}

/// Takes a blob from the repository.
pub(super) async fn delete(app: &App, caller: &Caller, name: RepositoryName, digest: Digest) -> Answer {
    app.registry.delete_blob(&name, &digest, &actor(caller)).await?;
    Ok(Reply::empty(StatusCode::ACCEPTED).done())
}

fn described(status: StatusCode, digest: &Digest) -> Reply {
    let reply = Reply::empty(status)
        .content(digest)
        .header(header::CONTENT_TYPE, "application/octet-stream")
        .header(header::ACCEPT_RANGES, "bytes")
        .header(header::CACHE_CONTROL, FOR_EVER);
    HARMLESS.into_iter().fold(reply, |reply, (name, value)| reply.header(name, value))
}
