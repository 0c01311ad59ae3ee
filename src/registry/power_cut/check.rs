//! Whether a registry keeps what was promised.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use futures_util::TryStreamExt;

use crate::oci::{Algorithm, Digest, Reference, RepositoryName};
use crate::registry::{How, Page, Registry, RegistryError, layout};

use super::images::Known;
use super::promises::{Held, Promises};

/// What is wrong.
pub(super) type Wrong = String;

/// Every manifest that there may be.
pub(super) type Manifests = BTreeMap<Digest, Known>;

/// Whether everything that was promised is there, and nothing else than could be.
pub(super) async fn promises(registry: &Registry, promises: &Promises, manifests: &Manifests) -> Result<(), Wrong> {
    for (held, may) in &promises.blobs {
        let there = blob_is_there(registry, held).await?;
        agree(may, &there, &format!("blob {} in {}", held.1, held.0))?;
    }
    for (held, may) in &promises.manifests {
        let known = &manifests[&held.1];
        let there = manifest_is_there(registry, &held.0, known).await?;
        agree(may, &there, &format!("manifest {} in {}", held.1, held.0))?;
        if there {
            complete(registry, promises, &held.0, known).await?;
        }
        if let Some(subject) = &known.subject {
            let listed = registry.referrers(&held.0, subject, None, &Page::default()).await.map_err(said)?;
            let listed = listed.descriptors.iter().any(|descriptor| descriptor.digest == held.1);
            agree(&BTreeSet::from([there]), &listed, &format!("manifest {} among the referrers", held.1))?;
        }
    }
    for ((repository, tag), may) in &promises.tags {
        let at = registry.resolve(repository, tag).await.map_err(said)?;
        agree(may, &at, &format!("tag {tag} of {repository}"))?;
        if let Some(digest) = at {
            let there = manifest_is_there(registry, repository, &manifests[&digest]).await?;
            agree(&BTreeSet::from([true]), &there, &format!("what tag {tag} of {repository} points at"))?;
            // No move can be seen that is not written down; what was found only was not.
            let moves = registry.tag_history(repository, tag).await.map_err(said)?;
            let written = moves.first().map(|last| (last.to, last.how == How::Found));
            agree(
                &BTreeSet::from([Some((at, false))]),
                &written,
                &format!("the history of tag {tag} of {repository}"),
            )?;
        }
        let listed = match registry.tags(repository, &Page::default()).await {
            Ok(listing) => listing.entries.contains(tag),
            Err(RegistryError::RepositoryUnknown { .. }) => false,
            Err(error) => return Err(said(error)),
        };
        agree(&BTreeSet::from([at.is_some()]), &listed, &format!("tag {tag} in the list of {repository}"))?;
    }
    Ok(())
}

fn agree<V: Ord + std::fmt::Debug>(may: &BTreeSet<V>, is: &V, what: &str) -> Result<(), Wrong> {
    if may.contains(is) { Ok(()) } else { Err(format!("{what} is {is:?} and may be {may:?}")) }
}

fn said(error: RegistryError) -> Wrong {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

/// A manifest that can be read has everything that it refers to, but for what somebody removed from under it.
async fn complete(
    registry: &Registry,
    promises: &Promises,
    repository: &RepositoryName,
    known: &Known,
) -> Result<(), Wrong> {
    for blob in &known.blobs {
        let held = (repository.clone(), blob.digest);
        if !promises.dropped.contains(&held) && !blob_is_there(registry, &held).await? {
            return Err(format!("manifest {} can be read, and its blob {} is not there", known.digest, blob.digest));
        }
    }
    for child in &known.children {
        let removed = promises.dropped.contains(&(repository.clone(), child.digest));
        if !removed && !manifest_is_there(registry, repository, child).await? {
            return Err(format!("index {} can be read, and its {} cannot", known.digest, child.digest));
        }
    }
    Ok(())
}

/// Whether a blob can be read. If it can be found, it has the bytes that its name says.
async fn blob_is_there(registry: &Registry, (repository, digest): &Held) -> Result<bool, Wrong> {
    let size = match registry.stat_blob(repository, digest).await {
        Ok(size) => size,
        Err(RegistryError::BlobUnknown { .. }) => return Ok(false),
        Err(error) => return Err(said(error)),
    };
    let blob = registry.open_blob(repository, digest).await.map_err(said)?;
    let bytes = blob.read(0..blob.size()).try_collect::<Vec<_>>().await.map_err(said)?.concat();
    match bytes.len() as u64 == size && Digest::of(digest.algorithm(), &bytes) == *digest {
        true => Ok(true),
        false => Err(format!("blob {digest} can be read and is torn")),
    }
}

async fn manifest_is_there(registry: &Registry, repository: &RepositoryName, known: &Known) -> Result<bool, Wrong> {
    match registry.get_manifest(repository, &Reference::Digest(known.digest)).await {
        Ok(found) if found.bytes == known.bytes && found.media_type == known.media_type => Ok(true),
        Ok(found) => Err(format!("manifest {} is another: {found:?}", known.digest)),
        Err(RegistryError::ManifestUnknown { .. }) => Ok(false),
        Err(error) => Err(said(error)),
    }
}

/// Every file below a directory.
pub(super) fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

/// Whether each file where blobs are has the bytes that its name says.
pub(super) fn names(root: &Path) -> Result<(), Wrong> {
    // The place of any blob shows where all are.
    let any = layout::blob(&Digest::of(Algorithm::Sha256, b""));
    let blobs = root.join(any.as_str()).ancestors().nth(4).unwrap().to_owned();
    for path in files(&blobs).into_iter().filter(|path| path.ends_with("data")) {
        let hex = path.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let digest = Digest::from_hex(Algorithm::Sha256, hex).unwrap();
        if Digest::of(Algorithm::Sha256, &fs::read(&path).unwrap()) != digest {
            return Err(format!("{} is torn", path.display()));
        }
    }
    Ok(())
}
