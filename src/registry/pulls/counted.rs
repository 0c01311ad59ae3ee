//! Since when pulls are counted without a gap.
//!
//! Nobody counts while registry:2 serves the volume, nor while it is served read-only. That leaves no trace but the time in
//! which nothing was noted. So it is noted each minute that pulls were counted until then, and who begins to count long
//! after that begins anew. A gap of up to an hour is taken for a start of the server or of its machine, in which nobody
//! could pull: else no start would be without one, and rules that ask for pulls would wait after each.

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::registry::{Registry, RegistryError, Result, layout};
use crate::storage::Key;

/// The longest gap that is taken for none.
const GAP: Duration = Duration::from_secs(3600);

impl Registry {
    /// Since when pulls are counted on this volume without a gap, as far as this process knows: it counts itself.
    pub(super) async fn counted_since(&self) -> Result<SystemTime> {
        Ok(self.counted_before().await?.unwrap_or(self.pulls.began))
    }

    /// Since when others have counted, up to when this process began.
    async fn counted_before(&self) -> Result<Option<SystemTime>> {
        let Some(since) = self.noted_time(&layout::counted_since()).await? else { return Ok(None) };
        let until = self.noted_time(&layout::counted_until()).await?;
        let gap = until.map(|until| self.pulls.began.duration_since(until).unwrap_or_default());
        Ok(gap.is_some_and(|gap| gap <= GAP).then_some(since))
    }

    /// Notes that counting began when this process did, unless it goes on with what others have counted.
    pub(super) async fn note_counting(&self) -> Result<()> {
        match self.counted_before().await? {
            Some(_) => Ok(()),
            None => Ok(self.storage.put(&layout::counted_since(), written(self.pulls.began)?).await?),
        }
    }

    /// Notes that pulls were counted until then. For who has noted since when: before that, it would pass for the end of
    /// what was counted before a gap.
    pub(super) async fn note_counted(&self, until: SystemTime) -> Result<()> {
        Ok(self.storage.put(&layout::counted_until(), written(until)?).await?)
    }

    /// A time that is written down; none if it is not, or damaged.
    async fn noted_time(&self, key: &Key) -> Result<Option<SystemTime>> {
        match self.storage.get(key).await {
            Ok(noted) => {
                let text = std::str::from_utf8(&noted).ok();
                Ok(text.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()).map(SystemTime::from))
            }
            Err(error) if error.is_not_found() => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}

fn written(time: SystemTime) -> Result<Bytes> {
    let text = OffsetDateTime::from(time).format(&Rfc3339);
    text.map(Bytes::from).map_err(|error| RegistryError::Damaged(error.to_string()))
}

#[cfg(test)]
#[path = "counted_tests.rs"]
mod tests;
