//! Why a configuration cannot be used. Each error is one sentence that begins with where to look.

use std::fmt;
use std::io;
use std::path::PathBuf;

use thiserror::Error;

use super::node::Node;
use super::origin::Origin;
use super::secret::without_userinfo;

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is longer than any configuration.
    #[error("{}: is longer than {limit} bytes", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// How long it may be.
        limit: u64,
    },
    /// The file is not UTF-8.
    #[error("{}: is not UTF-8", path.display())]
    NotText {
        /// The file.
        path: PathBuf,
        /// Where it is not.
        source: std::string::FromUtf8Error,
    },
    /// The text is not YAML, or not of the kind that is read here.
    #[error("{origin}:{column}: {reason}")]
    NotYaml {
        /// The text and the line.
        origin: Origin,
        /// The column, counted from 1.
        column: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A value is not what it should be.
    #[error("{origin}: {key}: expected {expected}, found {found}")]
    Expected {
        /// Where the value was written, or else where it should have been.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// What may stand there.
        expected: String,
        /// What stands there.
        found: Found,
    },
    /// A regular expression that is none.
    #[error("{origin}: {key}: expected a regular expression")]
    NotARegex {
        /// Where it was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// Why it is none.
        source: regex::Error,
    },
    /// A key that is not known.
    #[error("{origin}: {key}: there is no such key{}; known here: {}", DidYouMean(*nearest), known.join(", "))]
    UnknownKey {
        /// Where it was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
        /// Every key that is known there.
        known: Vec<&'static str>,
    },
    /// None or several places to keep images in.
    #[error("{origin}: storage: must provide exactly one storage type, {}", StorageTypes(found))]
    StorageTypes {
        /// Where `storage` was written.
        origin: Origin,
        /// Those that were found and where.
        found: Vec<(String, Origin)>,
    },
    /// A variable names an item of a list by something that is no index, or by one beyond the end.
    #[error("{variable}: {index:?} is no index into a list of {length}; write the whole list instead")]
    Index {
        /// The variable.
        variable: Origin,
        /// What stands in the place of the index.
        index: String,
        /// How many items there are.
        length: usize,
    },
    /// Two values that do not go together, or one that lacks another.
    #[error("{origin}: {key}: {reason}")]
    Conflict {
        /// Where the value was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// Why they do not, and what to do.
        reason: String,
    },
    /// A file that a value names cannot be read.
    #[error("{origin}: {key}: {} cannot be read", path.display())]
    NamedFile {
        /// Where the value was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something that registry:2 serves and Wharf does not serve yet. To start without it could serve what was meant to
    /// be protected, or lose what was meant to be kept, so Wharf does not start.
    #[error("{origin}: {key}: {what} not served yet; {remedy}")]
    NotServed {
        /// Where it was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// What it is, with its verb.
        what: &'static str,
        /// What to do.
        remedy: &'static str,
    },
}

/// What was found where something else was expected, in words; never a secret.
#[derive(Debug)]
pub struct Found(String);

impl From<&Node> for Found {
    fn from(node: &Node) -> Found {
        Found(without_userinfo(&node.to_string()).into_owned())
    }
}

impl Found {
    /// Nothing was there.
    pub(super) fn nothing() -> Found {
        Found("nothing".to_owned())
    }
}

impl fmt::Display for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// The hint at a key that is much like an unknown one.
pub(super) struct DidYouMean(pub(super) Option<&'static str>);

impl fmt::Display for DidYouMean {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(key) => write!(out, ", did you mean {key:?}?"),
            None => Ok(()),
        }
    }
}

struct StorageTypes<'a>(&'a [(String, Origin)]);

impl fmt::Display for StorageTypes<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return out.write_str("found none; storage.filesystem.rootdirectory names a directory");
        }
        let found: Vec<String> = self.0.iter().map(|(name, origin)| format!("{name} ({origin})")).collect();
        write!(out, "found {}", found.join(" and "))
    }
}
