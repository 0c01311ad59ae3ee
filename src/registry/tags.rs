//! Tags: listing, resolving, moving, removing.

use futures_util::{StreamExt, TryStreamExt, future, stream};

use crate::oci::{Digest, RepositoryName, Tag};
use crate::storage::EntryKind;

use super::history::How;
use super::remembered::weight;
use super::{Actor, ActualState, Listing, Page, Precondition, Registry, RegistryError, Result, layout, links};

/// How many tags are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

impl Registry {
    /// The repository's tags, in byte order.
    pub async fn tags(&self, repository: &RepositoryName, page: &Page) -> Result<Listing<Tag>> {
        let most = self.settings.tags_page_max.unwrap_or(usize::MAX);
        let limit = page.limit.unwrap_or(most).min(most);
        let mut found: Vec<Tag> = Vec::new();
        let mut last = page.last.clone();
        loop {
            // One more than asked for shows whether there are more.
            let wanted = limit.saturating_add(1).saturating_sub(found.len());
            let entries = self.storage.list(&layout::tags(repository), last.as_deref(), wanted).await?;
            let complete = entries.len() < wanted;
            last = entries.last().map(|entry| entry.name.clone());
            let names = entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory);
            let tags: Vec<Tag> = names.filter_map(|entry| entry.name.parse().ok()).collect();
            let looked = stream::iter(tags).map(|tag| async move {
                // A delete that was cut short, or registry:2 stopped hard, leaves a tag that points nowhere.
                Ok::<_, RegistryError>(self.resolve(repository, &tag).await?.map(|_| tag))
            });
            let kept: Vec<Option<Tag>> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
            found.extend(kept.into_iter().flatten());
            if complete || found.len() > limit {
                break;
            }
        }
        if found.is_empty() && !self.repository_exists(repository).await? {
            return Err(self.repository_unknown(repository).await);
        }
        Ok(Listing::cut(found, limit))
    }

    /// The digest that a tag points at.
    pub(super) async fn resolve(&self, repository: &RepositoryName, tag: &Tag) -> Result<Option<Digest>> {
        let name = (repository.clone(), tag.clone());
        let ticket = match self.remembered.tags.get(&name) {
            Ok(digest) => return Ok(Some(digest)),
            Err(ticket) => ticket,
        };
        let found = links::read(self.storage.as_ref(), &layout::tag_current(repository, tag)).await?;
        if let Some(digest) = found {
            self.remembered.tags.remember(ticket, name, digest, weight(repository, tag.as_str().len()));
        }
        Ok(found)
    }

    /// Removes a tag; the manifest stays.
    ///
    /// Against a put of the same tag: the tag's lock puts one behind the other, and whichever is last has its way.
    pub async fn delete_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        precondition: &Precondition,
        by: &Actor,
    ) -> Result<()> {
        self.allow_deleting()?;
        let (registry, repository, tag) = (self.clone(), repository.clone(), tag.clone());
        let (precondition, by) = (precondition.clone(), by.clone());
        self.to_its_end(async move {
            let moving = registry.locks.moving(&repository, std::slice::from_ref(&tag)).await;
            let current = registry.resolve(&repository, &tag).await?;
            registry.check_may_move(&repository, &tag, current, None)?;
            precondition.check(current).map_err(|state| RegistryError::from((tag.clone(), state)))?;
            // A tag whose link is damaged points nowhere and can be removed all the same.
            if current.is_none() && registry.storage.list(&layout::tag(&repository, &tag), None, 1).await?.is_empty() {
                return Err(registry.manifest_unknown(&repository, &tag.into()).await);
            }
            let remove = || registry.remove_tag(&repository, &tag, current, &by, How::Delete);
            registry.despite_a_full_disk(remove).await?;
            drop(moving);
            registry.tidy_if_without_manifests(&repository).await;
            Ok(())
        })
        .await
    }

    /// Removes a tag that points there. The caller holds the tag's lock.
    pub(super) async fn remove_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        from: Option<Digest>,
        by: &Actor,
        how: How,
    ) -> Result<()> {
        let _changing = self.remembered.changing_tag(repository, tag);
        // Written down first: it is what the tag can be brought back from.
        let noted = self.note(repository, tag, from, None, by, how).await?;
        self.storage.apply(vec![noted.into_iter().collect()]).await?;
        let forgotten = self.forgotten(repository, tag).await?;
        self.storage.apply(vec![forgotten]).await?;
        // What makes it a tag goes first and for good; the rest is only tidy.
        self.storage.delete(&layout::tag_current(repository, tag)).await?;
        Ok(self.storage.delete_all(&layout::tag(repository, tag)).await?)
    }

    /// The tags that point at a manifest, and those that point nowhere.
    pub(super) async fn tags_of(&self, repository: &RepositoryName, digest: &Digest) -> Result<(Vec<Tag>, Vec<Tag>)> {
        let entries = self.storage.list(&layout::tags(repository), None, usize::MAX).await?;
        let tags = entries.into_iter().filter_map(|entry| entry.name.parse::<Tag>().ok());
        let looked = stream::iter(tags).map(|tag| async move {
            let at = self.resolve(repository, &tag).await?;
            Ok::<_, RegistryError>((tag, at))
        });
        let looked =
            looked.buffered(SIDE_BY_SIDE).try_filter(|(_, at)| future::ready(at.is_none_or(|at| at == *digest)));
        let found: Vec<(Tag, Option<Digest>)> = looked.try_collect().await?;
        let (here, nowhere): (Vec<_>, Vec<_>) = found.into_iter().partition(|(_, at)| at.is_some());
        let names = |tags: Vec<(Tag, Option<Digest>)>| tags.into_iter().map(|(tag, _)| tag).collect();
        Ok((names(here), names(nowhere)))
    }

    pub(super) async fn repository_unknown(&self, repository: &RepositoryName) -> RegistryError {
        RegistryError::RepositoryUnknown { repository: repository.clone(), hint: self.hint(repository).await }
    }
}

impl Precondition {
    /// Compares what the client demands with what is there.
    pub(super) fn check(&self, current: Option<Digest>) -> std::result::Result<(), ActualState> {
        match (self, current) {
            (Precondition::None, _) | (Precondition::Absent, None) => Ok(()),
            (Precondition::Absent, Some(digest)) => Err(ActualState::Exists(digest)),
            (Precondition::Exists, Some(_)) => Ok(()),
            (Precondition::OneOf(allowed), Some(digest)) if allowed.contains(&digest) => Ok(()),
            (Precondition::OneOf(_), Some(digest)) => Err(ActualState::Is(digest)),
            (Precondition::Exists | Precondition::OneOf(_), None) => Err(ActualState::Absent),
        }
    }
}
