//! Bytes under keys. Knows nothing of OCI.

use std::path::PathBuf;

/// Where the bytes are; `config` fills it in.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The directory that holds `docker/registry/v2` (`storage.filesystem.rootdirectory`).
    pub root: PathBuf,
}
