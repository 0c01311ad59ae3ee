//! The front door.

pub mod listen;
mod settings;
pub mod tls;

pub use settings::{Address, Certificate, ClientCertificates, Debug, Listener, Settings, Tls, TlsVersion};
