//! The front door: routes, extractors, replies, TLS, limits, and the one place where an error becomes a status.

mod access_log;
mod app;
mod conditions;
mod error;
mod handlers;
mod leftover;
mod query;
mod reply;
mod route;
mod settings;

pub use app::App;
pub use error::HttpError;
pub use route::{Effect, Route, RouteError};
pub use settings::{Address, Certificate, ClientCertificates, Debug, Listener, Settings, Tls, TlsVersion};

/// Who sent a request, for the log.
fn remote(_request: &axum::extract::Request) -> String {
    String::new()
}
