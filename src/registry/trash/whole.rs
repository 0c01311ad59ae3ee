//! Whether manifests that come back are whole: a tag is only set on what can be pulled.

use std::collections::{BTreeSet, HashMap};

use tokio_util::sync::CancellationToken;

use crate::oci::{Digest, Manifest, RepositoryName};
use crate::registry::membership::same_or_alias;
use crate::registry::put_manifest::{Required, required};
use crate::registry::work::at_length;
use crate::registry::{References, Registry, RegistryError, Result, layout, links};
use crate::storage::Key;

/// Which manifests of a repository are not whole, and what is listed where.
#[derive(Debug, Default)]
pub(super) struct Wholeness {
    /// Those that lack something themselves.
    lacking: BTreeSet<Digest>,
    /// What each of them lists.
    listed: HashMap<Digest, Vec<Digest>>,
}

impl Wholeness {
    /// Takes down that a manifest lacks something.
    pub(super) fn lacks(&mut self, manifest: Digest) {
        self.lacking.insert(manifest);
    }

    fn lists(&mut self, manifest: Digest, child: Digest) {
        self.listed.entry(manifest).or_default().push(child);
    }

    /// The manifests that are not whole: those that lack something, and those that list one that is not.
    pub(super) fn incomplete(self) -> BTreeSet<Digest> {
        let mut found = self.lacking;
        let mut listed_by: HashMap<Digest, Vec<Digest>> = HashMap::new();
        for (manifest, children) in self.listed {
            children.into_iter().for_each(|child| listed_by.entry(child).or_default().push(manifest));
        }
        let mut open: Vec<Digest> = found.iter().copied().collect();
        while let Some(digest) = open.pop() {
            let parents = listed_by.get(&digest).into_iter().flatten();
            open.extend(parents.filter(|parent| found.insert(**parent)).copied());
        }
        found
    }
}

impl Registry {
    /// Looks whether manifests are held and have all that they need, and so with all that they list; returns what is missing.
    pub(super) async fn look_for_all(
        &self,
        repository: &RepositoryName,
        places: &[Key],
        mut open: Vec<Digest>,
        wholeness: &mut Wholeness,
        stop: &CancellationToken,
    ) -> Result<Vec<Digest>> {
        let (mut missing, mut seen) = (Vec::new(), BTreeSet::new());
        while let Some(digest) = open.pop() {
            if stop.is_cancelled() {
                return Err(RegistryError::Stopped);
            }
            if !seen.insert(digest) {
                continue;
            }
            let is_there = self.bring_content_back(&digest).await?.is_some();
            if is_there && self.is_held_below(places, Required::Child(digest)).await? {
                missing.extend(self.look_for_parts(repository, places, &digest, wholeness).await?);
                open.extend(wholeness.listed.get(&digest).into_iter().flatten());
            } else {
                wholeness.lacks(digest);
                missing.push(digest);
            }
        }
        Ok(missing)
    }

    /// Looks whether a manifest has all that it would need to be put, in a repository whose directories are below these keys;
    /// returns what is missing. Its content is there.
    pub(super) async fn look_for_parts(
        &self,
        repository: &RepositoryName,
        places: &[Key],
        digest: &Digest,
        wholeness: &mut Wholeness,
    ) -> Result<Vec<Digest>> {
        let validation = &self.settings.validation;
        if validation.references == References::MayBeAbsent {
            return Ok(Vec::new());
        }
        let bytes = self.storage.get(&layout::blob(digest)).await?;
        let Some(media_type) = self.type_of(repository, digest, bytes.clone()).await? else { return Ok(Vec::new()) };
        let length = bytes.len();
        let parse = move || Ok(Manifest::parse(&bytes, Some(&media_type)).ok());
        // What is of a form that is not taken any more is not known well enough.
        let Some(manifest) = at_length(length, parse).await? else { return Ok(Vec::new()) };
        let mut missing = Vec::new();
        for needed in required(&manifest, &validation.index_platforms) {
            if !self.is_held_below(places, needed).await? {
                missing.push(needed.digest());
            } else if let Required::Child(child) = needed {
                wholeness.lists(*digest, child);
            }
        }
        if !missing.is_empty() {
            wholeness.lacks(*digest);
        }
        Ok(missing)
    }

    async fn is_held_below(&self, places: &[Key], needed: Required) -> Result<bool> {
        let digest = needed.digest();
        for place in places {
            let layer = layout::link(&place.child(layout::LAYERS), &digest);
            if let Some(target) = links::read(self.storage.as_ref(), &layer).await?
                && same_or_alias(&digest, &target)
                && self.content_is_there(&target).await?
            {
                return Ok(true);
            }
            let revision = layout::link(&place.descend([layout::MANIFESTS, layout::REVISIONS]), &digest);
            if let Required::Child(_) = needed
                && links::read(self.storage.as_ref(), &revision).await? == Some(digest)
                && self.content_is_there(&digest).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::samples::digest;

    #[test]
    fn what_lists_something_incomplete_is_incomplete_however_far_above() {
        let mut wholeness = Wholeness::default();
        for (index, child) in [("top", "middle"), ("middle", "broken"), ("middle", "whole"), ("other", "whole")] {
            wholeness.lists(digest(index), digest(child));
        }
        wholeness.lacks(digest("broken"));
        assert_eq!(wholeness.incomplete(), BTreeSet::from(["top", "middle", "broken"].map(digest)));
    }
}
