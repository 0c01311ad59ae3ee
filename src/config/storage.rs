//! `storage` into the settings of [`crate::storage`]: which driver, and where it keeps its bytes.

use std::path::PathBuf;

use super::document::Document;
use super::error::ConfigError;
use super::node::Node;
use super::unserved;
use crate::storage::{Durability, Settings};

/// Keys of `storage` that are options of every driver and no driver themselves.
const OPTIONS: [&str; 5] = ["cache", "delete", "maintenance", "redirect", "tag"];

/// Refuses any number of drivers but one, and any driver but the filesystem's.
pub(super) fn driver(root: &Node) -> Result<(), ConfigError> {
    let storage = root.find("storage");
    let drivers: Vec<&(String, Node)> = storage
        .and_then(Node::map)
        .map(|map| map.entries.iter().filter(|(key, _)| !OPTIONS.contains(&key.as_str())).collect())
        .unwrap_or_default();
    match drivers.as_slice() {
        [(name, _)] if name == "filesystem" => Ok(()),
        [(name, node)] => Err(unserved::driver(name, node)),
        several => Err(ConfigError::StorageTypes {
            origin: storage.map_or_else(|| root.origin.clone(), |node| node.origin.clone()),
            found: several.iter().map(|(name, node)| (name.clone(), node.origin.clone())).collect(),
        }),
    }
}

/// Reads the settings.
pub(super) fn settings(document: &Document) -> Result<Settings, ConfigError> {
    let key = "storage.filesystem.rootdirectory";
    let root = document.text(key).ok_or_else(|| document.expected(key, "a directory"))?;
    Ok(Settings { root: PathBuf::from(root), durability: durability(document)? })
}

/// What survives a power cut, and from when on.
fn durability(document: &Document) -> Result<Durability, ConfigError> {
    let key = "storage.filesystem.durability";
    match document.text(key) {
        None | Some("barrier") => Ok(Durability::Barrier),
        Some("full") => Ok(Durability::Full),
        Some("none") => Ok(Durability::None),
        Some(_) => Err(document.expected(key, "full, barrier or none")),
    }
}
