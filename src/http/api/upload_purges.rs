//! Removing abandoned uploads, as a job.

use std::time::Duration;

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;

use super::{Job, Span, body, jobs};

/// Which uploads are to be removed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UploadPurge {
    /// How long ago they began at least. Without it, what `storage.maintenance.uploadpurging.age` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub older_than: Option<Span>,
    /// Whether they are only counted.
    #[serde(default)]
    pub dry_run: bool,
}

#[utoipa::path(
    post,
    path = "/api/v1/upload-purges",
    operation_id = "purgeUploads",
    summary = "Begin a job that removes uploads which nobody finished",
    tag = "jobs",
    request_body(content = UploadPurge, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn post(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let UploadPurge { older_than, dry_run } = body::read(request, body).await?;
    let configured = || app.registry.settings().upload_purging.unwrap_or_default().age;
    let age: Duration = older_than.map_or_else(configured, Span::duration);
    jobs::begun(app, app.registry.start_upload_purge(admitted.actor(), age, dry_run)?)
}
