//! What answers each route. A handler is: values in, one call, a reply.

mod blobs;
mod lists;
mod manifests;
mod tokens;
mod uploads;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{Response, StatusCode, header};

use super::gate::Admitted;
use super::listen::Peer;
use super::reply::Reply;
use super::route::Route;
use super::{App, HttpError, api};

pub(super) use lists::{Readable, linked};

pub(super) type Answer = Result<Response<Body>, HttpError>;

/// Answers a request that has passed the gate.
pub(super) async fn answer(app: &App, admitted: &Admitted, request: &Parts, peer: &Peer, body: Body) -> Answer {
    let caller = admitted.caller();
    match admitted.route().clone() {
        Route::Api(route) => api::answer(app, admitted, request, peer, route, body).await,
        Route::Version => Ok(version()),
        Route::GetToken => tokens::get(app, request, peer, admitted).await,
        Route::PostToken => tokens::post(app, admitted, body).await,
        Route::Whoami => tokens::whoami(app, caller),
        Route::Catalog => lists::catalog(app, request, caller).await,
        Route::Tags(name) => lists::tags(app, request, name).await,
        Route::Referrers(name, subject) => lists::referrers(app, request, name, subject).await,
        Route::GetManifest(name, reference) => manifests::get(app, request, name, reference).await,
        Route::PutManifest(name, reference) => manifests::put(app, request, peer, caller, name, reference, body).await,
        Route::DeleteManifest(name, reference) => manifests::delete(app, request, caller, name, reference).await,
        Route::GetBlob(name, digest) => blobs::get(app, request, name, digest).await,
        Route::DeleteBlob(name, digest) => blobs::delete(app, caller, name, digest).await,
        Route::StartUpload(name) => uploads::start(app, request, peer, admitted, name, body).await,
        Route::UploadStatus(name, id) => uploads::status(app, name, id).await,
        Route::AppendUpload(name, id) => uploads::append(app, request, name, id, body).await,
        Route::FinishUpload(name, id) => uploads::finish(app, request, name, id, body).await,
        Route::CancelUpload(name, id) => uploads::cancel(app, name, id).await,
    }
}

/// "This is a registry, and you may talk to it" (end-1).
fn version() -> Response<Body> {
    Reply::empty(StatusCode::OK).header(header::CONTENT_TYPE, "application/json").body(Body::from("{}")).done()
}
