//! The first half of a collection: finding out what is reached.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;
use tracing::warn;

use crate::oci::{Digest, RepositoryName};
use crate::registry::effort::{Effort, Pacer};
use crate::registry::trash::Removed;
use crate::registry::{Registry, RegistryError, Result, layout};

use super::look::{Looked, Terms};
use super::marked::Marked;
use super::plan::Why;
use super::run::Pace;
use super::{Collected, Follow, Phase};

/// How many repositories are looked at at once by who need not hold back.
const SIDE_BY_SIDE: usize = 4;
/// As many manifests, and as many links, go in one run at most. The rest goes in the next.
const MOST: usize = 1_000_000;

/// What a repository loses.
#[derive(Debug)]
pub(super) struct Losing {
    pub(super) repository: RepositoryName,
    pub(super) manifests: Vec<(Digest, Why)>,
    pub(super) links: Vec<Digest>,
    /// Nothing of it stays.
    pub(super) all: bool,
}

/// What is to go.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) marked: Marked,
    pub(super) losing: Vec<Losing>,
    /// How many repositories will hold anything.
    pub(super) holding: u64,
}

impl Registry {
    /// Looks at every repository.
    pub(super) async fn mark(
        &self,
        terms: Terms,
        pace: &mut Pace<'_>,
        follow: &dyn Follow,
        collected: &mut Collected,
    ) -> Result<Plan> {
        follow.phase(Phase::Marking, None);
        let mut plan = Plan::default();
        let mut walk = self.walk_everything().strictly();
        let mut looking = FuturesOrdered::new();
        let (mut manifests, mut links) = (0, 0);
        loop {
            let looked = if pace.pacer.is_held_back() {
                let Some(repository) = walk.next(self).await? else { return Ok(plan) };
                let looked = self.look_at(&repository, terms, pace).await?;
                (repository, looked)
            } else {
                while looking.len() < SIDE_BY_SIDE
                    && let Some(repository) = walk.next(self).await?
                {
                    let (registry, stop) = (self.clone(), pace.stop.clone());
                    looking.push_back(tokio::spawn(async move {
                        let pacer = Pacer::new(registry.clock.as_ref(), Effort::FULL);
                        let looked = registry.look_at(&repository, terms, &mut Pace { pacer, stop: &stop }).await;
                        looked.map(|looked| (repository, looked))
                    }));
                }
                let Some(looked) = looking.next().await else { return Ok(plan) };
                looked.unwrap_or_else(|error| Err(RegistryError::Damaged(format!("the work stopped: {error}"))))?
            };
            let (repository, mut looked): (RepositoryName, Looked) = looked;
            looked.needed.iter().for_each(|leading| plan.marked.insert_leading(*leading));
            collected.repositories += 1;
            collected.tags += looked.tags as u64;
            collected.manifests_kept += looked.decided.kept.len() as u64;
            collected.untagged_kept += looked.untagged as u64;
            plan.holding += u64::from(!looked.decided.kept.is_empty() || looked.tags > 0);
            let all = looked.decided.kept.is_empty() && looked.tags == 0 && looked.young_links == 0;
            self.cut(&repository, &mut looked, MOST - manifests, MOST - links, &mut plan.marked).await?;
            manifests += looked.decided.going.len();
            links += looked.stale.len();
            if all || !looked.decided.going.is_empty() || !looked.stale.is_empty() {
                let (manifests, links) = (looked.decided.going, looked.stale);
                plan.losing.push(Losing { repository, manifests, links, all });
            }
            follow.done(1);
            pace.breathe().await?;
        }
    }

    /// Leaves only so much of what a repository would lose. The rest is treated as needed, so that nothing of it goes without
    /// the rest: those that list others come first, and links only go where all manifests do.
    pub(super) async fn cut(
        &self,
        repository: &RepositoryName,
        looked: &mut Looked,
        manifests: usize,
        mut links: usize,
        marked: &mut Marked,
    ) -> Result<()> {
        let going = &mut looked.decided.going;
        if going.len() > manifests {
            links = 0;
            for (digest, _) in going.drain(manifests..) {
                self.spare(repository, digest, &mut [&mut *marked]).await?;
            }
        }
        let stale = &mut looked.stale;
        for digest in stale.drain(links.min(stale.len())..) {
            marked.insert(&digest);
            if let Some(target) = self.held_blob(repository, &digest).await? {
                marked.insert(&target);
            }
        }
        Ok(())
    }

    /// Brings back from the trash what something leads to all the same: from a place that the collection which put it there could
    /// not see. Otherwise it would go for good with the trash.
    pub(super) async fn bring_back_marked(&self, marked: &mut Marked) -> Result<()> {
        for id in self.batches().await? {
            let mut needed = Vec::new();
            self.read_batch(&id, |removed| {
                if let Removed::Blob { digest, .. } = removed
                    && marked.contains(&digest)
                {
                    needed.push(digest);
                }
            })
            .await?;
            for digest in needed {
                match self.storage.stat(&layout::blob(&digest)).await {
                    Err(error) if error.is_not_found() && self.rescue(&digest).await? => {
                        warn!(%digest, "something leads to content that is in the trash; it is brought back");
                    }
                    Ok(_) | Err(_) => {}
                }
            }
        }
        Ok(())
    }
}
