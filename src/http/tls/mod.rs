//! TLS: whose certificate a listener shows, from where it comes, and how it is exchanged while serving.
//!
//! A pair of PEM files that somebody else keeps, or a private authority of our own with a certificate from it
//! ([`Authority`]). What is known here is certificates and files; sockets and requests belong to
//! `listen`.

mod authority;
mod certified_name;
mod error;
mod follow;
mod generated;
mod handshake;
mod host;
mod keep;
mod leaf;
mod material;
mod pem;
mod terms;
mod trust;

pub use authority::{Authority, AuthorityCertificate};
pub use certified_name::CertifiedName;
pub use error::TlsError;
pub use host::reachable_names;
pub use trust::{Trust, trust_instructions};

pub(super) use follow::follow;
pub(super) use handshake::Failure;
pub(super) use terms::Terms;
