//! How the administration API says that something is wrong: one shape for everything (RFC 9457). Status, sentence and
//! headers are those of [`HttpError`], where every error has its own.

use std::borrow::Cow;

use axum::body::Body;
use axum::http::{HeaderValue, Response, header};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::HttpError;

/// The media type of a problem.
pub(super) const PROBLEM: &str = "application/problem+json";

/// What is wrong with a request, or with the registry (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `about:blank`: the status says what kind of problem it is, and `code` which.
    #[serde(rename = "type")]
    pub kind: Cow<'static, str>,
    /// The status in words.
    pub title: Cow<'static, str>,
    /// The status of the answer.
    pub status: u16,
    /// What is wrong and what can be done, for a person.
    pub detail: String,
    /// What is wrong, for a program.
    pub code: Cow<'static, str>,
}

impl HttpError {
    /// The answer of the administration API. A failure of ours is logged here, once, with its causes.
    pub(in crate::http) fn into_problem(self) -> Response<Body> {
        let status = self.status();
        self.log(status);
        let problem = Problem {
            kind: "about:blank".into(),
            title: status.canonical_reason().unwrap_or("Error").into(),
            status: status.as_u16(),
            detail: self.sentence(status),
            code: self.code().as_str().into(),
        };
        // Strings and a number cannot fail to be written.
        let mut response = Response::new(Body::from(serde_json::to_vec(&problem).unwrap_or_default()));
        *response.status_mut() = status;
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        self.headers(response.headers_mut());
        response
    }
}
