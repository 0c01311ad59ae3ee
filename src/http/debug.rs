//! The door for operators: how the storage is, and the metrics. Registry:2 has it on a listener of its own (`http.debug`).

use std::error::Error;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use axum::body::Body;
use axum::http::{Response, StatusCode, header};
use axum::routing::get;
use axum::{Router, extract::State};

use crate::registry::Registry;
use crate::telemetry::Metrics;

use super::Health;
use super::reply::Reply;

/// What the watch over the storage found. Cheap to clone; the clones are one.
#[derive(Clone, Debug, Default)]
pub struct Condition(Arc<ArcSwapOption<String>>);

impl Condition {
    /// Looks at the storage again and again, for ever.
    pub async fn watch(self, registry: Registry, health: Health) {
        let mut failures = 0;
        let mut ticks = tokio::time::interval(health.interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let found = registry.check_storage().await.err();
            failures = if found.is_some() { failures + 1 } else { 0 };
            let unwell = found.filter(|_| failures >= health.threshold);
            if let Some(error) = unwell.as_ref().filter(|_| failures == health.threshold) {
                tracing::error!(
                    failures,
                    error = error as &dyn Error,
                    "the storage fails its checks; requests are refused"
                );
            }
            self.0.store(unwell.map(|error| Arc::new(error.to_string())));
        }
    }

    /// Whether the storage fails its checks. Every request looks.
    pub(super) fn is_unwell(&self) -> bool {
        self.0.load().is_some()
    }

    /// What is wrong with the storage, if its checks fail.
    fn failure(&self) -> Option<String> {
        self.0.load().as_deref().cloned()
    }
}

/// The service of the debug listener: `/debug/health`, and the metrics where `metrics` says.
pub fn debug_router(condition: Condition, metrics: Option<(&str, Metrics)>) -> Router {
    let router = Router::new().route("/debug/health", get(health)).with_state(condition);
    match metrics {
        Some((path, metrics)) => router.route(path, get(move || async move { rendered(&metrics) })),
        None => router,
    }
}

/// `{}` while all is well, and what is not with 503, as registry:2 says it.
async fn health(State(condition): State<Condition>) -> Response<Body> {
    let failure = condition.failure();
    let status = if failure.is_some() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let failures: serde_json::Map<_, _> =
        failure.into_iter().map(|failure| ("storagedriver_filesystem".to_owned(), failure.into())).collect();
    let mut response = Reply::json("application/json", &failures).done();
    *response.status_mut() = status;
    response
}

fn rendered(metrics: &Metrics) -> Response<Body> {
    Reply::empty(StatusCode::OK)
        .header(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")
        .body(Body::from(metrics.render()))
        .done()
}
