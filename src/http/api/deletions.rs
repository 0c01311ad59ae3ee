//! Deleting repositories as a whole.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::gate::Admitted;
use crate::http::handlers::Answer;
use crate::http::reply::Reply;
use crate::oci::RepositoryName;

use super::{Job, body, jobs};

/// A repository that was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedRepository {
    /// Its name.
    pub name: String,
    /// The batch of the trash from which it can be brought back.
    pub batch: String,
}

/// Which repositories are to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RepositoryDeletion {
    /// This one and every one below it: `team` is `team`, `team/app` and `team/app/web`.
    #[schema(value_type = String)]
    pub prefix: RepositoryName,
}

#[utoipa::path(
    delete,
    path = "/api/v1/repositories/{name}",
    operation_id = "deleteRepository",
    summary = "Delete a repository with all its tags and manifests; repositories below it stay",
    tag = "repositories",
    params(("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp")),
    responses((status = 200, description = "It is in the trash", body = DeletedRepository))
)]
pub(super) async fn delete(app: &App, admitted: &Admitted, name: &RepositoryName) -> Answer {
    let batch = app.registry.delete_repository(name, &admitted.actor()).await?;
    let deleted = DeletedRepository { name: name.to_string(), batch: batch.to_string() };
    Ok(Reply::json(super::JSON, &deleted).done())
}

#[utoipa::path(
    post,
    path = "/api/v1/repository-deletions",
    operation_id = "deleteRepositories",
    summary = "Begin a job that deletes a repository and every one below it",
    tag = "jobs",
    request_body(content = RepositoryDeletion, content_type = "application/json"),
    responses((
        status = 202,
        description = "The job has begun",
        body = Job,
        headers(("Location" = String, description = "The path of the job"))
    ))
)]
pub(super) async fn post(app: &App, admitted: &Admitted, request: &Parts, body: Body) -> Answer {
    let asked: RepositoryDeletion = body::read(request, body).await?;
    jobs::begun(app, app.registry.start_deletion(admitted.actor(), asked.prefix)?)
}
