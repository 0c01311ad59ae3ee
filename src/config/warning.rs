//! What is odd or without effect in a configuration that can be used nevertheless.

use std::fmt;

use tracing::Level;

use super::error::DidYouMean;
use super::origin::Origin;

/// Something that was passed over, or read in a way that may surprise; its `Display` is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A `REGISTRY_` variable that names no key.
    UnknownVariable {
        /// Its name.
        name: String,
    },
    /// A variable that Kubernetes sets for a service whose name begins with `registry`.
    ServiceVariable {
        /// Its name.
        name: String,
    },
    /// A variable that is meant for clients.
    ClientVariable {
        /// Its name.
        name: String,
    },
    /// A variable for the version of the format, which cannot be overridden.
    VersionVariable {
        /// Its name.
        name: String,
    },
    /// A variable that reaches into a mapping which only a variable for the whole of it can change.
    InsideMapping {
        /// Its name.
        name: String,
        /// The variable that would work.
        whole: String,
    },
    /// A variable that names an item of a list by its index alone: the item is there, its value is not.
    IndexAlone {
        /// Its name.
        name: String,
        /// The variable that would work.
        whole: String,
    },
    /// A key that is not known and that a variable wrote.
    UnknownKey {
        /// The variable.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// The known key that is most like it.
        nearest: Option<&'static str>,
    },
    /// A key that means something to registry:2 and nothing here.
    NoMeaning {
        /// Where it was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: &'static str,
        /// Why it means nothing.
        why: &'static str,
    },
    /// A value that does something else than it seems to.
    Surprise {
        /// Where it was written.
        origin: Origin,
        /// The key, with dots from the top.
        key: String,
        /// What it does.
        what: String,
    },
}

impl Warning {
    /// How much it matters: that a key has no meaning here is for information, the rest is a warning.
    pub fn level(&self) -> Level {
        match self {
            Warning::NoMeaning { .. } => Level::INFO,
            Warning::UnknownVariable { .. }
            | Warning::ServiceVariable { .. }
            | Warning::ClientVariable { .. }
            | Warning::VersionVariable { .. }
            | Warning::InsideMapping { .. }
            | Warning::IndexAlone { .. }
            | Warning::UnknownKey { .. }
            | Warning::Surprise { .. } => Level::WARN,
        }
    }

    /// Writes it to the log.
    pub fn log(&self) {
        if self.level() == Level::INFO {
            tracing::info!("{self}");
        } else {
            tracing::warn!("{self}");
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Warning::UnknownVariable { name } => write!(out, "{name}: ignored, it names no key"),
            Warning::ServiceVariable { name } => {
                write!(out, "{name}: ignored, Kubernetes sets it for a service (enableServiceLinks)")
            }
            Warning::ClientVariable { name } => {
                write!(out, "{name}: ignored, it tells podman, skopeo and buildah where they keep passwords")
            }
            Warning::VersionVariable { name } => {
                write!(out, "{name}: ignored, the version of the format cannot be overridden")
            }
            Warning::InsideMapping { name, whole } => {
                write!(out, "{name}: ignored, as in registry:2, for it reaches into a mapping that is written out; ")?;
                write!(out, "set {whole} to the whole mapping instead")
            }
            Warning::IndexAlone { name, whole } => {
                write!(out, "{name}: its value is ignored, as in registry:2; set {whole} to the whole list instead")
            }
            Warning::UnknownKey { origin, key, nearest } => {
                write!(out, "{origin}: ignored, there is no key {key}{}", DidYouMean(*nearest))
            }
            Warning::NoMeaning { origin, key, why } => {
                write!(out, "{origin}: {key} has no meaning here: {why}")
            }
            Warning::Surprise { origin, key, what } => write!(out, "{origin}: {key}: {what}"),
        }
    }
}
