//! A volume that no server runs on: this process answers its own requests, as the operator's.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Method, Request, header};
use http_body_util::{BodyExt, Limited};
use time::OffsetDateTime;

use crate::auth::{self, Auth};
use crate::config::Config;
use crate::http::listen::{Application as _, Peer, PeerAddress};
use crate::http::{self, App};
use crate::registry::Registry;
use crate::storage::Filesystem;

use super::ReachError;
use super::exchange::{LONGEST, Reply};

/// The registry of a volume that this process is alone with.
pub(in crate::cli) struct Alone {
    registry: Registry,
    http: Box<http::Settings>,
}

impl Alone {
    /// The registry of a volume.
    pub(super) fn on(volume: Filesystem, config: &Config) -> Alone {
        let registry = Registry::new(Arc::new(volume), config.registry.clone());
        Alone { registry, http: Box::new(config.http.clone()) }
    }

    /// Asks itself.
    pub(super) async fn ask(&self, method: Method, path: &str, body: Option<String>) -> Result<Reply, ReachError> {
        // Whoever may use the volume's files needs no password, and the files that know passwords are not looked at.
        let started = Auth::start(&auth::Settings::default(), OffsetDateTime::now_utc());
        let (auth, _) = started.map_err(|error| ReachError::Strange(error.to_string()))?;
        let app = App::new(self.registry.clone(), auth, &self.http).into_service();
        let uri = format!("{}api/v1/{path}", self.http.prefix);
        let request = Request::builder().method(method).uri(uri).header(header::CONTENT_TYPE, "application/json");
        let request = request.body(body.map_or_else(Body::empty, Body::from));
        let request = request.map_err(|error| ReachError::Strange(error.to_string()))?;
        let peer = Peer { address: PeerAddress::Control, tls: false, listener: "alone".into(), certificate: None };
        let (head, body) = app.answer(request, Arc::new(peer)).await.into_parts();
        let body = Limited::new(body, LONGEST).collect().await;
        let body = body.map_err(|error| ReachError::Strange(error.to_string()))?.to_bytes();
        Ok(Reply { status: head.status.as_u16(), body })
    }

    /// Ends in order: what is under way is finished first.
    pub(super) async fn close(self) {
        self.registry.finish().await;
    }
}
