//! The catalog: which repositories there are.
//!
//! The order is that of registry:2: names are compared part by part, so that `a/b` stands directly behind `a` and before
//! `a-b`. It is the order in which the tree is walked, and a page costs what lies between its first and its last entry.
//! Directories of which nothing may be shown are not looked into.

use std::error::Error;

use tracing::warn;

use crate::oci::RepositoryName;
use crate::storage::{self, Entry, EntryKind};

use super::{Everything, Listing, Page, Registry, Result, Visible, layout};

/// How many entries of a directory are fetched first. Each fetch reads the directory, so each is larger than the one before:
/// a page near by holds little, and a walk over everything reads a directory a few times only.
const FIRST_BATCH: usize = 128;
/// How much larger.
const GROWTH: usize = 4;

impl Registry {
    /// The repositories that manifests were pushed to, as far as they may be shown. What may not be shown does not show in
    /// the pages either: each is as long as there are repositories to show, and there are more only if one of those follows.
    pub async fn repositories(&self, page: &Page, visible: &dyn Visible) -> Result<Listing<RepositoryName>> {
        let most = self.settings.catalog_page_max;
        let limit = page.limit.unwrap_or(most).min(most);
        let mut walk = Walk::behind(&[layout::MANIFESTS], page.last.as_deref(), visible);
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
    pub(super) fn walk_repositories(&self) -> Walk<'static> {
        Walk::behind(&[layout::MANIFESTS], None, &Everything)
    }

    /// Walks over the repositories that manifests were pushed to and that may be shown, from the first behind a name.
    pub(super) fn walk_visible<'a>(&self, behind: Option<&str>, visible: &'a dyn Visible) -> Walk<'a> {
        Walk::behind(&[layout::MANIFESTS], behind, visible)
    }

    /// Walks over all repositories of which anything is there, in order.
    pub(super) fn walk_everything(&self) -> Walk<'static> {
        Walk::behind(&[layout::LAYERS, layout::MANIFESTS, layout::UPLOADS], None, &Everything)
    }

    /// Walks over a repository and all below it, in order.
    pub(super) fn walk_below(&self, top: &RepositoryName) -> Walk<'static> {
        let markers = &[layout::LAYERS, layout::MANIFESTS];
        let (above, last) = top.as_str().rsplit_once('/').unwrap_or(("", top.as_str()));
        let batch = vec![last.to_owned()];
        let level = Level { batch, rest: None, ..Level::new(above.to_owned(), false, None) };
        Walk { markers, levels: vec![level], behind: Vec::new(), visible: &Everything, is_strict: false }
    }

    /// Walks over all repositories below a path of which anything is there, in order; without the path's own.
    pub(super) fn walk_strictly_below(&self, path: &RepositoryName) -> Walk<'static> {
        let markers = &[layout::LAYERS, layout::MANIFESTS, layout::UPLOADS];
        let top = Level::new(path.to_string(), false, None);
        Walk { markers, levels: vec![top], behind: Vec::new(), visible: &Everything, is_strict: false }
    }

    /// Walks over all repositories that blobs were pushed to, in order.
    pub(super) fn walk_layers(&self) -> Walk<'static> {
        Walk::behind(&[layout::LAYERS], None, &Everything)
    }

    /// Walks over all repositories that uploads were started in, in order.
    pub(super) fn walk_uploads(&self) -> Walk<'static> {
        Walk::behind(&[layout::UPLOADS], None, &Everything)
    }
}

/// A walk over the tree of repositories that holds one batch of names for each level.
pub(super) struct Walk<'a> {
    /// The directories of which a repository has one if it is looked for, in order.
    markers: &'static [&'static str],
    levels: Vec<Level>,
    /// Where to begin: the parts of the last name of the page before.
    behind: Vec<String>,
    /// What comes up in it.
    visible: &'a dyn Visible,
    /// Whether it ends with an error where something may be hidden: a directory that may not be looked into, or a link that
    /// leads nowhere. Otherwise that is passed over.
    is_strict: bool,
}

/// A directory that is being walked.
struct Level {
    /// Its path below the tree's root; empty for the root.
    path: String,
    /// Its next subdirectories, the next one at the end.
    batch: Vec<String>,
    /// The name behind which the next batch starts; `None` when there is none.
    rest: Option<String>,
    /// The size of the next batch.
    size: usize,
    /// Whether its path is that of the first parts of `behind`, so that names in it may still lie before.
    on_edge: bool,
    /// Whether it has a marker, if what was fetched tells.
    has_marker: Option<bool>,
}

impl<'a> Walk<'a> {
    fn behind(markers: &'static [&'static str], last: Option<&str>, visible: &'a dyn Visible) -> Walk<'a> {
        let behind = last.map(|last| last.split('/').map(str::to_owned).collect());
        let behind: Vec<String> = behind.unwrap_or_default();
        let root = Level::new(String::new(), last.is_some(), behind.first());
        Walk { markers, levels: vec![root], behind, visible, is_strict: false }
    }

    /// For whoever must not miss anything: where something may be hidden, it ends with an error.
    pub(super) fn strictly(self) -> Walk<'a> {
        Walk { is_strict: true, ..self }
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
            let path = if level.path.is_empty() { component } else { format!("{}/{component}", level.path) };
            let below = Level::new(path.clone(), on_edge, self.behind.get(depth));
            // A directory that is nested too deeply to be a repository's is a foreign one.
            let Ok(name) = path.parse::<RepositoryName>() else {
                continue;
            };
            let shown = !before && self.visible.shows(&name);
            let found = if self.visible.may_show_below(&path) {
                self.levels.push(below);
                shown && self.is_repository(registry, &name).await?
            } else {
                shown && self.is_repository_alone(registry, &name).await?
            };
            if found {
                return Ok(Some(name));
            }
            // A hundred thousand that are passed over must not keep others waiting.
            tokio::task::coop::consume_budget().await;
        }
    }

    /// Whether the innermost level, from which nothing was taken yet, has what makes it a repository that is looked for.
    async fn is_repository(&mut self, registry: &Registry, name: &RepositoryName) -> Result<bool> {
        if self.levels.last().is_some_and(Level::starts_at_its_beginning) {
            self.fill(registry).await?;
        }
        if let Some(found) = self.levels.last().and_then(|level| level.has_marker) {
            return Ok(found);
        }
        match self.has_marker(registry, name).await {
            // The walk comes to it again, or was there, and says so.
            Err(error) if error.is_forbidden() && !self.is_strict => Ok(false),
            found => Ok(found?),
        }
    }

    /// The same of a directory that is not looked into for what is below it.
    async fn is_repository_alone(&self, registry: &Registry, name: &RepositoryName) -> Result<bool> {
        match self.has_marker(registry, name).await {
            Err(error) if error.is_forbidden() && !self.is_strict => {
                pass_over(&error);
                Ok(false)
            }
            found => Ok(found?),
        }
    }

    async fn has_marker(&self, registry: &Registry, name: &RepositoryName) -> storage::Result<bool> {
        for marker in self.markers {
            // The first name that is not before the marker's, so that no stray neighbour hides it.
            let behind = just_before(marker);
            let next = registry.storage.list(&layout::repository(name), Some(&behind), 1).await?;
            if next.first().is_some_and(|entry| is_directory(entry, marker)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Fetches the next batch of the innermost level; false if there is none.
    async fn fill(&mut self, registry: &Registry) -> Result<bool> {
        let markers = self.markers;
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
        let entries = match registry.storage.list(&key, Some(&rest), level.size).await {
            // One directory that we may not look into hides what is in it, not everything else.
            Err(error) if error.is_forbidden() && !self.is_strict => {
                pass_over(&error);
                return Ok(false);
            }
            entries => entries?,
        };
        if self.is_strict
            && rest.is_empty()
            && let Some(name) = registry.storage.leads_nowhere(&key).await?
        {
            return Err(storage::StorageError::LeadsNowhere(key.child(&name)).into());
        }
        let found = entries.iter().any(|entry| markers.iter().any(|marker| is_directory(entry, marker)));
        let last = markers.last().copied().unwrap_or_default();
        let is_passed = entries.len() < level.size || entries.last().is_some_and(|entry| entry.name.as_str() >= last);
        if rest.is_empty() && (found || is_passed) {
            level.has_marker = Some(found);
        }
        if entries.len() == level.size {
            level.rest = entries.last().map(|entry| entry.name.clone());
            level.size = level.size.saturating_mul(GROWTH);
        }
        let directories = entries.into_iter().rev().filter(|entry| entry.kind == EntryKind::Directory);
        level.batch = directories.map(|entry| entry.name).filter(|name| RepositoryName::is_component(name)).collect();
        Ok(!level.batch.is_empty() || level.rest.is_some())
    }
}

impl Level {
    /// Whether nothing is fetched yet, and all of it will be.
    fn starts_at_its_beginning(&self) -> bool {
        self.rest.as_ref().is_some_and(String::is_empty)
    }

    /// A directory of which nothing is fetched yet; on the edge, what lies before the edge's component is left out.
    fn new(path: String, on_edge: bool, edge: Option<&String>) -> Level {
        let rest = edge.filter(|_| on_edge).map(|edge| just_before(edge)).unwrap_or_default();
        Level { path, batch: Vec::new(), rest: Some(rest), size: FIRST_BATCH, on_edge, has_marker: None }
    }
}

fn pass_over(error: &storage::StorageError) {
    warn!(error = error as &dyn Error, "a directory of repositories is passed over");
}

fn is_directory(entry: &Entry, name: &str) -> bool {
    entry.name == name && entry.kind == EntryKind::Directory
}

/// A text that no name lies between and the given one.
fn just_before(name: &str) -> String {
    let mut before = name.to_owned();
    let last = before.pop().map_or(0, u32::from);
    if let Some(previous) = last.checked_sub(1).and_then(char::from_u32) {
        before.extend([previous, char::MAX]);
    }
    before
}

#[cfg(test)]
#[path = "catalog_tests.rs"]
mod tests;
