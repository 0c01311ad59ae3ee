//! The application: the path that every request takes, and the gate before the handlers.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::FutureExt;

use crate::registry::{Registry, RegistryError};
use crate::telemetry::Metrics;

use super::leftover::Leftover;
use super::listen::{Application, Peer};
use super::record::{Followed, Recorder};
use super::reply::Reply;
use super::route::{Effect, Route, RouteError};
use super::whole_body::Places;
use super::{Condition, HttpError, Settings, handlers};

/// Which API this is; docker looks for it.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));
/// What is served is never guessed to be something else.
const NO_SNIFFING: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What every request needs.
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
    pub fn into_service(self) -> impl Application {
        Service(Arc::new(self))
    }

    /// Where a client finds the route: a path, never a host, so that it is right behind any proxy.
    pub(super) fn location(&self, route: &Route) -> String {
        format!("{}{}{route}", self.public_path, self.prefix)
    }
}

/// The application as connections know it.
#[derive(Clone)]
struct Service(Arc<App>);

impl Application for Service {
    type Body = Followed;

    /// The path of every request, from its head to its answer.
    async fn answer(self, request: Request<Body>, peer: Arc<Peer>) -> Response<Followed> {
        let app = &*self.0;
        let (request, body) = request.into_parts();
        let route = app.route(&request);
        let mut record = app.recorder.begin(request, peer, route.as_ref().ok().cloned());
        let (body, leftover) = match http_body::Body::is_end_stream(&body) {
            true => (body, None),
            false => {
                let (body, leftover) = Leftover::watch(record.request(), body);
                (record.count(body), leftover)
            }
        };
        let mut response = match app.gate(record.request(), route) {
            Ok(route) => {
                // In memory of its own while it lasts: every connection would else be as large as the largest handler.
                let handling = Box::pin(handlers::answer(app, route, record.request(), body));
                // A handler that panics costs its own request and no other. What it held is dropped, and locks do not
                // poison.
                let answer = AssertUnwindSafe(handling).catch_unwind().await;
                answer.map_or_else(|_| panicked(), |answer| answer.unwrap_or_else(HttpError::into_response))
            }
            Err(answer) => {
                drop(body);
                answer
            }
        };
        // What a refusal leaves unread of a body costs neither the connection nor the answer.
        if let Some(leftover) = leftover {
            leftover.read_on(&mut response);
        }
        for (name, value) in app.headers.iter() {
            response.headers_mut().append(name.clone(), value.clone());
        }
        if record.request().method == Method::HEAD {
            response = without_body(response);
        }
        record.follow(response)
    }
}

impl App {
    fn route(&self, request: &Parts) -> Result<Route, HttpError> {
        let path = request.uri.path().strip_prefix(&*self.prefix).unwrap_or_default();
        Ok(Route::parse(&request.method, path)?)
    }

    /// The gate before the handlers: the route, if it leads to one and may be gone, or else the answer.
    fn gate(&self, request: &Parts, route: Result<Route, HttpError>) -> Result<Route, Response<Body>> {
        if self.condition.is_unwell() {
            return Err(HttpError::Unwell.into_response());
        }
        match (request.uri.path(), route) {
            ("/", _) => Err(front_page()),
            (_, Err(HttpError::Route(RouteError::Method { allowed }))) if request.method == Method::OPTIONS => {
                // A browser asks so before a page of another origin may talk to us; http.headers has what it looks for.
                Err(Reply::empty(StatusCode::OK).header(header::ALLOW, allowed).done())
            }
            ("/ca.crt", _) if self.authority.is_some() => Err(self.authority_certificate()),
            (_, Err(error)) => Err(error.into_response()),
            // Needs nothing of the registry.
            (_, Ok(Route::Version)) => Err(handlers::version()),
            (_, Ok(route)) => match self.admit(&route) {
                Ok(()) => Ok(route),
                Err(error) => Err(error.into_response()),
            },
        }
    }

    /// Whether the route may be gone. No handler runs without having passed it.
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

/// The answer to HEAD: what GET would have said of its body, without it (RFC 9110 §9.3.2).
fn without_body(mut response: Response<Body>) -> Response<Body> {
    let length = http_body::Body::size_hint(response.body()).exact();
    let headers = response.headers_mut();
    if let Some(length) = length
        && !headers.contains_key(header::CONTENT_LENGTH)
    {
        headers.insert(header::CONTENT_LENGTH, length.into());
    }
    response.map(|_| Body::empty())
}

fn panicked() -> Response<Body> {
    HttpError::from(RegistryError::Damaged("a handler panicked; what it said is above".to_owned())).into_response()
}
