//! Tags that stay where they are: once one of them points at a manifest it is neither moved nor removed.

use crate::oci::{Digest, Pattern, RepositoryName, Tag, TagPattern};

use super::{Registry, RegistryError, Result};

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

    /// The place of that rule.
    pub(super) fn position(&self, repository: &RepositoryName, tag: &Tag) -> Option<usize> {
        self.0.iter().position(|rule| rule.is_about(repository, tag))
    }
}

impl ImmutableRule {
    fn is_about(&self, repository: &RepositoryName, tag: &Tag) -> bool {
        let any = |patterns: &[TagPattern]| patterns.iter().any(|pattern| pattern.matches(tag));
        any(&self.tags)
            && !any(&self.except)
            && self.repositories.iter().any(|pattern| pattern.matches(repository, None))
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
        match self.settings.immutable_tags.rule(repository, tag) {
            None => Ok(()),
            Some(rule) => Err(RegistryError::TagImmutable {
                repository: repository.clone(),
                tag: tag.clone(),
                digest: Some(digest),
                rule: rule.key.clone(),
            }),
        }
    }
}

#[cfg(test)]
#[path = "immutable_tests.rs"]
mod tests;
