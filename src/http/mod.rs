//! The front door: routes, extractors, replies, TLS, limits, and the one place where an error becomes a status.

mod access_error;
pub mod api;
mod app;
mod challenge;
mod conditions;
mod debug;
mod error;
mod gate;
mod handlers;
mod leftover;
pub mod listen;
mod need;
mod origin;
mod query;
mod record;
mod reply;
mod route;
mod settings;
pub mod tls;
mod whole_body;

pub use access_error::AccessError;
pub use app::App;
pub use challenge::{Challenge, TokenError};
pub use debug::{Condition, debug_router};
pub use error::HttpError;
pub use need::Need;
pub use route::{Effect, Route, RouteError};
pub use settings::{Address, Certificate, ClientCertificates, Debug, Health, Listener, Settings, Tls, TlsVersion};
