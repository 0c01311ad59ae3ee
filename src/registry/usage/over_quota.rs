//! Why something is refused for want of room, in words that whoever pushes can act on.

use crate::oci::RepositoryName;

use super::ByteSize;

/// A namespace may not hold as much.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "namespace {namespace} may hold {quota} and holds {used}{}, so {more} more do not fit: delete what is not needed there \
     and have garbage collected, or ask an administrator to raise {key} in the registry's configuration",
    UnderWay(*under_way)
)]
pub struct OverQuota {
    /// The namespace.
    pub namespace: RepositoryName,
    /// How much it may hold.
    pub quota: ByteSize,
    /// What it holds.
    pub used: ByteSize,
    /// What requests under way are bringing.
    pub under_way: ByteSize,
    /// What was to be added.
    pub more: ByteSize,
    /// The key of the quota in the configuration.
    pub key: String,
}

/// What requests under way are bringing, if anything.
struct UnderWay(ByteSize);

impl std::fmt::Display for UnderWay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            ByteSize(0) => Ok(()),
            under_way => write!(f, ", with {under_way} more under way"),
        }
    }
}
