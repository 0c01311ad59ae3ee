//! Where a value was written. Every value of the configuration carries one, so that an error and `wharf config show`
//! can say it.

use std::fmt;
use std::sync::Arc;

/// Where a value was written; its `Display` is what an error begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: Wharf's own default.
    Default,
    /// In the file, on a line counted from 1.
    File {
        /// The file as it was named on the command line.
        name: Arc<str>,
        /// The line.
        line: usize,
    },
    /// In an environment variable, by its name.
    Variable(Arc<str>),
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => out.write_str("default"),
            Origin::File { name, line } => write!(out, "{name}:{line}"),
            Origin::Variable(name) => out.write_str(name),
        }
    }
}

/// A text that is being read: what its values' [`Origin`]s have in common.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Wharf's own defaults.
    Default,
    /// The file of this name.
    File(Arc<str>),
    /// The variable of this name.
    Variable(Arc<str>),
}

impl Source {
    /// The place on a line of this text.
    pub(super) fn at(&self, line: usize) -> Origin {
        match self {
            Source::Default => Origin::Default,
            Source::File(name) => Origin::File { name: Arc::clone(name), line },
            Source::Variable(name) => Origin::Variable(Arc::clone(name)),
        }
    }
}
