//! What is remembered of collections: when the last one was, how much it left, and since when there have been any.

use std::time::SystemTime;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::warn;

use crate::registry::{Registry, RegistryError, Result, layout};

use super::Collected;

/// What is kept of the last collection that came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastCollection {
    /// When it began.
    #[serde(with = "time::serde::rfc3339")]
    pub began: OffsetDateTime,
    /// When it was over.
    #[serde(with = "time::serde::rfc3339")]
    pub at: OffsetDateTime,
    /// How many repositories it looked at, from which the next one knows how far it is.
    pub repositories: u64,
    /// How many repositories held anything when it was over, without those that were removed since then.
    #[serde(default)]
    pub holding: u64,
}

impl Registry {
    /// What is kept of the last collection, if anything is.
    pub async fn last_collection(&self) -> Option<LastCollection> {
        let noted = self.storage.get(&layout::collected()).await.ok()?;
        serde_json::from_slice(&noted).ok()
    }

    /// Takes down that a collection is over. Should it be lost, the next one comes sooner.
    ///
    /// `removed` is how many repositories were removed before it began: those that were removed while it ran it may have seen.
    pub(super) async fn note_collection(
        &self,
        began: SystemTime,
        collected: &Collected,
        holding: u64,
        removed: u64,
    ) -> Result<()> {
        let meanwhile = self.upkeep.removed.lock().await;
        let holding = holding.saturating_sub(*meanwhile - removed);
        let at = OffsetDateTime::from(self.clock.now());
        let (began, repositories) = (began.into(), collected.repositories);
        self.note_last(LastCollection { began, at, repositories, holding }).await
    }

    async fn note_last(&self, last: LastCollection) -> Result<()> {
        let noted = serde_json::to_vec(&last).unwrap_or_default();
        Ok(self.storage.jot(&layout::collected(), Bytes::from(noted)).await?)
    }

    /// Takes down that a repository is removed, so that the next collection does not miss it. To be called before that.
    pub(in crate::registry) async fn note_removed_repository(&self) {
        let mut removed = self.upkeep.removed.lock().await;
        *removed += 1;
        if let Some(last) = self.last_collection().await {
            let holding = last.holding.saturating_sub(1);
            // It is only a safeguard.
            if let Err(error) = self.note_last(LastCollection { holding, ..last }).await {
                warn!(error = &error as &dyn std::error::Error, "cannot note that a repository was removed");
            }
        }
    }

    /// Refuses to go on where most of what held anything lately is not found, though nobody has removed it: a disk that is not
    /// mounted is an empty directory.
    pub(super) async fn check_repositories_are_there(&self, found: u64) -> Result<()> {
        let before = self.last_collection().await.map_or(0, |last| last.holding);
        if found * 2 < before {
            return Err(RegistryError::RepositoriesMissing { before, found, noted: layout::collected() });
        }
        Ok(())
    }

    /// Since when garbage is collected here. What lost its tag before, when nobody would have removed it for that, has lost it
    /// then.
    pub(super) async fn collecting_since(&self, dry_run: bool) -> Result<SystemTime> {
        let key = layout::collecting_since();
        match self.storage.get(&key).await {
            Ok(noted) => {
                let noted =
                    std::str::from_utf8(&noted).ok().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
                if let Some(noted) = noted {
                    return Ok(noted.into());
                }
            }
            Err(error) if error.is_not_found() => {}
            Err(error) => return Err(error.into()),
        }
        if !dry_run {
            let text = OffsetDateTime::from(self.began).format(&Rfc3339);
            let text = text.map_err(|error| RegistryError::Damaged(error.to_string()))?;
            self.storage.put(&key, Bytes::from(text)).await?;
        }
        Ok(self.began)
    }
}
