//! Reading of a repository what decides about its tags.

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, RepositoryName, Tag};
use crate::registry::effort::{Effort, Pacer};
use crate::registry::{RegistryError, Result, layout};

use super::decide::{Decider, Facts, decide, decider};
use super::{Judged, Known, Registry};

/// How many tags are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

impl Registry {
    /// What is to happen to each tag of a repository, in byte order. Without a lock: who acts on it looks again. A tag that
    /// points nowhere, because its link is damaged, is nobody's to judge.
    ///
    /// Takes about 300 bytes of memory for each tag.
    ///
    /// # Errors
    ///
    /// When anything cannot be read that decides, or it is to stop.
    pub(super) async fn judge_tags(
        &self,
        repository: &RepositoryName,
        effort: Effort,
        stop: &CancellationToken,
    ) -> Result<Vec<Judged>> {
        let (rules, immutable) = (&self.settings.retention.rules, &self.settings.immutable_tags);
        let asks = |tag: &Tag| match decider(rules, immutable, repository, tag) {
            Decider::Rule(rule) => Some(&rules[rule].keep),
            Decider::Immutable(_) | Decider::NoRule => None,
        };
        let mut pacer = Pacer::new(self.clock.as_ref(), effort);
        let names = self.names(&layout::tags(repository)).await?;
        let tags = names.into_iter().filter_map(|name| name.parse::<Tag>().ok());
        let looked = stream::iter(tags).map(|tag| {
            let asks_when_moved = asks(&tag).is_some_and(super::Keep::asks_when_moved);
            async move {
                let Some(digest) = self.resolve(repository, &tag).await? else { return Ok(None) };
                let moved = match asks_when_moved {
                    true => self.last_moved(repository, &tag, digest).await?,
                    false => None,
                };
                Ok::<_, RegistryError>(Some((tag, digest, Known { moved, pulled: None })))
            }
        });
        let mut looked = std::pin::pin!(looked.buffered(SIDE_BY_SIDE));
        let mut found: Vec<(Tag, Digest, Known)> = Vec::new();
        while let Some(looked) = looked.next().await {
            found.extend(looked?);
            if stop.run_until_cancelled(pacer.pause()).await.is_none() || stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
        }
        let now = self.clock.now();
        let mut counted_since = now;
        if found.iter().any(|(tag, ..)| asks(tag).is_some_and(|keep| keep.pulled_within.is_some())) {
            let pulls = self.pulls(repository).await?;
            counted_since = pulls.since();
            for (tag, digest, known) in &mut found {
                known.pulled = pulls.of(tag, digest);
            }
        }
        let facts: Vec<Facts<'_>> = found.iter().map(|(tag, _, known)| Facts { tag, known: *known }).collect();
        let fates = decide(rules, immutable, repository, &facts, counted_since, now);
        let judged = found.into_iter().zip(fates);
        Ok(judged.map(|((tag, digest, known), fate)| Judged { tag, digest, fate, known }).collect())
    }
}
