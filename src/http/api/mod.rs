//! The administration API: what the distribution protocol has no verb for. JSON below `/api/v1`, behind the same gate as
//! everything else.
//!
//! A new operation is a variant of [`ApiRoute`], a handler with its `#[utoipa::path]`, and both named in [`answer`] and in
//! `description.rs`; a test holds the routes against the description. The types of bodies are public because the command
//! line reads what it is answered with them.

mod about;
mod body;
mod description;
mod job;
mod jobs;
mod problem;
mod quotas;
mod repositories;
mod route;
mod span;
mod statistics;
mod upload_purges;

use axum::body::Body;
use axum::http::Method;
use axum::http::request::Parts;

pub use about::About;
pub use job::{Job, JobOutcome, JobProgress, JobState, Jobs};
pub use problem::Problem;
pub use quotas::{Quota, Quotas};
pub use repositories::{RepositoryNow, TagNow};
pub use route::ApiRoute;
pub use span::{Span, SpanError};
pub use statistics::{Share, Statistics, StatisticsRequest, Volume};
pub use upload_purges::UploadPurge;

use super::access_error::AccessError;
use super::gate::Admitted;
use super::handlers::Answer;
use super::{App, HttpError};

const JSON: &str = "application/json";

/// Answers a request that has passed the gate.
pub(super) async fn answer(app: &App, admitted: &Admitted, request: &Parts, route: ApiRoute, body: Body) -> Answer {
    match route {
        ApiRoute::Description => description::get(app),
        ApiRoute::About => about::get(),
        ApiRoute::Repository(name) => repositories::get(app, &name).await,
        ApiRoute::Tag(name, tag) => repositories::get_tag(app, name, tag).await,
        ApiRoute::DeleteTag(name, tag) => repositories::delete_tag(app, &admitted.actor(), &name, &tag).await,
        ApiRoute::DeleteManifest(name, digest) => {
            repositories::delete_manifest(app, &admitted.actor(), &name, &digest).await
        }
        ApiRoute::Jobs => jobs::list(app),
        ApiRoute::Job(id) => jobs::get(app, id),
        ApiRoute::StopJob(id) => jobs::stop(app, id),
        ApiRoute::Quotas => quotas::list(app, admitted.caller()).await,
        ApiRoute::Statistics => statistics::post(app, admitted, request, body).await,
        ApiRoute::PurgeUploads => upload_purges::post(app, admitted, request, body).await,
    }
}

/// A browser sends what it knows of its user along with whatever any page asks it to send, and on an open registry nothing
/// is needed at all. So what changes something is refused when the browser says that the page is another site's. A browser
/// too old to say so is held off by the preflight that `DELETE` and JSON bodies need.
pub(super) fn refuse_other_sites(request: &Parts, route: &ApiRoute) -> Result<(), HttpError> {
    let said = request.headers.get("sec-fetch-site").map(|value| value.as_bytes());
    let site = match said {
        Some(b"cross-site") => "cross-site",
        Some(b"same-site") => "same-site",
        _ => return Ok(()),
    };
    if route.method() == Method::GET { Ok(()) } else { Err(AccessError::CrossSite { site }.into()) }
}
