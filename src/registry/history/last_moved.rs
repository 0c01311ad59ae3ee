//! When a tag was last moved. For the rules of retention.

use std::time::SystemTime;

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::StorageError;

use super::{Registry, RegistryError, Result, moves};

impl Registry {
    /// When a tag that points there was moved there; none where nothing tells. A push of the manifest that it points at
    /// already is no move. Without a lock: who acts on it looks again under the tag's.
    pub(in crate::registry) async fn last_moved(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        to: Digest,
    ) -> Result<Option<SystemTime>> {
        let lines = match self.written_down(repository, tag).await {
            // Nothing that we wrote is so long.
            Err(RegistryError::Storage(StorageError::TooLarge { .. })) => Vec::new(),
            lines => lines?,
        };
        // A copy of the volume may have lost the times of its files, and the history has them. Somebody who writes nothing
        // down may have moved the tag since, or before there was a history: then the link tells.
        let last = moves::made(&lines, Some(to)).last().filter(|line| line.to == Some(to)).map(|line| line.at);
        match last {
            Some(at) => Ok(Some(at)),
            None => self.pointed_since(repository, tag).await,
        }
    }
}
