//! The application: the pipeline that every request passes, and the gate before the handlers.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::middleware;
use axum::routing::any;
use bytes::Bytes;
use tower_http::catch_panic::CatchPanicLayer;

use crate::registry::{Registry, RegistryError};

use super::access_log;
use super::handlers;
use super::leftover;
use super::reply::Reply;
use super::route::{Effect, Route};
use super::{HttpError, Settings};

/// Which API this is; docker looks for it.
const API_VERSION: (HeaderName, HeaderValue) = (
    HeaderName::from_static("docker-distribution-api-version"),
    HeaderValue::from_static("registry/2.0"),
);

/// What every request needs. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(super) registry: Registry,
    /// What stands before `/v2`, without a slash at the end.
    prefix: Arc<str>,
    headers: Arc<[(HeaderName, HeaderValue)]>,
    /// The private authority's certificate, if there is one to trust.
    authority: Option<Bytes>,
    access_log: bool,
}

impl App {
    /// The application over a registry.
    pub fn new(registry: Registry, settings: &Settings) -> App {
        let mut headers = vec![
            API_VERSION,
            (
                header::X_CONTENT_TYPE_OPTIONS,
                HeaderValue::from_static("nosniff"),
            ),
        ];
        for (name, value) in &settings.headers {
            // What the operator sets takes the place of ours.
            headers.retain(|(ours, _)| ours != name || ours == API_VERSION.0);
            headers.push((name.clone(), value.clone()));
        }
        let prefix = settings.prefix.trim_end_matches('/').into();
        App {
            registry,
            prefix,
            headers: headers.into(),
            authority: None,
            access_log: true,
        }
    }

    /// Offers the certificate of a private authority at `/ca.crt`.
    #[must_use]
    pub fn with_authority(self, pem: Bytes) -> App {
        App {
            authority: Some(pem),
            ..self
        }
    }

    /// Writes a line for each request, or none.
    #[must_use]
    pub fn with_access_log(self, access_log: bool) -> App {
        App { access_log, ..self }
    }

    /// The service that answers requests. From the outside in:
    pub fn into_router(self) -> Router {
        let logged = self.access_log;
        let router = Router::new().fallback(any(dispatch)).with_state(self);
        // What a refusal leaves unread costs neither the connection nor the answer.
        let router = router.layer(middleware::from_fn(leftover::read_on));
        // A handler that panics costs its own request.
        let router = router.layer(CatchPanicLayer::custom(panicked));
        // The line in the log, outermost, so that it knows how everything ended.
        if logged {
            router.layer(middleware::from_fn(access_log::record))
        } else {
            router
        }
    }

    /// Where a client finds the route: a path, never a host, so that it is right behind any proxy.
    pub(super) fn location(&self, route: &Route) -> String {
        format!("{}{route}", self.prefix)
    }
}

async fn dispatch(State(app): State<App>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let mut response = match parts.uri.path() {
        "/" => front_page(),
        "/ca.crt" if app.authority.is_some() => authority(&app),
        path => match routed(&app, path, &parts) {
            Ok(route) => {
                let subject = access_log::Subject::of(&route);
                let answer = handlers::answer(&app, route, &parts, body).await;
                let mut response = answer.unwrap_or_else(HttpError::into_response);
                response.extensions_mut().insert(subject);
                response
            }
            Err(error) => error.into_response(),
        },
    };
    for (name, value) in app.headers.iter() {
        response
            .headers_mut()
            .entry(name)
            .or_insert_with(|| value.clone());
    }
    response
}

/// The route, if it may be gone. No handler runs without having passed here.
fn routed(app: &App, path: &str, request: &axum::http::request::Parts) -> Result<Route, HttpError> {
    let path = path.strip_prefix(&*app.prefix).unwrap_or_default();
    let route = Route::parse(&request.method, path)?;
    let settings = app.registry.settings();
    match route.effect() {
        Effect::Read => {}
        Effect::Write | Effect::Delete if settings.read_only => return Err(RegistryError::ReadOnly.into()),
        Effect::Delete if !settings.delete_enabled => return Err(RegistryError::DeleteDisabled.into()),
        Effect::Write | Effect::Delete => {}
    }
    Ok(route)
}

/// Answers whoever looks whether anything is here: people and health checks.
fn front_page() -> Response<Body> {
    Reply::empty(StatusCode::OK)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(Body::from(
            "This is a container registry (Wharf). docker push and pull talk to it below /v2/.\n",
        ))
        .done()
}

fn authority(app: &App) -> Response<Body> {
    Reply::empty(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/x-pem-file")
        .body(Body::from(app.authority.clone().unwrap_or_default()))
        .done()
}

fn panicked(_: Box<dyn std::any::Any + Send + 'static>) -> Response<Body> {
    HttpError::from(RegistryError::Damaged(
        "a handler panicked; the message is above".to_owned(),
    ))
    .into_response()
}
