//! The request line as a value.
//!
//! Names of repositories contain slashes and may contain `blobs`, `manifests` and `tags`, so a path is read from its end.

use std::fmt;

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::oci::{Digest, DigestError, NameError, Reference, ReferenceError, RepositoryName};
use crate::registry::{BatchIdError, JobIdError, UploadId, UploadIdError};

use super::api::ApiRoute;

/// Where tokens are issued, below `/v2/`, so that a proxy that lets through that path alone lets clients log in.
const TOKEN: &str = "_wharf/auth/token";
/// Where callers learn who they are.
const WHOAMI: &str = "_wharf/auth/whoami";

/// What a request asks for. `HEAD` is `GET` without a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Is this a registry, and may I talk to it (end-1)?
    Version,
    /// A token for whoever shows a password, or nothing.
    GetToken,
    /// The same for OAuth2 clients.
    PostToken,
    /// Who am I here, and what may I do?
    Whoami,
    /// Which repositories there are.
    Catalog,
    /// Which tags a repository has (end-8a).
    Tags(RepositoryName),
    /// What refers to a manifest (end-12a).
    Referrers(RepositoryName, Digest),
    /// A manifest (end-3).
    GetManifest(RepositoryName, Reference),
    /// Put a manifest (end-7a, end-7b).
    PutManifest(RepositoryName, Reference),
    /// Delete a manifest or a tag (end-9).
    DeleteManifest(RepositoryName, Reference),
    /// A blob (end-2).
    GetBlob(RepositoryName, Digest),
    /// Delete a blob (end-10).
    DeleteBlob(RepositoryName, Digest),
    /// Start an upload, or push or mount a blob in one request (end-4a, end-4b, end-4c, end-11).
    StartUpload(RepositoryName),
    /// How far an upload has come (end-13).
    UploadStatus(RepositoryName, UploadId),
    /// Add to an upload (end-5).
    AppendUpload(RepositoryName, UploadId),
    /// Finish an upload (end-6).
    FinishUpload(RepositoryName, UploadId),
    /// Give an upload up (end-14).
    CancelUpload(RepositoryName, UploadId),
    /// Something of the administration API.
    Api(ApiRoute),
}

/// Why a request line is not a [`Route`]. Each is a different refusal.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No such path, whatever the method.
    #[error("there is nothing at this path; the registry's API is below /v2/")]
    NotFound,
    /// No such path in the administration API.
    #[error("the administration API has nothing at this path; /api/v1/openapi.json says what it has")]
    NotInApi,
    /// The path is known and the method is not for it.
    #[error("this path knows {allowed}")]
    Method {
        /// The methods that it knows.
        allowed: &'static str,
    },
    /// The repository's name is malformed.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The tag or digest of a manifest is malformed.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// The digest of a blob or subject is malformed.
    #[error(transparent)]
    Digest(#[from] DigestError),
    /// The job's name is malformed.
    #[error(transparent)]
    Job(#[from] JobIdError),
    /// The name of a batch of the trash is malformed.
    #[error(transparent)]
    Batch(#[from] BatchIdError),
    /// The upload's name is malformed.
    #[error(transparent)]
    Upload(#[from] UploadIdError),
}

/// What a route does to the registry; the operator's switches look at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing is changed.
    Read,
    /// Something is added or replaced, or an upload is given up.
    Write,
    /// Something that was pushed is removed.
    Delete,
    /// What nothing leads to any more, or what was removed before, goes. For the operator that is no deletion: it is what
    /// `registry garbage-collect` does whether or not clients may delete.
    Collect,
}

impl Route {
    /// Reads a method and the path behind the prefix, still percent-encoded.
    pub fn parse(method: &Method, path: &str) -> Result<Route, RouteError> {
        if let Some(path) = ApiRoute::below(path) {
            return ApiRoute::parse(method, path).map(Route::Api);
        }
        let decoded = percent_decode_str(path).decode_utf8().map_err(|_| RouteError::NotFound)?;
        let path = decoded.strip_prefix("/v2").ok_or(RouteError::NotFound)?;
        if path.is_empty() || path == "/" {
            return only_get(method, Route::Version);
        }
        let path = path.strip_prefix('/').ok_or(RouteError::NotFound)?;
        if path == "_catalog" || path == "_catalog/" {
            return only_get(method, Route::Catalog);
        }
        // Extensions are below what cannot be a repository's name (distribution-spec, "Extensions").
        if path == TOKEN {
            return match *method {
                Method::POST => Ok(Route::PostToken),
                _ if is_get(method) => Ok(Route::GetToken),
                _ => Err(RouteError::Method { allowed: "GET, HEAD, POST" }),
            };
        }
        if path == WHOAMI {
            return only_get(method, Route::Whoami);
        }
        let segments: Vec<&str> = path.split('/').collect();
        // The name is what stands before the last two segments, or three for an upload; without one there is no such path.
        match segments[..] {
            [ref name @ .., "tags", "list"] | [ref name @ .., "tags", "list", ""] if !name.is_empty() => {
                only_get(method, Route::Tags(parse_name(name)?))
            }
            [ref name @ .., "referrers", digest] if !name.is_empty() => {
                only_get(method, Route::Referrers(parse_name(name)?, digest.parse()?))
            }
            [ref name @ .., "manifests", reference] if !name.is_empty() => manifest(method, name, reference),
            [ref name @ .., "blobs", "uploads", ""] | [ref name @ .., "blobs", "uploads"] if !name.is_empty() => {
                match *method {
                    Method::POST => Ok(Route::StartUpload(parse_name(name)?)),
                    _ => Err(RouteError::Method { allowed: "POST" }),
                }
            }
            [ref name @ .., "blobs", "uploads", id] if !name.is_empty() => upload(method, name, id),
            [ref name @ .., "blobs", digest] if !name.is_empty() => blob(method, name, digest),
            _ => Err(RouteError::NotFound),
        }
    }

    /// What the route does to the registry.
    pub fn effect(&self) -> Effect {
        match self {
            Route::Api(route) => route.effect(),
            Route::Version
            | Route::GetToken
            | Route::PostToken
            | Route::Whoami
            | Route::Catalog
            | Route::Tags(_)
            | Route::Referrers(..)
            | Route::GetManifest(..)
            | Route::GetBlob(..)
            | Route::UploadStatus(..) => Effect::Read,
            Route::PutManifest(..)
            | Route::StartUpload(_)
            | Route::AppendUpload(..)
            | Route::FinishUpload(..)
            | Route::CancelUpload(..) => Effect::Write,
            Route::DeleteManifest(..) | Route::DeleteBlob(..) => Effect::Delete,
        }
    }

    /// The repository that it is about, if it is about one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            Route::Api(route) => route.repository(),
            Route::Version | Route::GetToken | Route::PostToken | Route::Whoami | Route::Catalog => None,
            Route::Tags(name)
            | Route::Referrers(name, _)
            | Route::GetManifest(name, _)
            | Route::PutManifest(name, _)
            | Route::DeleteManifest(name, _)
            | Route::GetBlob(name, _)
            | Route::DeleteBlob(name, _)
            | Route::StartUpload(name)
            | Route::UploadStatus(name, _)
            | Route::AppendUpload(name, _)
            | Route::FinishUpload(name, _)
            | Route::CancelUpload(name, _) => Some(name),
        }
    }

    /// The method that it is asked for with.
    pub fn method(&self) -> Method {
        match self {
            Route::Api(route) => route.method(),
            Route::Version
            | Route::GetToken
            | Route::Whoami
            | Route::Catalog
            | Route::Tags(_)
            | Route::Referrers(..)
            | Route::GetManifest(..)
            | Route::GetBlob(..)
            | Route::UploadStatus(..) => Method::GET,
            Route::PutManifest(..) | Route::FinishUpload(..) => Method::PUT,
            Route::StartUpload(_) | Route::PostToken => Method::POST,
            Route::AppendUpload(..) => Method::PATCH,
            Route::DeleteManifest(..) | Route::DeleteBlob(..) | Route::CancelUpload(..) => Method::DELETE,
        }
    }
}

/// The path below the prefix, as clients are sent to it.
impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Route::Api(route) => route.fmt(f),
            Route::Version => f.write_str("/v2/"),
            Route::GetToken | Route::PostToken => write!(f, "/v2/{TOKEN}"),
            Route::Whoami => write!(f, "/v2/{WHOAMI}"),
            Route::Catalog => f.write_str("/v2/_catalog"),
            Route::Tags(name) => write!(f, "/v2/{name}/tags/list"),
            Route::Referrers(name, digest) => write!(f, "/v2/{name}/referrers/{digest}"),
            Route::GetManifest(name, reference)
            | Route::PutManifest(name, reference)
            | Route::DeleteManifest(name, reference) => write!(f, "/v2/{name}/manifests/{reference}"),
            Route::GetBlob(name, digest) | Route::DeleteBlob(name, digest) => {
                write!(f, "/v2/{name}/blobs/{digest}")
            }
            Route::StartUpload(name) => write!(f, "/v2/{name}/blobs/uploads/"),
            Route::UploadStatus(name, id)
            | Route::AppendUpload(name, id)
            | Route::FinishUpload(name, id)
            | Route::CancelUpload(name, id) => write!(f, "/v2/{name}/blobs/uploads/{id}"),
        }
    }
}

fn parse_name(segments: &[&str]) -> Result<RepositoryName, NameError> {
    segments.join("/").parse()
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn only_get(method: &Method, route: Route) -> Result<Route, RouteError> {
    if is_get(method) { Ok(route) } else { Err(RouteError::Method { allowed: "GET, HEAD" }) }
}

fn manifest(method: &Method, name: &[&str], reference: &str) -> Result<Route, RouteError> {
    let route = match *method {
        Method::GET | Method::HEAD => Route::GetManifest,
        Method::PUT => Route::PutManifest,
        Method::DELETE => Route::DeleteManifest,
        _ => {
            return Err(RouteError::Method { allowed: "GET, HEAD, PUT, DELETE" });
        }
    };
    Ok(route(parse_name(name)?, reference.parse()?))
}

fn blob(method: &Method, name: &[&str], digest: &str) -> Result<Route, RouteError> {
    let route = match *method {
        Method::GET | Method::HEAD => Route::GetBlob,
        Method::DELETE => Route::DeleteBlob,
        _ => {
            return Err(RouteError::Method { allowed: "GET, HEAD, DELETE" });
        }
    };
    Ok(route(parse_name(name)?, digest.parse()?))
}

fn upload(method: &Method, name: &[&str], id: &str) -> Result<Route, RouteError> {
    let route = match *method {
        Method::GET | Method::HEAD => Route::UploadStatus,
        Method::PATCH => Route::AppendUpload,
        Method::PUT => Route::FinishUpload,
        Method::DELETE => Route::CancelUpload,
        _ => {
            return Err(RouteError::Method { allowed: "GET, HEAD, PATCH, PUT, DELETE" });
        }
    };
    Ok(route(parse_name(name)?, id.parse()?))
}

#[cfg(test)]
#[path = "route_tests.rs"]
mod tests;
