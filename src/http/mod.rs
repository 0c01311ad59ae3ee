//! The front door.

mod settings;

pub use settings::{
    Address, Certificate, ClientCertificates, Debug, Health, Listener, Settings, Tls, TlsVersion,
};
