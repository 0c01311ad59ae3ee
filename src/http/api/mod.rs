//! The administration API: what the distribution protocol has no verb for. JSON below `/api/v1`, behind the same gate as
//! everything else.
//!
//! A new operation is a variant of [`ApiRoute`], a handler with its `#[utoipa::path]`, and both named in `answer` and in
//! `description.rs`; a test holds the routes against the description. The types of bodies are public because the command
//! line reads what it is answered with them.

mod about;
mod body;
mod checked;
mod checks;
mod collections;
mod deletions;
mod description;
mod history;
mod job;
mod jobs;
mod problem;
mod quotas;
mod repositories;
mod retention;
mod route;
mod shares;
mod span;
mod statistics;
mod trash;
mod upload_purges;

use axum::body::Body;
use axum::http::Method;
use axum::http::request::Parts;

pub use about::About;
pub use checked::{Amount, Checked, DefectCount, Finding, LookedAt, Outcome, Severity};
pub use checks::CheckTerms;
pub use collections::{CollectionOutcome, GarbageCollection, Gone};
pub use deletions::{DeletedRepository, RepositoryDeletion};
pub use history::{DeletedTag, DeletedTags, HowMoved, PointTag, PointedTag, TagHistory, TagMove};
pub use job::{Job, JobOutcome, JobProgress, JobState, Jobs};
pub use problem::Problem;
pub use quotas::{Quota, Quotas};
pub use repositories::{RepositoryNow, TagNow};
pub use retention::{RetainedTag, RetentionPreview, RetentionRun, TagFate};
pub use route::ApiRoute;
pub use shares::{Percent, Share};
pub use span::{Span, SpanError};
pub use statistics::{RepositoryShare, Statistics, StatisticsRequest, Volume};
pub use trash::{RestorationOutcome, Trash, TrashBatch, TrashEmptying};
pub use upload_purges::UploadPurge;

use super::access_error::AccessError;
use super::gate::Admitted;
use super::handlers::Answer;
use super::listen::Peer;
use super::{App, HttpError};

const JSON: &str = "application/json";

/// Answers a request that has passed the gate.
pub(super) async fn answer(
    app: &App,
    admitted: &Admitted,
    request: &Parts,
    peer: &Peer,
    route: ApiRoute,
    body: Body,
) -> Answer {
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
        ApiRoute::CollectGarbage => collections::post(app, admitted, request, body).await,
        ApiRoute::Trash => trash::list(app).await,
        ApiRoute::RestoreBatch(id) => trash::restore(app, admitted, id),
        ApiRoute::EmptyTrash => trash::empty(app, admitted, request, body).await,
        ApiRoute::DeleteRepository(name) => deletions::delete(app, admitted, &name).await,
        ApiRoute::DeleteRepositories => deletions::post(app, admitted, request, body).await,
        ApiRoute::TagHistory(name, tag) => history::get(app, admitted, &name, &tag).await,
        ApiRoute::DeletedTags(name) => history::list_deleted(app, admitted, request, name).await,
        ApiRoute::PointTag(name, tag) => history::put(app, admitted, request, peer, name, tag, body).await,
        ApiRoute::Check => checks::check(app, admitted, request, body).await,
        ApiRoute::Repair => checks::repair(app, admitted, request, body).await,
        ApiRoute::PreviewRetention => retention::preview(app, request).await,
        ApiRoute::RunRetention => retention::run(app, admitted, request, body).await,
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
