//! From a connection to the router: each request gets its peer and a bound on its body.

use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_LENGTH;
use axum::http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tower::Service as _;

use super::body::{Arriving, Departing};
use super::peer::Peer;
use super::requests::Requests;

/// What a connection's requests have in common.
#[derive(Clone)]
pub(super) struct Common {
    pub(super) app: Router,
    pub(super) peer: Peer,
    pub(super) patience: Duration,
}

impl Common {
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Body>, Infallible>> + Send + use<> {
        let mut request = request.map(|body| Arriving::new(body, self.patience));
        request.extensions_mut().insert(self.peer.clone());
        let answer = self.app.clone().call(request);
        async move {
            let mut answer = answer.await?;
            // The router gives every answer to HEAD a length. One that cannot have a body has none (RFC 9110 §8.6).
            if matches!(answer.status(), StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
                answer.headers_mut().remove(CONTENT_LENGTH);
            }
            Ok(answer)
        }
    }

    /// Serves a connection that carries one request after the other.
    pub(super) fn in_turn(
        self,
    ) -> impl Service<Request<Incoming>, Response = Response<Body>, Error = Infallible, Future: Send + 'static> {
        service_fn(move |request| self.answer(request))
    }

    /// Serves a connection that may carry several at once, and counts those that are under way.
    pub(super) fn counted(
        self,
        requests: Requests,
    ) -> impl Service<Request<Incoming>, Response = Response<Departing>, Error = Infallible, Future: Send + 'static>
    {
        service_fn(move |request| {
            let under_way = requests.begin();
            let answer = self.answer(request);
            async move { Ok(answer.await?.map(|body| Departing::new(body, under_way))) }
        })
    }
}
