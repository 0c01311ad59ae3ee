//! What retention would do, in pages.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::oci::{Pattern, RepositoryName, Tag};
use crate::registry::{Effort, Listing, Result};

use super::{Concerned, Judged, Registry};

/// A repository that a page ended in is remembered for so long.
const REMEMBERED: Duration = Duration::from_secs(60);
/// The longest page, in tags.
const PAGE_MAX: usize = 10_000;

/// A tag of a repository, and what would happen to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Previewed {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag.
    pub judged: Judged,
}

/// Where a page begins: behind a tag of a repository, or behind all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionPlace {
    /// The repository.
    pub repository: RepositoryName,
    /// The tag; `None` for all of the repository's.
    pub tag: Option<Tag>,
}

/// The repository that the last page ended in, so that the next one, which goes on in it, need not read it again: in one of
/// a hundred thousand tags that takes seconds.
#[derive(Debug, Default)]
pub(in crate::registry) struct Previewing(Mutex<Option<Page>>);

#[derive(Clone, Debug)]
struct Page {
    repository: RepositoryName,
    judged: Arc<Vec<Judged>>,
    /// When it was read, by the clock that never goes back.
    at: Duration,
}

impl Registry {
    /// What would happen to the tags of the repositories that some rule is about and that are asked for: in the order of the
    /// catalog, the tags of each in byte order. Changes nothing, whatever the configuration allows.
    pub async fn preview_retention(
        &self,
        within: Option<&Pattern>,
        behind: Option<&RetentionPlace>,
        limit: usize,
    ) -> Result<Listing<Previewed>> {
        let limit = limit.min(PAGE_MAX);
        let concerned = Concerned { rules: &self.settings.retention.rules, within };
        let mut found = Vec::new();
        if let Some(RetentionPlace { repository, tag: Some(tag) }) = behind
            && super::Visible::shows(&concerned, repository)
        {
            let judged = match self.previewed(repository) {
                Some(judged) => judged,
                None => self.judge_for_preview(repository).await?,
            };
            let from = judged.partition_point(|judged| judged.tag <= *tag);
            self.add_page(repository, &judged, from, limit, &mut found);
        }
        let mut walk = self.walk_visible(behind.map(|behind| behind.repository.as_str()), &concerned);
        while found.len() <= limit
            && let Some(repository) = walk.next(self).await?
        {
            let judged = self.judge_for_preview(&repository).await?;
            self.add_page(&repository, &judged, 0, limit, &mut found);
        }
        Ok(Listing::cut(found, limit))
    }

    async fn judge_for_preview(&self, repository: &RepositoryName) -> Result<Arc<Vec<Judged>>> {
        Ok(Arc::new(self.judge_tags(repository, Effort::FULL, &CancellationToken::new()).await?))
    }

    /// Adds a repository's tags from one on, and one more than the page has, which shows that there are more.
    fn add_page(
        &self,
        repository: &RepositoryName,
        judged: &Arc<Vec<Judged>>,
        from: usize,
        limit: usize,
        found: &mut Vec<Previewed>,
    ) {
        let room = limit.saturating_add(1).saturating_sub(found.len());
        let tags = judged[from..].iter().take(room).cloned();
        found.extend(tags.map(|judged| Previewed { repository: repository.clone(), judged }));
        let goes_on = judged.len() - from >= room;
        let page = Page { repository: repository.clone(), judged: Arc::clone(judged), at: self.clock.elapsed() };
        *self.previewing.0.lock().unwrap_or_else(PoisonError::into_inner) = goes_on.then_some(page);
    }

    fn previewed(&self, repository: &RepositoryName) -> Option<Arc<Vec<Judged>>> {
        let page = self.previewing.0.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let is_young = self.clock.elapsed().saturating_sub(page.at) < REMEMBERED;
        (is_young && page.repository == *repository).then_some(page.judged)
    }
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
