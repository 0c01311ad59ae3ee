//! Manifests and tags (end-3, end-7, end-9).

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};

use crate::auth::{Action, Caller};
use crate::http::conditions::{client_has, precondition};
use crate::http::gate::actor;
use crate::http::listen::Peer;
use crate::http::query::Query;
use crate::http::reply::{CONTENT_DIGEST, OCI_SUBJECT, OCI_TAG, Reply};
use crate::http::route::Route;
use crate::http::{App, HttpError};
use crate::oci::{MediaType, Reference, RepositoryName, Tag};
use crate::registry::{NewManifest, Overwrite, RegistryError};

use super::Answer;

/// As many tags as one request may set. The specification asks for 10 at least.
const MOST_TAGS: usize = 100;

/// A manifest as it was put.
pub(super) async fn get(app: &App, request: &Parts, name: RepositoryName, reference: Reference) -> Answer {
    // A client that only looks has not pulled.
    let manifest = match request.method == Method::GET {
        true => app.registry.pull_manifest(&name, &reference).await?,
        false => app.registry.get_manifest(&name, &reference).await?,
    };
    if client_has(&request.headers, &manifest.digest) {
        return Ok(Reply::empty(StatusCode::NOT_MODIFIED).content(&manifest.digest).done());
    }
    Ok(Reply::empty(StatusCode::OK)
        .content(&manifest.digest)
        .header(header::CONTENT_TYPE, &manifest.media_type)
        .header(header::CONTENT_LENGTH, manifest.bytes.len())
        .body(Body::from(manifest.bytes))
        .done())
}

/// Puts a manifest under a tag, a digest, or a digest and several tags.
///
/// Who may create tags and not move them is refused when a tag is there already, and told which rules were looked at.
pub(super) async fn put(
    app: &App,
    request: &Parts,
    peer: &Peer,
    caller: &Caller,
    name: RepositoryName,
    reference: Reference,
    body: Body,
) -> Answer {
    let query = Query::parse(request.uri.query());
    let tags: Vec<Tag> = query.all("tag").take(MOST_TAGS).map(str::parse).collect::<Result<_, _>>()?;
    let found = query.all("tag").count();
    if found > MOST_TAGS {
        return Err(HttpError::TooManyTags { limit: MOST_TAGS, found });
    }
    let precondition = precondition(&request.headers)?;
    let media_type = match request.headers.get(header::CONTENT_TYPE) {
        Some(value) => Some(MediaType::from_content_type(&String::from_utf8_lossy(value.as_bytes()))?),
        None => None,
    };
    let whole = app.places.read(request, body).await?;
    let bytes = whole.bytes.clone();
    let asked = tags.clone();
    let overwrite = if app.may(caller, &name, Action::Push) { Overwrite::Allowed } else { Overwrite::Refused };
    let new = NewManifest { media_type, bytes, reference, tags, overwrite, precondition, by: actor(caller) };
    let put = match app.registry.put_manifest(&name, new).await {
        Ok(put) => put,
        Err(
            error @ (RegistryError::WouldOverwrite { .. }
            | RegistryError::WouldRetype { .. }
            | RegistryError::PreconditionFailed { .. }),
        ) => return Err(app.may_not_move(request, peer, caller, &name, error)),
        Err(error) => return Err(error.into()),
    };
    let mut reply = Reply::empty(StatusCode::CREATED).header(CONTENT_DIGEST, put.digest);
    if let Some(subject) = put.subject {
        reply = reply.header(OCI_SUBJECT, subject);
    }
    if !asked.is_empty() {
        // One line for all: many clients take no more than a hundred lines.
        let tags: Vec<&str> = asked.iter().map(Tag::as_str).collect();
        reply = reply.header(OCI_TAG, tags.join(", "));
    }
    let home = Route::GetManifest(name, Reference::Digest(put.digest));
    Ok(reply.header(header::LOCATION, app.location(&home)).done())
}

/// Deletes a tag, or a manifest with all its tags.
pub(super) async fn delete(
    app: &App,
    request: &Parts,
    caller: &Caller,
    name: RepositoryName,
    reference: Reference,
) -> Answer {
    let precondition = precondition(&request.headers)?;
    let by = actor(caller);
    match reference {
        Reference::Tag(tag) => app.registry.delete_tag(&name, &tag, &precondition, &by).await?,
        Reference::Digest(digest) => app.registry.delete_manifest(&name, &digest, &precondition, &by).await?,
    }
    Ok(Reply::empty(StatusCode::ACCEPTED).done())
}
