//! Tags that stay where they are: once one of them points at a manifest it is neither moved nor removed.

use std::collections::HashMap;

use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Digest, Pattern, RepositoryName, Tag, TagPattern};

use super::{Registry, RegistryError, Result, layout};

/// How many tags and manifests are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// Which tags stay where they are (`tags.immutable`): those that one of the rules is about.
#[derive(Clone, Debug, Default)]
pub struct ImmutableTags(pub Vec<ImmutableRule>);

/// A rule about tags that stay where they are.
#[derive(Clone, Debug)]
pub struct ImmutableRule {
    /// Its key in the configuration, by which messages call it.
    pub key: String,
    /// In which repositories. `{user}` stands for nobody and matches nothing.
    pub repositories: Vec<Pattern>,
    /// Which tags.
    pub tags: Vec<TagPattern>,
    /// Which of those not.
    pub except: Vec<TagPattern>,
}

impl ImmutableTags {
    /// The rule by which a tag stays where it is, if there is one.
    pub fn rule(&self, repository: &RepositoryName, tag: &Tag) -> Option<&ImmutableRule> {
        self.0.get(self.position(repository, tag)?)
    }

    /// Whether any rule is about tags of the repository.
    pub(super) fn may_be_in(&self, repository: &RepositoryName) -> bool {
        self.0.iter().any(|rule| rule.is_in(repository))
    }

    /// The place of that rule.
    pub(super) fn position(&self, repository: &RepositoryName, tag: &Tag) -> Option<usize> {
        self.0.iter().position(|rule| rule.is_about(repository, tag))
    }
}

impl ImmutableRule {
    fn is_about(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        let any = |patterns: &[TagPattern]| patterns.iter().any(|pattern| pattern.matches(tag));
        any(&self.tags) && !any(&self.except) && self.is_in(repository)
    }

    fn is_in(&self, repository: &RepositoryName) -> bool {
        self.repositories.iter().any(|pattern| pattern.matches(repository, None))
    }
}

impl Registry {
    /// Refuses to move a tag that stays where it is, or to remove it if `to` is none. The same manifest is no move, and a
    /// tag that points nowhere may be pointed anywhere.
    ///
    /// The caller holds the tag's lock until the change is made, or keeps everyone from adding to the repository: of two
    /// puts of one new tag the second finds the first's manifest. Removing and putting is no way around it, because
    /// removing is refused too.
    pub(super) fn check_may_move(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        from: Option<Digest>,
        to: Option<Digest>,
    ) -> Result<()> {
        let Some(digest) = from.filter(|_| from != to) else {
            return Ok(());
        };
        self.refused_by_rule(repository, tag, digest).map_or(Ok(()), Err)
    }

    fn refused_by_rule(&self, repository: &RepositoryName, tag: &Tag, digest: Digest) -> Option<RegistryError> {
        let rule = self.settings.immutable_tags.rule(repository, tag)?;
        let (repository, tag) = (repository.clone(), tag.clone());
        Some(RegistryError::TagImmutable { repository, tag, digest: Some(digest), rule: rule.key.clone() })
    }

    /// Refuses to take a manifest or a blob from a repository that a tag which stays where it is leads to: the manifest that
    /// it points at, that one's configuration and layers or children, and so on. What speaks about them, such as a
    /// signature, may go.
    ///
    /// The caller keeps everyone from adding to the repository until it is gone. A manifest that cannot be read is no image
    /// any more, and leads nowhere.
    pub(super) async fn check_no_immutable_tag_needs(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
    ) -> Result<()> {
        let tags = self.immutable_tags_of(repository).await?;
        let looked = stream::iter(tags).map(|tag| async move {
            let at = self.resolve(repository, &tag).await?;
            Ok::<_, RegistryError>(at.map(|at| (at, (tag, at))))
        });
        let looked: Vec<Option<_>> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
        // What they lead to, each by the way of one of the tags.
        let mut led: HashMap<Digest, (Tag, Digest)> = looked.into_iter().flatten().collect();
        let mut open: Vec<Digest> = led.keys().copied().collect();
        while !open.is_empty() {
            if let Some((tag, at)) = led.get(digest) {
                return self.refused_by_rule(repository, tag, *at).map_or(Ok(()), Err);
            }
            let looked = stream::iter(open).map(|digest| async move {
                let is_manifest = self.holds_manifest(repository, &digest).await?;
                let edges = if is_manifest { self.edges_of(&digest).await? } else { None };
                Ok::<_, RegistryError>((digest, edges.unwrap_or_default().parts))
            });
            let looked: Vec<(Digest, Vec<Digest>)> = looked.buffered(SIDE_BY_SIDE).try_collect().await?;
            open = Vec::new();
            for (digest, parts) in looked {
                let Some(way) = led.get(&digest).cloned() else { continue };
                for part in parts {
                    led.entry(part).or_insert_with(|| {
                        open.push(part);
                        way.clone()
                    });
                }
            }
        }
        Ok(())
    }

    async fn immutable_tags_of(&self, repository: &RepositoryName) -> Result<Vec<Tag>> {
        let rules = &self.settings.immutable_tags;
        if !rules.may_be_in(repository) {
            return Ok(Vec::new());
        }
        let names = self.names(&layout::tags(repository)).await?;
        let tags = names.iter().filter_map(|name| name.parse::<Tag>().ok());
        Ok(tags.filter(|tag| rules.rule(repository, tag).is_some()).collect())
    }
}

#[cfg(test)]
#[path = "immutable_tests.rs"]
mod tests;
