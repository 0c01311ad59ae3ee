//! The catalog: which repositories there are.
//!
//! The order is that of registry:2: names are compared part by part, so that `a/b` stands directly behind `a` and before
//! `a-b`. It is the order in which the tree is walked, and a page costs what lies between its first and its last entry.

use crate::oci::RepositoryName;
use crate::storage::EntryKind;

use super::{Listing, Page, Registry, Result, layout};

/// How many entries of a directory are held at once.
const BATCH: usize = 1024;

impl Registry {
    /// The repositories that manifests were pushed to.
    pub async fn repositories(&self, page: &Page) -> Result<Listing<RepositoryName>> {
        let most = self.settings.catalog_page_max;
        let limit = page.limit.unwrap_or(most).min(most);
        let mut walk = Walk::behind(layout::MANIFESTS, page.last.as_deref());
        let mut found = Vec::new();
        while found.len() <= limit
            && limit > 0
            && let Some(name) = walk.next(self).await?
        {
            found.push(name);
        }
        Ok(Listing::cut(found, limit))
    }

    /// Walks over all repositories that manifests were pushed to, in order.
    pub(super) fn walk_repositories(&self) -> Walk {
        Walk::behind(layout::MANIFESTS, None)
    }

    /// Walks over all repositories that uploads were started in, in order.
    pub(super) fn walk_uploads(&self) -> Walk {
        Walk::behind(layout::UPLOADS, None)
    }
}

/// A walk over the tree of repositories that holds one batch of names for each level.
pub(super) struct Walk {
    /// The directory that a repository has if it is looked for.
    marker: &'static str,
    levels: Vec<Level>,
    /// Where to begin: the parts of the last name of the page before.
    behind: Vec<String>,
}

/// A directory that is being walked.
struct Level {
    /// Its path below the tree's root; empty for the root.
    path: String,
    /// Its next subdirectories, the next one at the end.
    batch: Vec<String>,
    /// The name behind which the next batch starts; `None` when there is none.
    rest: Option<String>,
    /// Whether its path is that of the first parts of `behind`, so that names in it may still lie before.
    on_edge: bool,
}

impl Walk {
    fn behind(marker: &'static str, last: Option<&str>) -> Walk {
        let behind = last
            .filter(|last| !last.is_empty())
            .map(|last| last.split('/').map(str::to_owned).collect());
        let root = Level {
            path: String::new(),
            batch: Vec::new(),
            rest: Some(String::new()),
            on_edge: last.is_some(),
        };
        Walk {
            marker,
            levels: vec![root],
            behind: behind.unwrap_or_default(),
        }
    }

    /// The next repository.
    pub(super) async fn next(&mut self, registry: &Registry) -> Result<Option<RepositoryName>> {
        loop {
            let depth = self.levels.len();
            let Some(level) = self.levels.last_mut() else {
                return Ok(None);
            };
            let Some(component) = level.batch.pop() else {
                if !self.fill(registry).await? {
                    self.levels.pop();
                }
                continue;
            };
            let edge = self.behind.get(depth - 1).filter(|_| level.on_edge);
            let (before, on_edge) = match edge.map(|edge| component.cmp(edge)) {
                Some(std::cmp::Ordering::Less) => continue,
                Some(std::cmp::Ordering::Equal) => (true, true),
                Some(std::cmp::Ordering::Greater) | None => (false, false),
            };
            let path = if level.path.is_empty() {
                component
            } else {
                format!("{}/{component}", level.path)
            };
            let below = Level {
                path: path.clone(),
                batch: Vec::new(),
                rest: Some(String::new()),
                on_edge,
            };
            // A directory that is nested too deeply to be a repository's is a foreign one.
            let Ok(name) = path.parse::<RepositoryName>() else {
                continue;
            };
            self.levels.push(below);
            if !before && self.is_repository(registry, &name).await? {
                return Ok(Some(name));
            }
        }
    }

    /// Whether the directory has what makes it a repository that is looked for.
    async fn is_repository(&self, registry: &Registry, name: &RepositoryName) -> Result<bool> {
        // The first name that is not before the marker's, so that no stray neighbour hides it.
        let (stem, end) = self.marker.split_at(self.marker.len() - 1);
        let before: String = end.bytes().map(|end| char::from(end - 1)).collect();
        let behind = format!("{stem}{before}{}", char::MAX);
        let next = registry
            .storage
            .list(&layout::repository(name), Some(&behind), 1)
            .await?;
        Ok(next
            .first()
            .is_some_and(|entry| entry.name == self.marker && entry.kind == EntryKind::Directory))
    }

    /// Fetches the next batch of the innermost level; false if there is none.
    async fn fill(&mut self, registry: &Registry) -> Result<bool> {
        let Some(level) = self.levels.last_mut() else {
            return Ok(false);
        };
        let Some(rest) = level.rest.take() else {
            return Ok(false);
        };
        let mut key = layout::repositories();
        if !level.path.is_empty() {
            key = key.descend(level.path.split('/'));
        }
        let entries = registry.storage.list(&key, Some(&rest), BATCH).await?;
        if entries.len() == BATCH {
            level.rest = entries.last().map(|entry| entry.name.clone());
        }
        let directories = entries
            .into_iter()
            .rev()
            .filter(|entry| entry.kind == EntryKind::Directory);
        level.batch = directories
            .map(|entry| entry.name)
            .filter(|name| RepositoryName::is_component(name))
            .collect();
        Ok(!level.batch.is_empty() || level.rest.is_some())
    }
}
