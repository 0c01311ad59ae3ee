//! Uploads (end-4, end-5, end-6, end-11, end-13, end-14).

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};
use futures_util::{StreamExt, TryStreamExt};

use crate::http::gate::Admitted;
use crate::http::listen::Peer;
use crate::http::query::Query;
use crate::http::reply::{CONTENT_DIGEST, Reply, UPLOAD_UUID};
use crate::http::route::Route;
use crate::http::{App, HttpError};
use crate::oci::{Algorithm, ChunkRange, Digest, RepositoryName};
use crate::registry::{self, Incoming, Mount, MountFrom, RegistryError, UploadId, UploadStatus};

use super::Answer;

/// Starts an upload, or mounts a blob, or takes a whole one.
pub(super) async fn start(
    app: &App,
    request: &Parts,
    peer: &Peer,
    admitted: &Admitted,
    name: RepositoryName,
    body: Body,
) -> Answer {
    let query = Query::parse(request.uri.query());
    let owner = app.owner(admitted.caller());
    if let Some(mount) = query.get("mount") {
        let digest: Digest = mount.parse()?;
        // A source that cannot exist is as good as one that does not: the client uploads the blob (end-11). So is one that
        // the caller may not read, without a look at what it holds (CVE-2024-39897).
        let from = query.get("from").map(str::parse::<RepositoryName>);
        let mounted = match from.transpose() {
            Ok(Some(from)) if app.may_mount_from(request, peer, admitted, &from)? => {
                app.registry.mount_blob(&name, &digest, MountFrom::Repository(&from)).await?
            }
            Ok(None) if app.auth.may_pull_everything(admitted.caller()) => {
                app.registry.mount_blob(&name, &digest, MountFrom::Anywhere).await?
            }
            Ok(_) | Err(_) => Mount::Absent,
        };
        if mounted == Mount::Mounted {
            return Ok(created(app, name, digest));
        }
        let status = app.registry.start_upload(&name, owner.as_ref(), digest.algorithm()).await?;
        return Ok(accepted(app, name, status));
    }
    if let Some(digest) = query.get("digest") {
        let digest: Digest = digest.parse()?;
        app.registry.put_blob(&name, owner.as_ref(), digest, incoming(request, body)).await?;
        return Ok(created(app, name, digest));
    }
    let algorithm: Algorithm = query.get("digest-algorithm").map(str::parse).transpose()?.unwrap_or_default();
    let status = app.registry.start_upload(&name, owner.as_ref(), algorithm).await?;
    Ok(accepted(app, name, status))
}

/// How far the upload has come.
pub(super) async fn status(app: &App, name: RepositoryName, id: UploadId) -> Answer {
    let status = app.registry.upload_status(&name, id).await?;
    Ok(placed(app, name, status, Reply::empty(StatusCode::NO_CONTENT)).done())
}

/// Adds a chunk, or a stream of any length.
pub(super) async fn append(app: &App, request: &Parts, name: RepositoryName, id: UploadId, body: Body) -> Answer {
    let appended = match chunk(request) {
        Ok(chunk) => {
            app.registry.append_upload(&name, id, chunk, incoming(request, body)).await.map_err(HttpError::from)
        }
        Err(error) => Err(error),
    };
    match appended {
        Ok(status) => Ok(accepted(app, name, status)),
        Err(error) => Ok(refused(app, name, id, error).await),
    }
}

/// Takes the last bytes and makes the upload a blob.
pub(super) async fn finish(app: &App, request: &Parts, name: RepositoryName, id: UploadId, body: Body) -> Answer {
    let query = Query::parse(request.uri.query());
    let digest: Digest = query.get("digest").ok_or(HttpError::DigestMissing)?.parse()?;
    let finished = match chunk(request) {
        Ok(chunk) => {
            app.registry.finish_upload(&name, id, digest, chunk, incoming(request, body)).await.map_err(HttpError::from)
        }
        Err(error) => Err(error),
    };
    match finished {
        Ok(()) => Ok(created(app, name, digest)),
        Err(error) => Ok(refused(app, name, id, error).await),
    }
}

/// Gives the upload up.
pub(super) async fn cancel(app: &App, name: RepositoryName, id: UploadId) -> Answer {
    app.registry.cancel_upload(&name, id).await?;
    Ok(Reply::empty(StatusCode::NO_CONTENT).done())
}

fn chunk(request: &Parts) -> Result<Option<ChunkRange>, HttpError> {
    let Some(value) = request.headers.get(header::CONTENT_RANGE) else {
        return Ok(None);
    };
    Ok(Some(ChunkRange::parse(&String::from_utf8_lossy(value.as_bytes()))?))
}

/// The body, and its length if the client says it.
fn incoming(request: &Parts, body: Body) -> Incoming {
    let said = request.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = said.and_then(|said| said.parse().ok());
    let body: registry::Body = body.into_data_stream().map_err(Into::into).boxed();
    Incoming { length, body }
}

fn created(app: &App, name: RepositoryName, digest: Digest) -> Response<Body> {
    let home = Route::GetBlob(name, digest);
    Reply::empty(StatusCode::CREATED)
        .header(header::LOCATION, app.location(&home))
        .header(CONTENT_DIGEST, digest)
        .done()
}

fn accepted(app: &App, name: RepositoryName, status: UploadStatus) -> Response<Body> {
    placed(app, name, status, Reply::empty(StatusCode::ACCEPTED)).done()
}

/// A refusal; if the position was wrong, with the right one.
async fn refused(app: &App, name: RepositoryName, id: UploadId, error: HttpError) -> Response<Body> {
    let offset = match &error {
        HttpError::Registry(RegistryError::OutOfOrder { expected, .. }) => Some(*expected),
        HttpError::Range(_) => app.registry.upload_status(&name, id).await.ok().map(|status| status.offset),
        _ => None,
    };
    let mut response = error.into_response();
    if let Some(offset) = offset {
        let right = placed(app, name, UploadStatus { id, offset }, Reply::empty(StatusCode::OK)).done();
        let (parts, _) = right.into_parts();
        let position = parts.headers.into_iter().filter_map(|(name, value)| Some((name?, value)));
        response.headers_mut().extend(position.filter(|(name, _)| *name != header::CONTENT_LENGTH));
    }
    response
}

/// Where the upload is and how far it has come. An upload without bytes is at `0-0`, as one with a single byte: clients
/// refuse a range that ends before it starts.
fn placed(app: &App, name: RepositoryName, status: UploadStatus, reply: Reply) -> Reply {
    reply
        .header(header::LOCATION, app.location(&Route::UploadStatus(name, status.id)))
        .header(header::RANGE, format_args!("0-{}", status.offset.saturating_sub(1)))
        .header(UPLOAD_UUID, status.id)
}
