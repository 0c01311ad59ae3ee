//! Going back: pointing a tag at a manifest that the repository holds already.

use crate::oci::{Digest, Manifest, Reference, RepositoryName, Tag};

use super::history::{How, Line};
use super::work::at_length;
use super::{Actor, Overwrite, Precondition, Registry, RegistryError, Removal, Result};

/// A tag that was pointed at a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PointedTag {
    /// Where it pointed before, if anywhere.
    pub from: Option<Digest>,
    /// Where it points now.
    pub to: Digest,
}

/// Where a tag is to point.
#[derive(Clone, Copy, Debug)]
enum Target {
    /// At this manifest.
    Manifest(Digest),
    /// At the last of those that it has pointed at, is not pointing at now, and the repository still holds.
    Before,
}

impl Registry {
    /// Points a tag, which need not be there, at a manifest that the repository holds.
    ///
    /// It is a put of the bytes that are there, with its locks, its checks and its order: see [`Registry::put_manifest`].
    /// What the manifest refers to must be there too, for a tag that cannot be pulled is no way back.
    ///
    /// # Errors
    ///
    /// Those of a put, and [`RegistryError::ManifestRemoved`].
    pub async fn point_tag(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        digest: &Digest,
        by: Actor,
        precondition: Precondition,
        overwrite: Overwrite,
    ) -> Result<PointedTag> {
        self.point(repository, tag, Target::Manifest(*digest), by, precondition, overwrite).await
    }

    /// Points a tag back at where it was before, as far as the repository still holds that. To do it twice is to be where one
    /// began. A tag that was deleted is where it was when it went.
    ///
    /// # Errors
    ///
    /// Those of [`Registry::point_tag`], and [`RegistryError::NothingToGoBackTo`].
    pub async fn roll_back(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        by: Actor,
        precondition: Precondition,
        overwrite: Overwrite,
    ) -> Result<PointedTag> {
        self.point(repository, tag, Target::Before, by, precondition, overwrite).await
    }

    async fn point(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        target: Target,
        by: Actor,
        precondition: Precondition,
        overwrite: Overwrite,
    ) -> Result<PointedTag> {
        self.allow_writing()?;
        let (registry, repository, tag) = (self.clone(), repository.clone(), tag.clone());
        self.to_its_end(async move {
            let _entered = registry.pins.enter();
            let _adding = registry.locks.adding(&repository).await;
            let _moving = registry.locks.moving(&repository, std::slice::from_ref(&tag)).await;
            let from = registry.resolve(&repository, &tag).await?;
            if let (Overwrite::Refused, Some(digest)) = (overwrite, from) {
                return Err(RegistryError::WouldOverwrite { repository, tag, digest });
            }
            let to = match target {
                Target::Manifest(digest) => digest,
                Target::Before => registry.before(&repository, &tag, from).await?,
            };
            registry.check_may_move(&repository, &tag, from, Some(to))?;
            precondition.check(from).map_err(|state| RegistryError::from((tag.clone(), state)))?;
            registry.pin(&to).await;
            let Some(stored) = registry.read_manifest(&repository, &to).await? else {
                return Err(registry.manifest_removed(&repository, &tag, from, to).await?);
            };
            if from == Some(to) {
                return Ok(PointedTag { from, to });
            }
            let bytes = stored.bytes;
            let (media_type, parsed) = (stored.media_type, bytes.clone());
            let parse = move || Ok(Manifest::parse(&parsed, Some(&media_type))?);
            let manifest = at_length(bytes.len(), parse).await?;
            let _typing = match manifest.names_its_type {
                true => None,
                false => Some(registry.locks.typing(&repository, &to).await),
            };
            let _placing = registry.locks.placing(&to).await;
            let how = if from.is_some() { How::RollBack } else { How::Restore };
            let noted = registry.note(&repository, &tag, from, Some(to), &by, how).await?;
            let tags = std::slice::from_ref(&tag);
            registry.write_manifest(&repository, &manifest, to, tags, bytes, noted.into_iter().collect()).await?;
            Ok(PointedTag { from, to })
        })
        .await
    }

    /// Where a tag that points there now was before.
    async fn before(&self, repository: &RepositoryName, tag: &Tag, now: Option<Digest>) -> Result<Digest> {
        let moves = self.tag_moves(repository, tag, now).await?;
        match self.last_there(repository, &moves, now).await? {
            Some(digest) => Ok(digest),
            None if moves.is_empty() => Err(self.manifest_unknown(repository, &tag.clone().into()).await),
            None => Err(RegistryError::NothingToGoBackTo { repository: repository.clone(), tag: tag.clone() }),
        }
    }

    /// Why a tag cannot point at a manifest that is not there: it never was, or it was deleted, as the tag's history tells.
    async fn manifest_removed(
        &self,
        repository: &RepositoryName,
        tag: &Tag,
        now: Option<Digest>,
        digest: Digest,
    ) -> Result<RegistryError> {
        let moves = self.tag_moves(repository, tag, now).await?;
        if !moves.iter().any(|line| [line.from, line.to].contains(&Some(digest))) {
            return Ok(self.manifest_unknown(repository, &Reference::Digest(digest)).await);
        }
        let deleted = |line: &&Line| line.how == How::DeleteManifest && line.from == Some(digest);
        let removal = moves.iter().rev().find(deleted).map(|line| (line.at, line.by.clone()));
        Ok(RegistryError::ManifestRemoved { repository: repository.clone(), digest, removal: Removal(removal) })
    }
}

#[cfg(test)]
#[path = "point_tag_tests.rs"]
mod tests;
