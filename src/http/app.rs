//! The application: the path that every request takes.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use axum::body::Body;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use futures_util::FutureExt;

use crate::auth::{Action, Auth, Caller};
use crate::oci::RepositoryName;
use crate::registry::{Registry, RegistryError};
use crate::telemetry::Metrics;

use super::gate::Admitted;
use super::leftover::Leftover;
use super::listen::{Application, Peer};
use super::origin::Origins;
use super::record::{Followed, Record, Recorder};
use super::reply::Reply;
use super::route::{Route, RouteError};
use super::whole_body::Places;
use super::{Condition, HttpError, Settings, api, handlers};

/// Which API this is; docker looks for it.
const API_VERSION: (HeaderName, HeaderValue) =
    (HeaderName::from_static("docker-distribution-api-version"), HeaderValue::from_static("registry/2.0"));
/// What is served is never guessed to be something else.
const NO_SNIFFING: (HeaderName, HeaderValue) = (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));

/// What every request needs.
pub struct App {
    pub(super) registry: Registry,
    pub(super) auth: Auth,
    pub(super) origins: Origins,
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
    /// The application over a registry, for those whom `auth` lets through.
    pub fn new(registry: Registry, auth: Auth, settings: &Settings) -> App {
        // What the operator sets takes the place of ours.
        let set = |name: &HeaderName| settings.headers.iter().any(|(theirs, _)| theirs == name);
        let ours = [API_VERSION, NO_SNIFFING].into_iter().filter(|(name, _)| !set(name));
        let headers = ours.chain(settings.headers.iter().cloned()).collect();
        let prefix = settings.prefix.trim_end_matches('/').into();
        let public_path = settings.public_path.as_str().into();
        let origins = Origins { trusted: settings.trusted_proxies.clone(), public_url: settings.public_url.clone() };
        App {
            registry,
            auth,
            origins,
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

    /// Where clients find the APIs: a path without a slash at the end.
    pub(super) fn base(&self) -> String {
        format!("{}{}", self.public_path, self.prefix)
    }

    /// Where a client finds the route: a path, never a host, so that it is right behind any proxy.
    pub(super) fn location(&self, route: &Route) -> String {
        format!("{}{route}", self.base())
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
        let mut response = match app.before_the_gate(record.request(), route) {
            Ok(route) => {
                // In memory of its own while it lasts: every connection would else be as large as the largest handler.
                let answering = Box::pin(app.admit_and_answer(&mut record, route, body));
                // A handler that panics costs its own request and no other. What it held is dropped, and locks do not
                // poison.
                let answer = AssertUnwindSafe(answering).catch_unwind().await;
                let answer = answer.unwrap_or_else(|_| Err(panicked()));
                answer.unwrap_or_else(|error| app.refusal(record.request(), error))
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
        Ok(Route::parse(&request.method, self.below_prefix(request))?)
    }

    fn below_prefix<'r>(&self, request: &'r Parts) -> &'r str {
        request.uri.path().strip_prefix(&*self.prefix).unwrap_or_default()
    }

    /// An error as the API that was asked tells it.
    fn refusal(&self, request: &Parts, error: HttpError) -> Response<Body> {
        match api::ApiRoute::below(self.below_prefix(request)) {
            Some(_) => error.into_problem(),
            None => error.into_response(),
        }
    }

    /// What is answered to everybody, whatever they may: the front page, and what is nowhere. Or else the route.
    fn before_the_gate(&self, request: &Parts, route: Result<Route, HttpError>) -> Result<Route, Response<Body>> {
        if self.condition.is_unwell() {
            return Err(self.refusal(request, HttpError::Unwell));
        }
        match (request.uri.path(), route) {
            ("/", _) => Err(front_page()),
            (_, Err(HttpError::Route(RouteError::Method { allowed }))) if request.method == Method::OPTIONS => {
                // A browser asks so before a page of another origin may talk to us; http.headers has what it looks for.
                Err(Reply::empty(StatusCode::OK).header(header::ALLOW, allowed).done())
            }
            ("/ca.crt", _) if self.authority.is_some() => Err(self.authority_certificate()),
            (_, Err(error)) => Err(self.refusal(request, error)),
            (_, Ok(route)) => Ok(route),
        }
    }

    /// Through the gate, and to the handler.
    async fn admit_and_answer(&self, record: &mut Record, route: Route, body: Body) -> handlers::Answer {
        let admitted = self.admit(record, route).await?;
        let answer = handlers::answer(self, &admitted, record.request(), record.peer(), body).await;
        answer.map_err(|error| self.seemly(error, &admitted))
    }

    /// An error without the name of a repository that the caller may not know of.
    fn seemly(&self, error: HttpError, admitted: &Admitted) -> HttpError {
        match error {
            HttpError::Registry(error) => {
                let seen =
                    error.hinted().is_none_or(|repository| self.may(admitted.caller(), repository, Action::Pull));
                HttpError::Registry(if seen { error } else { error.without_hint() })
            }
            error => error,
        }
    }

    /// Whether somebody may do something, as themselves or as anybody.
    pub(super) fn may(&self, caller: &Caller, repository: &RepositoryName, action: Action) -> bool {
        self.auth.allows(caller, repository, action) || self.auth.allows(&self.auth.anonymous(), repository, action)
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

fn panicked() -> HttpError {
    RegistryError::Damaged("a handler panicked; what it said is above".to_owned()).into()
}
