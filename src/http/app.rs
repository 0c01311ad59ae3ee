//! The application: the path that every request takes, and the gate before the handlers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use axum::middleware;
use axum::routing::any;
use bytes::Bytes;
use futures_util::FutureExt;

use crate::registry::{Registry, RegistryError};
use crate::telemetry::Metrics;

use super::leftover;
use super::record::Recorder;
use super::reply::Reply;
use super::route::{Effect, Route, RouteError};
use super::whole_body::Places;
use super::{Condition, HttpError, Settings, handlers};

/// Which API this is; docker looks for it.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));
/// What is served is never guessed to be something else.
const NO_SNIFFING: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What every request needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(super) registry: Registry,
    pub(super) places: Places,
    /// What stands before `/v2` in a request, without a slash at the end.
    prefix: Arc<str>,
    /// What clients write before it.
    public_path: Arc<str>,
    headers: Arc<[(HeaderName, HeaderValue)]>,
    /// The private authority's certificate, if there is one to trust.
    authority: Option<Bytes>,
    recorder: Recorder,
    condition: Condition,
}

impl App {
    /// The application over a registry.
    pub fn new(registry: Registry, settings: &Settings) -> App {
        // What the operator sets takes the place of ours.
        let set = |name: &HeaderName| settings.headers.iter().any(|(theirs, _)| theirs == name);
        let ours = [API_VERSION, NO_SNIFFING].into_iter().filter(|(name, _)| !set(name));
        let headers = ours.chain(settings.headers.iter().cloned()).collect();
        let prefix = settings.prefix.trim_end_matches('/').into();
        let public_path = settings.public_path.as_str().into();
        App {
            registry,
            places: Places::default(),
            prefix,
            public_path,
            headers,
            authority: None,
            recorder: Recorder::default(),
            condition: Condition::default(),
        }
    }

    /// Offers the certificate of a private authority at `/ca.crt`.
    #[must_use]
    pub fn with_authority(self, pem: Bytes) -> App {
        App { authority: Some(pem), ..self }
    }

    /// Refuses requests while the storage fails its checks, as registry:2 does, so that a balancer turns elsewhere.
    #[must_use]
    pub fn watched(self, condition: Condition) -> App {
        App { condition, ..self }
    }

    /// Counts requests here, and writes a line for each if `lines` says so.
    #[must_use]
    pub fn recording(self, metrics: Metrics, lines: bool) -> App {
        App { recorder: Recorder { lines, metrics }, ..self }
    }

    /// The service that answers requests.
    pub fn into_router(self) -> Router {
        // What a refusal leaves unread of a body costs neither the connection nor the answer.
        Router::new().fallback(any(serve)).with_state(self).layer(middleware::from_fn(leftover::read_on))
    }

    /// Where a client finds the route: a path, never a host, so that it is right behind any proxy.
    pub(super) fn location(&self, route: &Route) -> String {
        format!("{}{}{route}", self.public_path, self.prefix)
    }
}

/// The path of every request, from its head to its answer.
async fn serve(State(app): State<App>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let route = app.route(&parts);
    let record = app.recorder.begin(&parts, route.as_ref().ok());
    let body = record.count(body);
    // A handler that panics costs its own request and no other. What it held is dropped, and locks do not poison.
    let answer = AssertUnwindSafe(app.answer(&parts, route, body)).catch_unwind().await;
    let mut response = answer.unwrap_or_else(|_| panicked());
    for (name, value) in app.headers.iter() {
        response.headers_mut().append(name.clone(), value.clone());
    }
    record.follow(response)
}

impl App {
    async fn answer(&self, request: &Parts, route: Result<Route, HttpError>, body: Body) -> Response<Body> {
        if self.condition.failure().is_some() {
            return HttpError::Unwell.into_response();
        }
        match (request.uri.path(), route) {
            ("/", _) => front_page(),
            (_, Err(HttpError::Route(RouteError::Method { allowed }))) if request.method == Method::OPTIONS => {
                // A browser asks so before a page of another origin may talk to us; http.headers has what it looks for.
                Reply::empty(StatusCode::OK).header(header::ALLOW, allowed).done()
            }
            ("/ca.crt", _) if self.authority.is_some() => self.authority_certificate(),
            (_, Err(error)) => error.into_response(),
            (_, Ok(route)) => match self.admit(&route) {
                Ok(()) => handlers::answer(self, route, request, body).await.unwrap_or_else(HttpError::into_response),
                Err(error) => error.into_response(),
            },
        }
    }

    fn route(&self, request: &Parts) -> Result<Route, HttpError> {
        let path = request.uri.path().strip_prefix(&*self.prefix).unwrap_or_default();
        Ok(Route::parse(&request.method, path)?)
    }

    /// The gate: whether the route may be gone. No handler runs without having passed it.
    fn admit(&self, route: &Route) -> Result<(), HttpError> {
        let settings = self.registry.settings();
        match route.effect() {
            Effect::Write | Effect::Delete if settings.read_only => Err(RegistryError::ReadOnly.into()),
            Effect::Delete if !settings.delete_enabled => Err(RegistryError::DeleteDisabled.into()),
            Effect::Read | Effect::Write | Effect::Delete => Ok(()),
        }
    }

    fn authority_certificate(&self) -> Response<Body> {
        Reply::empty(StatusCode::OK)
            .header(header::CONTENT_TYPE, "application/x-pem-file")
            .body(Body::from(self.authority.clone().unwrap_or_default()))
            .done()
    }
}

/// Answers whoever looks whether anything is here: people and health checks.
fn front_page() -> Response<Body> {
    Reply::empty(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::from("This is a container registry (Wharf). docker push and pull talk to it below /v2/.\n"))
        .done()
}

fn panicked() -> Response<Body> {
    HttpError::from(RegistryError::Damaged("a handler panicked; what it said is above".to_owned())).into_response()
}
