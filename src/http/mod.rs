//! The front door: routes, extractors, replies, TLS, limits, and the one place where an error becomes a status.

mod app;
mod conditions;
mod debug;
mod error;
mod handlers;
mod leftover;
pub mod listen;
mod query;
mod record;
mod reply;
mod route;
mod settings;
pub mod tls;
mod whole_body;

pub use app::App;
pub use debug::{Condition, debug_router};
pub use error::HttpError;
pub use route::{Effect, Route, RouteError};
pub use settings::{Address, Certificate, ClientCertificates, Debug, Health, Listener, Settings, Tls, TlsVersion};
