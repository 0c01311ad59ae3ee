//! The first half of a collection: finding out what is reached.

use futures_util::StreamExt;
use futures_util::stream::FuturesOrdered;

use crate::oci::{Digest, RepositoryName};
use crate::registry::{Registry, RegistryError, Result};

use super::look::{Looked, Terms};
use super::marked::Marked;
use super::plan::Why;
use super::run::Pace;
use super::{Collected, Follow, Phase};

/// How many repositories are looked at at once.
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
        let mut walk = self.walk_everything();
        let mut looking = FuturesOrdered::new();
        let (mut manifests, mut links) = (0, 0);
        loop {
            while looking.len() < SIDE_BY_SIDE
                && let Some(repository) = walk.next(self).await?
            {
                let registry = self.clone();
                looking.push_back(tokio::spawn(async move {
                    let looked = registry.look_at(&repository, terms).await;
                    looked.map(|looked| (repository, looked))
                }));
            }
            let Some(looked) = looking.next().await else { return Ok(plan) };
            let looked =
                looked.unwrap_or_else(|error| Err(RegistryError::Damaged(format!("the work stopped: {error}"))));
            let (repository, mut looked): (RepositoryName, Looked) = looked?;
            looked.needed.iter().for_each(|digest| plan.marked.insert(digest));
            collected.repositories += 1;
            collected.tags += looked.tags as u64;
            collected.manifests_kept += looked.decided.kept.len() as u64;
            collected.untagged_kept += looked.untagged as u64;
            let all = looked.decided.kept.is_empty() && looked.tags == 0 && looked.young_links == 0;
            // What is too much is treated as needed, so that nothing of it goes without the rest.
            if manifests + looked.decided.going.len() > MOST || links + looked.stale.len() > MOST {
                self.spare_all(&repository, &looked, &mut plan.marked).await?;
                looked.decided.going.clear();
                looked.stale.clear();
            }
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

    /// Marks what a repository would lose.
    async fn spare_all(&self, repository: &RepositoryName, looked: &Looked, marked: &mut Marked) -> Result<()> {
        looked.stale.iter().for_each(|digest| marked.insert(digest));
        for (digest, _) in &looked.decided.going {
            self.spare(repository, *digest, &mut [&mut *marked]).await?;
        }
        Ok(())
    }
}
