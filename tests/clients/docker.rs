//! docker: a daemon of the test's own, and what its users do.

mod access;
mod daemon;
mod images;
mod login;

pub(crate) use daemon::Docker;
