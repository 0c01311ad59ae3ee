//! The front door.

mod settings;

pub use settings::{Address, Certificate, ClientCertificates, Debug, Listener, Settings, Tls, TlsVersion};
