//! A small application behind the door.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use http_body_util::BodyExt as _;
use tokio::sync::Semaphore;
use wharf::auth::{CertificateName, user_of};
use wharf::http::listen::Peer;

/// Requests to `/wait`: how many have arrived, and how many may go on.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) arrived: Arc<Semaphore>,
    pub(crate) open: Arc<Semaphore>,
}

impl Gate {
    pub(crate) fn new() -> Self {
        let shut = || Arc::new(Semaphore::new(0));
        Self { arrived: shut(), open: shut() }
    }

    /// Waits until a request has arrived.
    pub(crate) async fn arrival(&self) {
        self.arrived.acquire().await.unwrap().forget();
    }

    /// Lets one request go on.
    pub(crate) fn open(&self) {
        self.open.add_permits(1);
    }
}

pub(crate) fn app(gate: Gate) -> Router {
    Router::new()
        .route("/", get(peer))
        .route("/certificate", get(certificate))
        .route("/wait", get(wait))
        .route("/panic", get(panic))
        .route("/sink", put(sink))
        .with_state(gate)
}

/// Says who asks.
async fn peer(Extension(peer): Extension<Peer>) -> String {
    format!("{} {} {}", peer.address, peer.tls, peer.listener)
}

/// Says whose certificate was shown.
async fn certificate(Extension(peer): Extension<Peer>) -> String {
    let Some(certificate) = &peer.certificate else { return "none".to_owned() };
    let user = user_of(certificate, CertificateName::Dns, time::OffsetDateTime::now_utc());
    user.unwrap().unwrap().to_string()
}

async fn wait(State(gate): State<Gate>) -> &'static str {
    gate.arrived.add_permits(1);
    gate.open.acquire().await.unwrap().forget();
    "waited"
}

async fn panic() -> &'static str {
    panic!("as asked")
}

/// Counts what it is sent.
async fn sink(mut body: Body) -> Result<String, (StatusCode, String)> {
    let mut count = 0;
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => count += frame.data_ref().map_or(0, |data| data.len()),
            Err(error) => return Err((StatusCode::REQUEST_TIMEOUT, error.to_string())),
        }
    }
    Ok(count.to_string())
}
