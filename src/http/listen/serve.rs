//! Serves until told to stop, and stops in order.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::super::Settings;
use super::super::tls::{Terms, follow};
use super::accept::{Ends, accept};
use super::bind::BoundListener;
use super::connection::Door;
use super::error::ListenError;
use super::protocol::Protocols;
use super::service::Application;
use super::throttle::Throttle;
use super::timing::Timing;

/// How serving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped {
    /// How many connections still had a request under way when the time for that was over.
    pub cut: usize,
}

/// Answers requests on the listeners until `shutdown`, and then finishes those that are under way.
///
/// After `shutdown` the sockets are closed at once, and so are connections without a request; the others have
/// [`Settings::drain_timeout`] to finish. Of the settings, this and [`Settings::h2c`] are looked at here. A request
/// that panics loses its connection, or its stream of it, and nothing else. When the future is dropped, everything is
/// dropped with it.
///
/// # Errors
///
/// When a socket cannot be handed to the runtime.
pub async fn serve(
    listeners: Vec<BoundListener>,
    app: impl Application,
    settings: &Settings,
    timing: Timing,
    shutdown: impl Future<Output = ()>,
) -> Result<Stopped, ListenError> {
    let ends = Ends::default();
    // Connections are in the tracker, which does not end them when it is dropped.
    let _dropped = ends.cutting.clone().drop_guard();
    let connections = TaskTracker::new();
    let throttle = Arc::new(Throttle::new());
    let mut accepting = JoinSet::new();
    let mut _following = follow_all(&listeners, timing.certificates);
    for BoundListener { socket, tls, name } in listeners {
        let listening = socket.listen().map_err(|source| ListenError::Io { address: name.to_string(), source })?;
        tracing::info!(address = &*name, "listening");
        let door = Door {
            name,
            tls,
            app: app.clone(),
            protocols: Protocols::new(timing, settings.h2c),
            timing,
            throttle: Arc::clone(&throttle),
        };
        accepting.spawn(accept(listening, Arc::new(door), connections.clone(), ends.clone()));
    }
    shutdown.await;
    ends.stopping.cancel();
    // Each ends at once, and its socket with it.
    while accepting.join_next().await.is_some() {}
    connections.close();
    Ok(Stopped { cut: drain(&connections, &ends, settings.drain_timeout).await })
}

/// Waits for the connections that have requests under way, and cuts them off when the time is over.
async fn drain(connections: &TaskTracker, ends: &Ends, limit: Option<Duration>) -> usize {
    let Some(limit) = limit else {
        connections.wait().await;
        return 0;
    };
    if timeout(limit, connections.wait()).await.is_ok() {
        return 0;
    }
    let cut = connections.len();
    tracing::warn!(cut, "requests took longer than http.draintimeout and are cut off");
    ends.cutting.cancel();
    connections.wait().await;
    cut
}

/// Keeps every certificate current; each once, however many listeners show it.
fn follow_all(listeners: &[BoundListener], every: Duration) -> JoinSet<()> {
    let mut followed: Vec<Arc<Terms>> = Vec::new();
    for terms in listeners.iter().filter_map(|listener| listener.tls.as_ref()) {
        if !followed.iter().any(|known| Arc::ptr_eq(known, terms)) {
            followed.push(Arc::clone(terms));
        }
    }
    followed.into_iter().map(|terms| follow(terms, every)).collect()
}
