//! Jobs: listing them, looking at one, asking one to stop.

use axum::http::{StatusCode, header};

use crate::http::App;
use crate::http::handlers::Answer;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::registry::{JobId, JobReport};

use super::{ApiRoute, Job, Jobs};

#[utoipa::path(
    get,
    path = "/api/v1/jobs",
    operation_id = "listJobs",
    summary = "The jobs that run, and the last that are over",
    tag = "jobs",
    responses((status = 200, description = "The jobs, the one that began last first; of what they found only figures", body = Jobs))
)]
pub(super) fn list(app: &App) -> Answer {
    let mut jobs = app.registry.jobs();
    jobs.iter_mut().for_each(|job| job.state.keep_figures());
    let jobs = jobs.into_iter().map(Job::from).collect();
    Ok(Reply::json(super::JSON, &Jobs { jobs }).done())
}

#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    operation_id = "getJob",
    summary = "A job: how far it has come, or what came of it",
    tag = "jobs",
    params(("id" = String, Path, format = "uuid", description = "The job's name")),
    responses((status = 200, description = "The job", body = Job))
)]
pub(super) fn get(app: &App, id: JobId) -> Answer {
    Ok(Reply::json(super::JSON, &Job::from(app.registry.job(id)?)).done())
}

#[utoipa::path(
    delete,
    path = "/api/v1/jobs/{id}",
    operation_id = "stopJob",
    summary = "Ask a job to stop; what was done until then stays done",
    tag = "jobs",
    params(("id" = String, Path, format = "uuid", description = "The job's name")),
    responses((status = 202, description = "It is asked, or is over already", body = Job))
)]
pub(super) fn stop(app: &App, id: JobId) -> Answer {
    let job = Job::from(app.registry.stop_job(id)?);
    Ok(Reply::json(super::JSON, &job).status(StatusCode::ACCEPTED).done())
}

/// The answer to a request that has begun a job.
pub(super) fn begun(app: &App, report: JobReport) -> Answer {
    let place = app.location(&Route::Api(ApiRoute::Job(report.id)));
    let reply = Reply::json(super::JSON, &Job::from(report)).status(StatusCode::ACCEPTED);
    Ok(reply.header(header::LOCATION, place).done())
}
