//! Repositories: what is in one now, and deleting from it.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::App;
use crate::http::handlers::Answer;
use crate::http::reply::Reply;
use crate::oci::{Digest, Reference, RepositoryName, Tag};
use crate::registry::{Actor, Page, Precondition};

use super::job::written;

/// What a repository holds now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Repository)]
pub struct RepositoryNow {
    /// Its name.
    #[schema(examples("team/app"))]
    pub name: String,
    /// How many tags it has.
    pub tags: u64,
}

/// What a tag points at now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Tag)]
pub struct TagNow {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The manifest's digest.
    pub digest: String,
    /// The manifest's media type.
    pub media_type: String,
    /// The manifest's length, in bytes.
    pub size: u64,
    /// When it was pulled last: by the tag, or the manifest by its digest. Absent if no pull is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = "date-time")]
    pub last_pulled: Option<String>,
    /// How often it was pulled so, as far as that is known.
    pub pulls: u64,
}

#[utoipa::path(
    get,
    path = "/api/v1/repositories/{name}",
    operation_id = "getRepository",
    summary = "What a repository holds",
    tag = "repositories",
    params(("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp")),
    responses((status = 200, description = "What it holds", body = RepositoryNow))
)]
pub(super) async fn get(app: &App, name: &RepositoryName) -> Answer {
    let mut tags = 0;
    let mut page = Page::default();
    loop {
        let listing = app.registry.tags(name, &page).await?;
        tags += listing.entries.len() as u64;
        match listing.entries.last().filter(|_| listing.more) {
            Some(last) => page.last = Some(last.to_string()),
            None => break,
        }
    }
    Ok(Reply::json(super::JSON, &RepositoryNow { name: name.to_string(), tags }).done())
}

#[utoipa::path(
    get,
    path = "/api/v1/repositories/{name}/tags/{tag}",
    operation_id = "getTag",
    summary = "What a tag points at",
    tag = "repositories",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("tag" = String, Path, description = "The tag"),
    ),
    responses((status = 200, description = "What it points at", body = TagNow))
)]
pub(super) async fn get_tag(app: &App, name: RepositoryName, tag: Tag) -> Answer {
    let manifest = app.registry.get_manifest(&name, &Reference::Tag(tag.clone())).await?;
    let pulled = app.registry.pulls(&name).await?.of(&tag, &manifest.digest);
    let now = TagNow {
        repository: name.to_string(),
        tag: tag.to_string(),
        digest: manifest.digest.to_string(),
        media_type: manifest.media_type.to_string(),
        size: manifest.bytes.len() as u64,
        last_pulled: pulled.map(|pulled| written(pulled.last)),
        pulls: pulled.map_or(0, |pulled| pulled.pulls),
    };
    Ok(Reply::json(super::JSON, &now).content(&manifest.digest).done())
}

#[utoipa::path(
    delete,
    path = "/api/v1/repositories/{name}/tags/{tag}",
    operation_id = "deleteTag",
    summary = "Delete a tag; the manifest stays",
    tag = "repositories",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("tag" = String, Path, description = "The tag"),
    ),
    responses((status = 204, description = "It is deleted"))
)]
pub(super) async fn delete_tag(app: &App, by: &Actor, name: &RepositoryName, tag: &Tag) -> Answer {
    app.registry.delete_tag(name, tag, &Precondition::None, by).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

#[utoipa::path(
    delete,
    path = "/api/v1/repositories/{name}/manifests/{digest}",
    operation_id = "deleteManifest",
    summary = "Delete a manifest and every tag that points at it",
    tag = "repositories",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("digest" = String, Path, description = "The manifest's digest"),
    ),
    responses((status = 204, description = "It is deleted"))
)]
pub(super) async fn delete_manifest(app: &App, by: &Actor, name: &RepositoryName, digest: &Digest) -> Answer {
    app.registry.delete_manifest(name, digest, &Precondition::None, by).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}
