//! Which repositories a list may show. Who may see what is for others to know.

use crate::oci::RepositoryName;

/// What somebody may see of the tree of repositories.
pub trait Visible: Sync {
    /// Whether this repository may be shown.
    fn shows(&self, repository: &RepositoryName) -> bool;

    /// Whether any repository below this path may be shown, such as `team/app/web` below `team/app`. The path's parts are
    /// whole, and itself is not meant. What is below a path of which this says no is not looked at.
    fn may_show_below(&self, path: &str) -> bool;
}

/// All of it.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Visible for Everything {
    fn shows(&self, _repository: &RepositoryName) -> bool {
        true
    }

    fn may_show_below(&self, _path: &str) -> bool {
        true
    }
}
