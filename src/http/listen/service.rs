//! From a connection to the application: each request gets its peer and a bound on its body.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Request, Response, StatusCode};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tower::Service as _;

use super::body::{Arriving, Departing, UnderWay};
use super::peer::Peer;

/// What answers requests. Cheap to clone: each request has one of its own.
pub trait Application: Clone + Send + Sync + 'static {
    /// An answer's body.
    type Body: http_body::Body<Data = Bytes, Error = axum::Error> + Send + Unpin + 'static;

    /// Answers a request.
    fn answer(
        self,
        request: Request<Body>,
        peer: Arc<Peer>,
    ) -> impl Future<Output = Response<Self::Body>> + Send + 'static;
}

/// The [`Peer`] is in the extensions of the request.
impl Application for Router {
    type Body = Body;

    async fn answer(mut self, mut request: Request<Body>, peer: Arc<Peer>) -> Response<Body> {
        request.extensions_mut().insert(Peer::clone(&peer));
        let Ok(answer) = self.call(request).await;
        answer
    }
}

/// What a connection's requests have in common.
#[derive(Clone)]
pub(super) struct Common<A> {
    pub(super) app: A,
    pub(super) peer: Arc<Peer>,
    pub(super) patience: Duration,
}

impl<A: Application> Common<A> {
    fn answer<T: UnderWay>(
        &self,
        request: Request<Incoming>,
        under_way: &T,
    ) -> impl Future<Output = Result<Response<A::Body>, Infallible>> + Send + use<A, T> {
        let patience = self.patience;
        // Most requests have no body, and nothing of what a body needs.
        let request = request.map(|body| match http_body::Body::is_end_stream(&body) {
            true => Body::empty(),
            false => Body::new(Arriving::new(body, patience, under_way.arriving())),
        });
        let answer = self.app.clone().answer(request, Arc::clone(&self.peer));
        async move {
            let mut answer = answer.await;
            // An answer that cannot have a body has no length either (RFC 9110 §8.6).
            if matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
                answer.headers_mut().remove(CONTENT_LENGTH);
            }
            Ok(answer)
        }
    }

    /// Serves a connection. What `begin` returns lives until the end of the answer.
    pub(super) fn counted<T: UnderWay + Send + Unpin + 'static>(
        self,
        begin: impl Fn() -> T,
    ) -> impl Service<
        Request<Incoming>,
        Response = Response<Departing<A::Body, T>>,
        Error = Infallible,
        Future: Send + 'static,
    > {
        service_fn(move |request| {
            let under_way = begin();
            let answer = self.answer(request, &under_way);
            async move { Ok(answer.await?.map(|body| Departing::new(body, under_way))) }
        })
    }
}
