//! docker: a daemon of the test's own, and what its users do.

mod daemon;
mod images;

pub(crate) use daemon::Docker;
