//! Looking through the volume, and repairing it, as a job.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::registry::{CheckOptions, Effort, Sample};

use super::{Job, Percent, Share, body, jobs};

/// How the volume is looked through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckTerms {
    /// Which share of the blobs is hashed; without it all of them. Manifests always are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sample: Option<Share>,
    /// What chooses the blobs; without it nobody knows before. The one of an earlier check chooses the same again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// How much of the time to be busy; without it all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u8>, minimum = 1, maximum = 100, examples(20))]
    pub effort: Option<Percent>,
}

impl CheckTerms {
    fn options(self, repair: bool) -> CheckOptions {
        CheckOptions {
            repair,
            sample: self.sample.map_or(Sample::EVERYTHING, |share| share.0),
            seed: self.seed,
            effort: self.effort.map_or(Effort::FULL, |percent| percent.0),
        }
    }
}

#[utoipa::path(
    post,
    path = "/api/v1/checks",
    operation_id = "check",
    summary = "Begin a job that looks through the volume and changes nothing",
    tag = "jobs",
    request_body(content = CheckTerms, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn check(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    begin(app, admitted, request, body, false).await
}

#[utoipa::path(
    post,
    path = "/api/v1/repairs",
    operation_id = "repair",
    summary = "Begin a job that looks through the volume and repairs what can be repaired safely",
    tag = "jobs",
    request_body(content = CheckTerms, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn repair(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    begin(app, admitted, request, body, true).await
}

async fn begin(app: &App, admitted: &Admitted, request: &Parts, body: Body, repair: bool) -> Answer {
    let terms: CheckTerms = body::read(request, body).await?;
    jobs::begun(app, app.registry.start_check(admitted.actor(), terms.options(repair))?)
}
