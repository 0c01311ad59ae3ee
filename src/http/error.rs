//! The one place where an error becomes a status, a code and a body.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::{Value, json};

use crate::auth::KeyError;
use crate::oci::{Digest, DigestError, ErrorCode, MediaTypeError, PatternError, RangeError, ReferenceError, TagError};
use crate::registry::RegistryError;

use super::access_error::AccessError;
use super::listen::BodyError;
use super::route::RouteError;

/// Why a request is not answered as it was meant.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The request line.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The registry refused or failed.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A page's length is not a number.
    #[error("n is a number of entries, not {0:?}")]
    PageLength(String),
    /// A digest in the query or in a header.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The request has to say what the content's digest is.
    #[error("say what the blob's digest is: PUT …?digest=sha256:…")]
    DigestMissing,
    /// A pattern of repositories.
    #[error("{found:?}: {source}")]
    Pattern {
        /// What was sent.
        found: String,
        /// Why it is none.
        source: PatternError,
    },
    /// A tag in the query.
    #[error(transparent)]
    Tag(#[from] TagError),
    /// More tags than one request may set.
    #[error("one request sets at most {limit} tags, this one has {found}; send the rest in another request")]
    TooManyTags {
        /// How many it may set.
        limit: usize,
        /// How many it has.
        found: usize,
    },
    /// The Content-Type.
    #[error("the Content-Type: {0}")]
    ContentType(#[from] MediaTypeError),
    /// A manifest is larger than is accepted.
    #[error("a manifest has at most {limit} bytes; put large data into a blob and refer to it")]
    ManifestTooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// A range in a header.
    #[error(transparent)]
    Range(#[from] RangeError),
    /// A precondition is not written as RFC 9110 says.
    #[error("{header} holds the digest in double quotes, or *, not {found:?}")]
    Condition {
        /// The header.
        header: &'static str,
        /// What it holds.
        found: String,
    },
    /// The request's body broke off.
    #[error("the request's body broke off")]
    BodyBroken(#[source] axum::Error),
    /// Too many large manifests are being pushed.
    #[error("too many large manifests are being pushed at once; try again in a moment")]
    Busy,
    /// A large manifest takes too long to arrive.
    #[error("a manifest must arrive within {} seconds", limit.as_secs())]
    ManifestTooSlow {
        /// How long it may take.
        limit: Duration,
    },
    /// A body of the administration API is larger than is accepted.
    #[error("a body has at most {limit} bytes here")]
    BodyTooLarge {
        /// How many bytes it may have.
        limit: usize,
    },
    /// It takes too long to arrive.
    #[error("a body must arrive within {} seconds", limit.as_secs())]
    BodyTooSlow {
        /// How long it may take.
        limit: Duration,
    },
    /// It does not say that it is JSON.
    #[error("send the body as JSON and say so, with Content-Type: application/json")]
    NotJson,
    /// It is not the JSON that was asked for.
    #[error("the body cannot be understood: {}", .0.to_string().chars().take(300).collect::<String>())]
    Body(serde_json::Error),
    /// Who asks may not, or cannot be told apart.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// A token could not be signed.
    #[error("a token cannot be issued")]
    TokenNotIssued(#[source] KeyError),
    /// The storage fails its checks.
    #[error("the registry cannot reach its storage; try again later")]
    Unwell,
}

impl HttpError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            HttpError::Route(error) => match error {
                RouteError::NotFound
                | RouteError::NotInApi
                | RouteError::Upload(_)
                | RouteError::Job(_)
                | RouteError::Batch(_) => StatusCode::NOT_FOUND,
                RouteError::Method { .. } => StatusCode::METHOD_NOT_ALLOWED,
                RouteError::Name(_) | RouteError::Reference(_) | RouteError::Digest(_) => StatusCode::BAD_REQUEST,
            },
            HttpError::Registry(error) => match error {
                RegistryError::BlobUnknown { .. }
                | RegistryError::ManifestUnknown { .. }
                | RegistryError::ManifestRemoved { .. }
                | RegistryError::NothingToGoBackTo { .. }
                | RegistryError::RepositoryUnknown { .. }
                | RegistryError::UploadUnknown { .. }
                | RegistryError::BatchUnknown(_)
                | RegistryError::JobUnknown(_)
                | RegistryError::ReferencesUnknown { .. } => StatusCode::NOT_FOUND,
                RegistryError::BodyBroken(source) => broken(source.as_ref()),
                RegistryError::DigestMismatch { .. }
                | RegistryError::ChunkLength { .. }
                | RegistryError::ManifestInvalid(_)
                | RegistryError::UrlRefused { .. } => StatusCode::BAD_REQUEST,
                RegistryError::UploadTakenOver(_)
                | RegistryError::PlaceUnknown(_)
                | RegistryError::JobRunning { .. } => StatusCode::CONFLICT,
                RegistryError::OutOfOrder { .. } => StatusCode::RANGE_NOT_SATISFIABLE,
                RegistryError::PreconditionFailed { .. } => StatusCode::PRECONDITION_FAILED,
                RegistryError::WouldOverwrite { .. }
                | RegistryError::WouldRetype { .. }
                // Docker shows the sentence of a 403 and does not try again; of a 507 it shows the status alone, five times.
                | RegistryError::QuotaExceeded(_)
                | RegistryError::TagImmutable { .. } => StatusCode::FORBIDDEN,
                RegistryError::DeleteDisabled | RegistryError::ReadOnly => StatusCode::METHOD_NOT_ALLOWED,
                RegistryError::Full(_) => StatusCode::INSUFFICIENT_STORAGE,
                RegistryError::Passing(_) | RegistryError::Stopped | RegistryError::Shared => {
                    StatusCode::SERVICE_UNAVAILABLE
                }
                RegistryError::Storage(_)
                | RegistryError::Damaged(_)
                | RegistryError::RepositoriesMissing { .. }
                | RegistryError::Unreadable { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            },
            HttpError::Access(error) => error.status(),
            HttpError::TokenNotIssued(_) => StatusCode::INTERNAL_SERVER_ERROR,
            HttpError::PageLength(_)
            | HttpError::Digest(_)
            | HttpError::DigestMissing
            | HttpError::Pattern { .. }
            | HttpError::Tag(_)
            | HttpError::ContentType(_)
            | HttpError::Body(_)
            | HttpError::Condition { .. } => StatusCode::BAD_REQUEST,
            HttpError::BodyBroken(source) => broken(source),
            HttpError::Unwell | HttpError::Busy => StatusCode::SERVICE_UNAVAILABLE,
            HttpError::ManifestTooSlow { .. } | HttpError::BodyTooSlow { .. } => StatusCode::REQUEST_TIMEOUT,
            HttpError::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            HttpError::TooManyTags { .. } => StatusCode::URI_TOO_LONG,
            HttpError::ManifestTooLarge { .. } | HttpError::BodyTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            HttpError::Range(_) => StatusCode::RANGE_NOT_SATISFIABLE,
        }
    }

    pub(super) fn code(&self) -> ErrorCode {
        match self {
            HttpError::Route(error) => match error {
                RouteError::NotFound | RouteError::NotInApi => ErrorCode::Unsupported,
                RouteError::Job(_) => ErrorCode::JobUnknown,
                RouteError::Batch(_) => ErrorCode::NameUnknown,
                RouteError::Method { .. } => ErrorCode::Unsupported,
                RouteError::Name(_) => ErrorCode::NameInvalid,
                RouteError::Reference(ReferenceError::Tag(_)) => ErrorCode::TagInvalid,
                RouteError::Reference(ReferenceError::Digest(_)) | RouteError::Digest(_) => ErrorCode::DigestInvalid,
                RouteError::Upload(_) => ErrorCode::BlobUploadUnknown,
            },
            HttpError::Registry(error) => error.code(),
            HttpError::Access(error) => error.code(),
            HttpError::TokenNotIssued(_) => ErrorCode::Unknown,
            HttpError::Unwell | HttpError::Busy => ErrorCode::Unavailable,
            HttpError::PageLength(_) => ErrorCode::PaginationNumberInvalid,
            HttpError::Digest(_) | HttpError::DigestMissing => ErrorCode::DigestInvalid,
            HttpError::Pattern { .. } => ErrorCode::NameInvalid,
            HttpError::Tag(_) | HttpError::TooManyTags { .. } => ErrorCode::TagInvalid,
            HttpError::ContentType(_) | HttpError::BodyBroken(_) | HttpError::ManifestTooSlow { .. } => {
                ErrorCode::ManifestInvalid
            }
            HttpError::ManifestTooLarge { .. } | HttpError::BodyTooLarge { .. } => ErrorCode::SizeInvalid,
            HttpError::BodyTooSlow { .. } | HttpError::Body(_) => ErrorCode::BodyInvalid,
            HttpError::NotJson => ErrorCode::ContentTypeInvalid,
            HttpError::Range(_) => ErrorCode::RangeInvalid,
            HttpError::Condition { .. } => ErrorCode::PreconditionFailed,
        }
    }

    /// What a program may want to know, beside the sentence.
    fn detail(&self) -> Value {
        match self {
            HttpError::Registry(RegistryError::BlobUnknown { repository, digest, .. }) => {
                json!({"name": repository.as_str(), "digest": digest})
            }
            HttpError::Registry(RegistryError::ManifestUnknown { repository, reference, .. }) => {
                json!({"name": repository.as_str(), "reference": reference.to_string()})
            }
            HttpError::Registry(RegistryError::RepositoryUnknown { repository, .. }) => {
                json!({"name": repository.as_str()})
            }
            HttpError::Registry(RegistryError::DigestMismatch { expected, found }) => {
                json!({"expected": expected, "found": found})
            }
            HttpError::Registry(RegistryError::TagImmutable { repository, tag, digest, rule }) => {
                json!({"name": repository.as_str(), "tag": tag.as_str(), "digest": digest, "rule": rule})
            }
            HttpError::Registry(RegistryError::QuotaExceeded(over)) => {
                json!({"namespace": over.namespace.as_str(), "quota": over.quota.0, "used": over.used.0,
                    "underWay": over.under_way.0, "more": over.more.0, "key": over.key})
            }
            HttpError::Access(error) => error.detail(),
            _ => Value::Null,
        }
    }

    /// The entries of the body: one, or one for each thing that is missing.
    fn entries(&self, status: StatusCode) -> Vec<Value> {
        let code = self.code().as_str();
        if let HttpError::Registry(RegistryError::ReferencesUnknown { repository, missing }) = self {
            let entry = |digest: &Digest| {
                let message = format!("repository {repository} does not hold {digest}, which the manifest refers to");
                json!({"code": code, "message": message, "detail": {"digest": digest}})
            };
            return missing.iter().take(MOST_ENTRIES).map(entry).collect();
        }
        vec![json!({"code": code, "message": self.sentence(status), "detail": self.detail()})]
    }

    /// What a person is told.
    pub(super) fn sentence(&self, status: StatusCode) -> String {
        match status {
            // What is wrong inside is for the log.
            StatusCode::INTERNAL_SERVER_ERROR => "the registry could not do this; its log says why".to_owned(),
            _ => self.to_string(),
        }
    }

    /// Logs a failure of ours, with its causes.
    pub(super) fn log(&self, status: StatusCode) {
        // That the storage fails its checks is logged where they are made.
        let said = matches!(self, HttpError::Unwell | HttpError::Busy | HttpError::Access(_));
        if status.is_server_error() && !said {
            tracing::error!(error = self as &dyn std::error::Error, "a request failed");
        }
    }

    /// The headers that go with it.
    pub(super) fn headers(&self, headers: &mut HeaderMap) {
        if let HttpError::Route(RouteError::Method { allowed }) = self {
            headers.insert(header::ALLOW, HeaderValue::from_static(allowed));
        }
        if let HttpError::Access(error) = self {
            error.headers(headers);
        }
    }

    /// The answer. A failure of ours is logged here, once, with its causes.
    pub fn into_response(self) -> Response<Body> {
        let status = self.status();
        self.log(status);
        let mut body = json!({"errors": self.entries(status)});
        if let HttpError::Access(error) = &self
            && let Some(name) = error.oauth_error()
        {
            body["error"] = name.into();
            body["error_description"] = error.to_string().into();
        }
        let mut response = Response::new(Body::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.headers(headers);
        response
    }
}

/// A body that ended before its end: the client was too slow, or it went away.
fn broken(error: &(dyn std::error::Error + 'static)) -> StatusCode {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    let stalled = causes.any(|cause| matches!(cause.downcast_ref(), Some(BodyError::Stalled(_))));
    if stalled { StatusCode::REQUEST_TIMEOUT } else { StatusCode::BAD_REQUEST }
}

/// As many missing references as an answer names.
const MOST_ENTRIES: usize = 100;
