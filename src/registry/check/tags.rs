//! Tags: whether they lead where they should, and which of them lead to a manifest.

use std::collections::{HashMap, HashSet};
use std::time::SystemTime;

use crate::oci::{Algorithm, Digest, RepositoryName, Tag};

use crate::registry::{Result, layout};

use super::Check;
use super::defect::Defect;
use super::links::{Content, Link};
use super::sample::prefix;
use super::walk::digests;

/// How many of the tags are named that lead to one manifest.
const NAMED: usize = 10;

/// Which tags of a repository lead to what, directly or by way of an index; a few of them for each.
#[derive(Debug, Default)]
pub(super) struct TagsOf(HashMap<Digest, Vec<Tag>>);

impl TagsOf {
    fn add(&mut self, digest: Digest, tag: &Tag) {
        let tags = self.0.entry(digest).or_default();
        if tags.len() < NAMED {
            tags.push(tag.clone());
        }
    }
}

impl Check<'_> {
    pub(super) async fn look_at_tag(&mut self, repository: &RepositoryName, tag: &Tag) -> Result<Option<Defect>> {
        let current = self.registry.look_at_link(&layout::tag_current(repository, tag)).await?;
        let (repository, tag) = (repository.clone(), tag.clone());
        let digest = match current {
            // What is left of a tag that was removed.
            Link::Absent => return Ok(None),
            Link::Damaged(damage) => {
                let newest = self.newest(&repository, &tag).await?;
                return Ok(Some(Defect::TagDamaged { repository, tag, damage, newest }));
            }
            Link::To(digest) => digest,
        };
        if !self.serves(&repository, &digest).await? {
            return Ok(Some(Defect::TagNowhere { repository, tag, digest }));
        }
        let listed = self.registry.look_at_link(&layout::tag_index(&repository, &tag, &digest)).await?;
        Ok((listed != Link::To(digest)).then_some(Defect::TagUnlisted { repository, tag, digest }))
    }

    /// Whether a tag may point at this. What is linked as a manifest and is none is a defect of its own.
    async fn serves(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        if !self.registry.links_manifest(repository, digest).await? {
            return Ok(false);
        }
        Ok(match self.registry.look_at_manifest(repository, digest).await? {
            Content::Gone | Content::Rotten => false,
            Content::Manifest { .. } => true,
            Content::Unfit => {
                self.registry.look_at_link(&layout::revision_link(repository, digest)).await? == Link::To(*digest)
            }
        })
    }

    /// What a tag pointed at last, as far as it is whole.
    async fn newest(&self, repository: &RepositoryName, tag: &Tag) -> Result<Option<Digest>> {
        let mut newest: Option<(SystemTime, Digest)> = None;
        for algorithm in Algorithm::ALL {
            let listed = layout::tag_index_directory(repository, tag, algorithm);
            for digest in digests(&self.registry.storage.list(&listed, None, usize::MAX).await?, algorithm) {
                let link = layout::tag_index(repository, tag, &digest);
                if self.registry.look_at_link(&link).await? != Link::To(digest)
                    || !self.serves(repository, &digest).await?
                {
                    continue;
                }
                let time = self.registry.storage.stat(&link).await?.modified.unwrap_or(SystemTime::UNIX_EPOCH);
                newest = newest.max(Some((time, digest)));
            }
        }
        Ok(newest.map(|(_, digest)| digest))
    }

    /// Some of the tags that lead to a manifest, directly or by way of an index.
    pub(super) async fn tags_leading_to(&mut self, repository: &RepositoryName, digest: &Digest) -> Result<Vec<Tag>> {
        if let Some((of, known)) = &self.tags_of
            && of == repository
        {
            return Ok(known.0.get(digest).cloned().unwrap_or_default());
        }
        let mut found = TagsOf::default();
        // They are found before the lock is taken, unless the defect came up only then.
        if self.holds_others_up {
            return Ok(Vec::new());
        }
        for entry in self.registry.storage.list(&layout::tags(repository), None, usize::MAX).await? {
            self.pause().await;
            let Ok(tag) = entry.name.parse::<Tag>() else { continue };
            let Link::To(target) = self.registry.look_at_link(&layout::tag_current(repository, &tag)).await? else {
                continue;
            };
            found.add(target, &tag);
            if let Ok(Content::Manifest { says: Some(says), .. }) =
                self.registry.look_at_manifest(repository, &target).await
            {
                says.manifests.iter().for_each(|child| found.add(child.digest, &tag));
            }
        }
        let tags = found.0.get(digest).cloned().unwrap_or_default();
        self.tags_of = Some((repository.clone(), found));
        Ok(tags)
    }

    /// Whether a manifest of the repository refers to a blob.
    pub(super) async fn is_wanted(&mut self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        if let Some((of, known)) = &self.wanted
            && of == repository
        {
            return Ok(known.contains(&prefix(digest)));
        }
        // It is known before the lock is taken, unless the content went only then. The next check sees to it.
        if self.holds_others_up {
            return Ok(true);
        }
        let mut wanted = HashSet::new();
        for algorithm in Algorithm::ALL {
            let revisions =
                self.registry.storage.list(&layout::revisions(repository, algorithm), None, usize::MAX).await?;
            for name in digests(&revisions, algorithm) {
                self.pause().await;
                if let Content::Manifest { says: Some(says), .. } =
                    self.registry.look_at_manifest(repository, &name).await?
                {
                    let referred = says.config.iter().chain(&says.layers).chain(&says.manifests);
                    wanted.extend(referred.map(|descriptor| prefix(&descriptor.digest)));
                }
            }
        }
        let is_wanted = wanted.contains(&prefix(digest));
        self.wanted = Some((repository.clone(), wanted));
        Ok(is_wanted)
    }
}
