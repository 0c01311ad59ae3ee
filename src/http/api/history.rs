//! The history of tags: reading it, pointing a tag back, and which tags were deleted and can come back.

use axum::body::Body;
use axum::http::request::Parts;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::Action;
use crate::http::App;
use crate::http::conditions::precondition;
use crate::http::gate::Admitted;
use crate::http::handlers::{Answer, linked};
use crate::http::listen::Peer;
use crate::http::query::Query;
use crate::http::reply::Reply;
use crate::http::route::Route;
use crate::oci::{Digest, RepositoryName, Tag};
use crate::registry::{self, Overwrite, RegistryError, Removal, moment};

use super::{ApiRoute, body};

/// Where a tag has pointed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagHistory {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The moves that are known, the newest first.
    pub moves: Vec<TagMove>,
}

/// A move of a tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TagMove {
    /// When.
    #[schema(format = "date-time")]
    pub at: String,
    /// The digest that the tag pointed at before, if any; not known where `how` is `found`.
    pub from: Option<String>,
    /// The digest that it points at from then on; none if it was removed.
    pub to: Option<String>,
    /// Who asked for it, if that is known; for those who have said who they are.
    pub by: Option<String>,
    /// How it came about.
    pub how: HowMoved,
    /// Whether the tag can be brought back to it: whether the repository still holds the manifest that it led to, or, if it
    /// removed the tag, the one that the tag was taken from.
    pub is_there: bool,
}

/// How a tag came to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HowMoved {
    /// A manifest was put under it.
    Put,
    /// It was deleted.
    Delete,
    /// The manifest that it pointed at was deleted.
    DeleteManifest,
    /// It was pointed at a manifest that was there.
    RollBack,
    /// No rule of retention kept it.
    Retention,
    /// It was not there, and was pointed at a manifest that was.
    Restore,
    /// Nobody wrote it down: registry:2's index lists it, and the time is that of the last push.
    Found,
}

/// Tags that were deleted and can come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedTags {
    /// The repository.
    pub repository: String,
    /// The tags, in byte order.
    pub tags: Vec<DeletedTag>,
}

/// A tag that was deleted and can come back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeletedTag {
    /// Its name.
    pub tag: String,
    /// The digest that it can point at again: the last that the repository still holds.
    pub digest: String,
    /// When it went, or was last heard of.
    #[schema(format = "date-time")]
    pub at: String,
    /// Who removed it, if that is known; for those who have said who they are.
    pub by: Option<String>,
}

/// Where a tag is to point.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PointTag {
    /// The manifest's digest. Without it: where the tag was before, or, if it was deleted, where it was then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, examples("sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"))]
    pub digest: Option<Digest>,
}

/// A tag that was pointed at a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointedTag {
    /// The repository.
    pub repository: String,
    /// The tag.
    pub tag: String,
    /// The digest that it pointed at before, if any.
    pub from: Option<String>,
    /// The digest that it points at now.
    pub to: String,
}

#[utoipa::path(
    get,
    path = "/api/v1/repositories/{name}/tags/{tag}/history",
    operation_id = "getTagHistory",
    summary = "Where a tag has pointed, also one that is gone",
    tag = "history",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("tag" = String, Path, description = "The tag"),
    ),
    responses((status = 200, description = "Its moves, the newest first", body = TagHistory))
)]
pub(super) async fn get(app: &App, admitted: &Admitted, name: &RepositoryName, tag: &Tag) -> Answer {
    let mut moves: Vec<TagMove> = app.registry.tag_history(name, tag).await?.into_iter().map(TagMove::from).collect();
    if !sees_names(app, admitted) {
        moves.iter_mut().for_each(|moved| moved.by = None);
    }
    let history = TagHistory { repository: name.to_string(), tag: tag.to_string(), moves };
    Ok(Reply::json(super::JSON, &history).done())
}

#[utoipa::path(
    get,
    path = "/api/v1/repositories/{name}/deleted-tags",
    operation_id = "listDeletedTags",
    summary = "The tags that were deleted and can come back",
    tag = "history",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("n" = Option<u64>, Query, description = "How many at most"),
        ("last" = Option<String>, Query, description = "Only those behind this one"),
    ),
    responses((
        status = 200,
        description = "The tags",
        body = DeletedTags,
        headers(("Link" = String, description = "The path of the next page, if there is one"))
    ))
)]
pub(super) async fn list_deleted(app: &App, admitted: &Admitted, request: &Parts, name: RepositoryName) -> Answer {
    let page = Query::parse(request.uri.query()).page()?;
    let listing = app.registry.tags_with_history(&name, &page).await?;
    let last = listing.entries.last().filter(|_| listing.more).map(|deleted| deleted.tag.to_string());
    let mut tags: Vec<DeletedTag> = listing.entries.into_iter().map(DeletedTag::from).collect();
    if !sees_names(app, admitted) {
        tags.iter_mut().for_each(|deleted| deleted.by = None);
    }
    let reply = Reply::json(super::JSON, &DeletedTags { repository: name.to_string(), tags });
    Ok(linked(app, reply, &Route::Api(ApiRoute::DeletedTags(name)), last.as_deref(), &page, &[]).done())
}

/// Whether users are named to the caller: to everybody who has said who they are, and where nobody has to.
fn sees_names(app: &App, admitted: &Admitted) -> bool {
    app.auth.is_open() || !admitted.caller().is_anonymous()
}

/// Who may create tags and not move them brings back what is gone, and no more.
#[utoipa::path(
    put,
    path = "/api/v1/repositories/{name}/tags/{tag}",
    operation_id = "pointTag",
    summary = "Point a tag at a manifest that is there, or back at where it was",
    tag = "history",
    params(
        ("name" = String, Path, description = "The repository's name, percent-encoded: team%2Fapp"),
        ("tag" = String, Path, description = "The tag; it need not be there"),
        ("If-Match" = Option<String>, Header, description = "Only if it points at this digest, in double quotes"),
        ("If-None-Match" = Option<String>, Header, description = "With *: only if it is not there"),
    ),
    request_body(content = PointTag, content_type = "application/json"),
    responses((status = 200, description = "Where it was and where it is", body = PointedTag))
)]
pub(super) async fn put(
    app: &App,
    admitted: &Admitted,
    request: &Parts,
    peer: &Peer,
    name: RepositoryName,
    tag: Tag,
    body: Body,
) -> Answer {
    app.may_read_too(request, peer, admitted, &name)?;
    let precondition = precondition(&request.headers)?;
    let PointTag { digest } = body::read(request, body).await?;
    let caller = admitted.caller();
    let overwrite = if app.may(caller, &name, Action::Push) { Overwrite::Allowed } else { Overwrite::Refused };
    let by = admitted.actor();
    let pointed = match digest {
        Some(digest) => app.registry.point_tag(&name, &tag, &digest, by, precondition, overwrite).await,
        None => app.registry.roll_back(&name, &tag, by, precondition, overwrite).await,
    };
    let registry::PointedTag { from, to } = match pointed {
        Ok(pointed) => pointed,
        Err(error @ RegistryError::WouldOverwrite { .. }) => {
            return Err(app.may_not_move(request, peer, caller, &name, error));
        }
        Err(RegistryError::ManifestRemoved { repository, digest, .. }) if !sees_names(app, admitted) => {
            return Err(RegistryError::ManifestRemoved { repository, digest, removal: Removal::default() }.into());
        }
        Err(error) => return Err(error.into()),
    };
    let pointed = PointedTag {
        repository: name.to_string(),
        tag: tag.to_string(),
        from: from.map(|digest| digest.to_string()),
        to: to.to_string(),
    };
    Ok(Reply::json(super::JSON, &pointed).content(&to).done())
}

impl From<registry::Move> for TagMove {
    fn from(moved: registry::Move) -> TagMove {
        TagMove {
            at: moment(moved.at),
            from: moved.from.map(|digest| digest.to_string()),
            to: moved.to.map(|digest| digest.to_string()),
            by: moved.by.name().map(str::to_owned),
            how: moved.how.into(),
            is_there: moved.is_there,
        }
    }
}

impl From<registry::How> for HowMoved {
    fn from(how: registry::How) -> HowMoved {
        match how {
            registry::How::Put => HowMoved::Put,
            registry::How::Delete => HowMoved::Delete,
            registry::How::DeleteManifest => HowMoved::DeleteManifest,
            registry::How::RollBack => HowMoved::RollBack,
            registry::How::Restore => HowMoved::Restore,
            registry::How::Retention => HowMoved::Retention,
            registry::How::Found => HowMoved::Found,
        }
    }
}

impl From<registry::DeletedTag> for DeletedTag {
    fn from(deleted: registry::DeletedTag) -> DeletedTag {
        DeletedTag {
            tag: deleted.tag.to_string(),
            digest: deleted.digest.to_string(),
            at: moment(deleted.at),
            by: deleted.by.name().map(str::to_owned),
        }
    }
}
