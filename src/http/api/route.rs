//! The paths of the administration API as a value.
//!
//! A repository's name is one segment, percent-encoded (`team%2Fapp`), which is all that OpenAPI can describe. For people
//! with curl it may also be written with its slashes; then the path is read from its end, as those of the protocol are.

use std::borrow::Cow;
use std::fmt;

use axum::http::Method;
use percent_encoding::percent_decode_str;

use crate::auth::Action;
use crate::http::need::Need;
use crate::http::route::{Effect, RouteError};
use crate::oci::{Digest, Reference, ReferenceError, RepositoryName, Tag};
use crate::registry::{BatchId, JobId};

/// What a request asks of the administration API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiRoute {
    /// The API's own description (OpenAPI).
    Description,
    /// Which program this is, and which API.
    About,
    /// What a repository holds.
    Repository(RepositoryName),
    /// What a tag points at.
    Tag(RepositoryName, Tag),
    /// Delete a tag.
    DeleteTag(RepositoryName, Tag),
    /// Delete a manifest and every tag that points at it.
    DeleteManifest(RepositoryName, Digest),
    /// The jobs that run and those that are over.
    Jobs,
    /// One of them.
    Job(JobId),
    /// Ask one to stop.
    StopJob(JobId),
    /// How much of their quotas namespaces use.
    Quotas,
    /// Begin a job that gathers figures of what is held.
    Statistics,
    /// Begin a job that removes abandoned uploads.
    PurgeUploads,
    /// Begin a job that collects garbage.
    CollectGarbage,
    /// What is in the trash.
    Trash,
    /// Begin a job that brings a batch of the trash back.
    RestoreBatch(BatchId),
    /// Begin a job that empties the trash.
    EmptyTrash,
    /// Delete a repository.
    DeleteRepository(RepositoryName),
    /// Begin a job that deletes a repository and all below it.
    DeleteRepositories,
    /// Where a tag has pointed.
    TagHistory(RepositoryName, Tag),
    /// The tags that were deleted and can come back.
    DeletedTags(RepositoryName),
    /// Point a tag at a manifest that is there, or back at where it was.
    PointTag(RepositoryName, Tag),
    /// Begin a job that looks through the volume.
    Check,
    /// Begin a job that looks through the volume and repairs it.
    Repair,
    /// What retention would do.
    PreviewRetention,
    /// Begin a job that removes the tags that no rule of retention keeps.
    RunRetention,
}

impl ApiRoute {
    /// What a path has below the API's own; none if it is a path of something else.
    pub(in crate::http) fn below(path: &str) -> Option<&str> {
        let rest = path.strip_prefix("/api")?;
        (rest.is_empty() || rest.starts_with('/')).then_some(rest)
    }

    /// Reads a method and what [`ApiRoute::below`] gives, still percent-encoded.
    pub(in crate::http) fn parse(method: &Method, path: &str) -> Result<ApiRoute, RouteError> {
        let rest = path.strip_prefix("/v1").ok_or(RouteError::NotInApi)?;
        let segments: Vec<Cow<'_, str>> = match rest {
            "" | "/" => Vec::new(),
            _ => {
                let segments = rest.strip_prefix('/').ok_or(RouteError::NotInApi)?.split('/');
                let decoded = segments.map(|segment| percent_decode_str(segment).decode_utf8());
                decoded.collect::<Result<_, _>>().map_err(|_| RouteError::NotInApi)?
            }
        };
        let segments: Vec<&str> = segments.iter().map(AsRef::as_ref).collect();
        match segments[..] {
            [] => only_get(method, ApiRoute::About),
            ["openapi.json"] => only_get(method, ApiRoute::Description),
            ["jobs"] => only_get(method, ApiRoute::Jobs),
            ["jobs", id] => match *method {
                Method::DELETE => Ok(ApiRoute::StopJob(id.parse()?)),
                _ if is_get(method) => Ok(ApiRoute::Job(id.parse()?)),
                _ => Err(RouteError::Method { allowed: "GET, HEAD, DELETE" }),
            },
            ["upload-purges"] => only_post(method, ApiRoute::PurgeUploads),
            ["garbage-collections"] => only_post(method, ApiRoute::CollectGarbage),
            ["trash"] => only_get(method, ApiRoute::Trash),
            ["trash", batch, "restoration"] => only_post(method, ApiRoute::RestoreBatch(batch.parse()?)),
            ["trash-emptyings"] => only_post(method, ApiRoute::EmptyTrash),
            ["repository-deletions"] => only_post(method, ApiRoute::DeleteRepositories),
            ["checks"] => only_post(method, ApiRoute::Check),
            ["repairs"] => only_post(method, ApiRoute::Repair),
            ["quotas"] => only_get(method, ApiRoute::Quotas),
            ["stats"] => only_post(method, ApiRoute::Statistics),
            ["retention"] => only_get(method, ApiRoute::PreviewRetention),
            ["retention-runs"] => only_post(method, ApiRoute::RunRetention),
            ["repositories", ref name @ .., "tags", tag, "history"] if !name.is_empty() => {
                only_get(method, ApiRoute::TagHistory(parse_name(name)?, parse_tag(tag)?))
            }
            ["repositories", ref name @ .., "deleted-tags"] if !name.is_empty() => {
                only_get(method, ApiRoute::DeletedTags(parse_name(name)?))
            }
            ["repositories", ref name @ .., "tags", tag] if !name.is_empty() => match *method {
                Method::PUT => Ok(ApiRoute::PointTag(parse_name(name)?, parse_tag(tag)?)),
                Method::DELETE => Ok(ApiRoute::DeleteTag(parse_name(name)?, parse_tag(tag)?)),
                _ if is_get(method) => Ok(ApiRoute::Tag(parse_name(name)?, parse_tag(tag)?)),
                _ => Err(RouteError::Method { allowed: "GET, HEAD, PUT, DELETE" }),
            },
            ["repositories", ref name @ .., "manifests", digest] if !name.is_empty() => match *method {
                Method::DELETE => Ok(ApiRoute::DeleteManifest(parse_name(name)?, digest.parse()?)),
                _ => Err(RouteError::Method { allowed: "DELETE" }),
            },
            ["repositories", ref name @ ..] if !name.is_empty() => match *method {
                Method::DELETE => Ok(ApiRoute::DeleteRepository(parse_name(name)?)),
                _ if is_get(method) => Ok(ApiRoute::Repository(parse_name(name)?)),
                _ => Err(RouteError::Method { allowed: "GET, HEAD, DELETE" }),
            },
            _ => Err(RouteError::NotInApi),
        }
    }

    /// Whether users are named in the answer, to those who have said who they are.
    pub fn names_users(&self) -> bool {
        matches!(self, ApiRoute::TagHistory(..) | ApiRoute::DeletedTags(_))
    }

    /// What it needs of whoever asks for it.
    pub fn need(&self) -> Need<'_> {
        match self {
            ApiRoute::Description => Need::Nothing,
            ApiRoute::About => Need::LoggedIn,
            ApiRoute::Repository(name)
            | ApiRoute::Tag(name, _)
            | ApiRoute::TagHistory(name, _)
            | ApiRoute::DeletedTags(name) => Need::In(name, Action::Pull),
            // Also to read it, and to push if the tag is there.
            ApiRoute::PointTag(name, _) => Need::In(name, Action::Create),
            ApiRoute::DeleteTag(name, _) | ApiRoute::DeleteManifest(name, _) | ApiRoute::DeleteRepository(name) => {
                Need::In(name, Action::Delete)
            }
            ApiRoute::Jobs
            | ApiRoute::Job(_)
            | ApiRoute::StopJob(_)
            | ApiRoute::PurgeUploads
            | ApiRoute::CollectGarbage
            | ApiRoute::Trash
            | ApiRoute::RestoreBatch(_)
            | ApiRoute::EmptyTrash
            | ApiRoute::DeleteRepositories
            | ApiRoute::Check
            | ApiRoute::Repair
            | ApiRoute::PreviewRetention
            | ApiRoute::RunRetention
            | ApiRoute::Statistics => Need::Admin,
            ApiRoute::Quotas => Need::Something,
        }
    }

    /// What it does to what the registry holds. Stopping a job changes nothing of that, and a read-only registry has jobs
    /// too.
    pub fn effect(&self) -> Effect {
        match self {
            ApiRoute::Description
            | ApiRoute::About
            | ApiRoute::Repository(_)
            | ApiRoute::Tag(..)
            | ApiRoute::Jobs
            | ApiRoute::Job(_)
            | ApiRoute::StopJob(_)
            | ApiRoute::Trash
            | ApiRoute::TagHistory(..)
            | ApiRoute::DeletedTags(_)
            | ApiRoute::Check
            | ApiRoute::PreviewRetention
            | ApiRoute::Quotas
            | ApiRoute::Statistics => Effect::Read,
            ApiRoute::PurgeUploads | ApiRoute::RestoreBatch(_) | ApiRoute::PointTag(..) | ApiRoute::Repair => {
                Effect::Write
            }
            ApiRoute::CollectGarbage | ApiRoute::EmptyTrash => Effect::Collect,
            ApiRoute::DeleteTag(..)
            | ApiRoute::DeleteManifest(..)
            | ApiRoute::DeleteRepository(_)
            | ApiRoute::DeleteRepositories
            | ApiRoute::RunRetention => Effect::Delete,
        }
    }

    /// The repository that it is about, if it is about one.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match self {
            ApiRoute::Repository(name)
            | ApiRoute::Tag(name, _)
            | ApiRoute::DeleteTag(name, _)
            | ApiRoute::DeleteManifest(name, _)
            | ApiRoute::DeleteRepository(name)
            | ApiRoute::TagHistory(name, _)
            | ApiRoute::DeletedTags(name)
            | ApiRoute::PointTag(name, _) => Some(name),
            ApiRoute::Description
            | ApiRoute::About
            | ApiRoute::Jobs
            | ApiRoute::Job(_)
            | ApiRoute::StopJob(_)
            | ApiRoute::PurgeUploads
            | ApiRoute::CollectGarbage
            | ApiRoute::Trash
            | ApiRoute::RestoreBatch(_)
            | ApiRoute::EmptyTrash
            | ApiRoute::DeleteRepositories
            | ApiRoute::Check
            | ApiRoute::Repair
            | ApiRoute::PreviewRetention
            | ApiRoute::RunRetention
            | ApiRoute::Quotas
            | ApiRoute::Statistics => None,
        }
    }

    /// What of the repository it is about, for the log.
    pub(in crate::http) fn reference(&self) -> Option<Reference> {
        match self {
            ApiRoute::Tag(_, tag)
            | ApiRoute::DeleteTag(_, tag)
            | ApiRoute::TagHistory(_, tag)
            | ApiRoute::PointTag(_, tag) => Some(Reference::Tag(tag.clone())),
            ApiRoute::DeleteManifest(_, digest) => Some(Reference::Digest(*digest)),
            ApiRoute::Description
            | ApiRoute::About
            | ApiRoute::Repository(_)
            | ApiRoute::Jobs
            | ApiRoute::Job(_)
            | ApiRoute::StopJob(_)
            | ApiRoute::PurgeUploads
            | ApiRoute::CollectGarbage
            | ApiRoute::Trash
            | ApiRoute::RestoreBatch(_)
            | ApiRoute::EmptyTrash
            | ApiRoute::DeleteRepository(_)
            | ApiRoute::DeleteRepositories
            | ApiRoute::Check
            | ApiRoute::Repair
            | ApiRoute::PreviewRetention
            | ApiRoute::RunRetention
            | ApiRoute::Quotas
            | ApiRoute::Statistics
            | ApiRoute::DeletedTags(_) => None,
        }
    }

    /// The method that it is asked for with.
    pub fn method(&self) -> Method {
        match self {
            ApiRoute::Description
            | ApiRoute::About
            | ApiRoute::Repository(_)
            | ApiRoute::Tag(..)
            | ApiRoute::Jobs
            | ApiRoute::Job(_)
            | ApiRoute::Trash
            | ApiRoute::TagHistory(..)
            | ApiRoute::DeletedTags(_)
            | ApiRoute::PreviewRetention
            | ApiRoute::Quotas => Method::GET,
            ApiRoute::PointTag(..) => Method::PUT,
            ApiRoute::PurgeUploads
            | ApiRoute::CollectGarbage
            | ApiRoute::RestoreBatch(_)
            | ApiRoute::EmptyTrash
            | ApiRoute::DeleteRepositories
            | ApiRoute::Check
            | ApiRoute::Repair
            | ApiRoute::RunRetention
            | ApiRoute::Statistics => Method::POST,
            ApiRoute::DeleteTag(..)
            | ApiRoute::DeleteManifest(..)
            | ApiRoute::DeleteRepository(_)
            | ApiRoute::StopJob(_) => Method::DELETE,
        }
    }
}

/// The path below the prefix, as clients are sent to it.
impl fmt::Display for ApiRoute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Of what a name may have, only a slash means something in a path.
        let segment = |name: &RepositoryName| name.as_str().replace('/', "%2F");
        f.write_str("/api/v1/")?;
        match self {
            ApiRoute::Description => f.write_str("openapi.json"),
            ApiRoute::About => Ok(()),
            ApiRoute::Repository(name) | ApiRoute::DeleteRepository(name) => {
                write!(f, "repositories/{}", segment(name))
            }
            ApiRoute::Tag(name, tag) | ApiRoute::DeleteTag(name, tag) | ApiRoute::PointTag(name, tag) => {
                write!(f, "repositories/{}/tags/{tag}", segment(name))
            }
            ApiRoute::DeleteManifest(name, digest) => write!(f, "repositories/{}/manifests/{digest}", segment(name)),
            ApiRoute::Jobs => f.write_str("jobs"),
            ApiRoute::Job(id) | ApiRoute::StopJob(id) => write!(f, "jobs/{id}"),
            ApiRoute::Quotas => f.write_str("quotas"),
            ApiRoute::Statistics => f.write_str("stats"),
            ApiRoute::PurgeUploads => f.write_str("upload-purges"),
            ApiRoute::CollectGarbage => f.write_str("garbage-collections"),
            ApiRoute::Trash => f.write_str("trash"),
            ApiRoute::RestoreBatch(id) => write!(f, "trash/{id}/restoration"),
            ApiRoute::EmptyTrash => f.write_str("trash-emptyings"),
            ApiRoute::DeleteRepositories => f.write_str("repository-deletions"),
            ApiRoute::TagHistory(name, tag) => write!(f, "repositories/{}/tags/{tag}/history", segment(name)),
            ApiRoute::DeletedTags(name) => write!(f, "repositories/{}/deleted-tags", segment(name)),
            ApiRoute::Check => f.write_str("checks"),
            ApiRoute::Repair => f.write_str("repairs"),
            ApiRoute::PreviewRetention => f.write_str("retention"),
            ApiRoute::RunRetention => f.write_str("retention-runs"),
        }
    }
}

fn parse_name(segments: &[&str]) -> Result<RepositoryName, RouteError> {
    Ok(segments.join("/").parse::<RepositoryName>()?)
}

fn parse_tag(text: &str) -> Result<Tag, RouteError> {
    Ok(text.parse().map_err(ReferenceError::Tag)?)
}

fn is_get(method: &Method) -> bool {
    method == Method::GET || method == Method::HEAD
}

fn only_post(method: &Method, route: ApiRoute) -> Result<ApiRoute, RouteError> {
    if *method == Method::POST { Ok(route) } else { Err(RouteError::Method { allowed: "POST" }) }
}

fn only_get(method: &Method, route: ApiRoute) -> Result<ApiRoute, RouteError> {
    if is_get(method) { Ok(route) } else { Err(RouteError::Method { allowed: "GET, HEAD" }) }
}

#[cfg(test)]
#[path = "route_tests.rs"]
pub(super) mod tests;
