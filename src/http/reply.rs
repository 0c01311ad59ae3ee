//! Answers, and the headers that they are made of.

use std::fmt::Display;

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use serde::Serialize;

use crate::oci::Digest;

use super::conditions::etag;

/// The digest of the content (distribution-spec, "Pulling manifests").
pub(super) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The name of an upload.
pub(super) const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");
/// The manifest that the one which was put refers to.
pub(super) const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");
/// A tag that was set by a parameter.
pub(super) const OCI_TAG: HeaderName = HeaderName::from_static("oci-tag");
/// The filters that were applied to the referrers.
pub(super) const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// An answer that is being put together.
pub(super) struct Reply(Response<Body>);

impl Reply {
    /// An answer without a body.
    pub(super) fn empty(status: StatusCode) -> Reply {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        Reply(response)
    }

    /// An answer of JSON.
    pub(super) fn json(media_type: &'static str, value: &impl Serialize) -> Reply {
        // What we serialise are strings, numbers and lists of them; that cannot fail.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Reply::empty(StatusCode::OK).header(header::CONTENT_TYPE, media_type).body(Body::from(bytes))
    }

    /// With another status.
    pub(super) fn status(mut self, status: StatusCode) -> Reply {
        *self.0.status_mut() = status;
        self
    }

    /// Sets a header. What cannot be part of one is left out.
    pub(super) fn header(mut self, name: HeaderName, value: impl Display) -> Reply {
        if let Ok(value) = HeaderValue::from_str(&value.to_string()) {
            self.0.headers_mut().append(name, value);
        }
        self
    }

    /// Names the content: its digest and its entity tag.
    pub(super) fn content(mut self, digest: &Digest) -> Reply {
        self.0.headers_mut().insert(header::ETAG, etag(digest));
        self.header(CONTENT_DIGEST, digest)
    }

    /// Sets the body.
    pub(super) fn body(mut self, body: Body) -> Reply {
        *self.0.body_mut() = body;
        self
    }

    /// The answer. One without a body says that it has none.
    pub(super) fn done(mut self) -> Response<Body> {
        let status = self.0.status();
        let may_have_body = status != StatusCode::NO_CONTENT && status != StatusCode::NOT_MODIFIED;
        let empty = http_body::Body::size_hint(self.0.body()).exact() == Some(0);
        let headers = self.0.headers_mut();
        if empty && may_have_body && !headers.contains_key(header::CONTENT_LENGTH) {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        self.0
    }
}
