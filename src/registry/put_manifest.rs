//! Putting a manifest: what it must fulfil, and the order in which it becomes visible.

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use crate::oci::{Algorithm, Descriptor, Digest, Kind, Manifest, MediaType, Reference, RepositoryName, Tag};

use crate::storage::Change;

use super::history::How;
use super::pins::Moment;
use super::work::at_length;
use super::{
    Actor, IndexPlatforms, Overwrite, Platform, References, Registry, RegistryError, Result, UrlRules, layout, links,
    referrers,
};

/// How many references are looked for side by side.
const SIDE_BY_SIDE: usize = 8;

/// A manifest to be put.
#[derive(Clone, Debug)]
pub struct NewManifest {
    /// What it is put as, if the client says.
    pub media_type: Option<MediaType>,
    /// Its bytes.
    pub bytes: Bytes,
    /// The name it is put under.
    pub reference: Reference,
    /// More tags for it.
    pub tags: Vec<Tag>,
    /// Whether it may take the place of something.
    pub overwrite: Overwrite,
    /// What must be so for it to be put: about the tags, or without tags about the manifest itself.
    pub precondition: Precondition,
    /// Who asks for it, for the tags' histories.
    pub by: Actor,
}

/// What must be so for a change to be made (RFC 9110 §13.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// It is not there (`If-None-Match: *`): create only.
    Absent,
    /// It is there, whatever it is (`If-Match: *`).
    Exists,
    /// It is one of these (`If-Match`): compare and swap.
    OneOf(Vec<Digest>),
}

/// A manifest that was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// Its name.
    pub digest: Digest,
    /// The manifest that it says something about.
    pub subject: Option<Digest>,
    /// The tags that point at it now.
    pub tags: Vec<Tag>,
}

impl Registry {
    /// Puts a manifest. When this returns, it survives a power cut together with everything that it refers to.
    ///
    /// In three steps, each durable before the next can be seen: the content, with everything that it refers to and that
    /// is not durable yet, the note of its type, the entry that its subject is asked for, and the tags' histories with who
    /// moves them; the link that makes it readable, and the tags' indexes; the tags. A crash between two steps leaves
    /// content or a note that nothing leads to.
    ///
    /// Two puts of one tag: the tag's lock puts one behind the other, and the precondition is looked at under it, so of two
    /// that create one tag exactly one succeeds. What the put may not overwrite is looked at under the same lock and before
    /// the precondition, as RFC 9110 §13.2.1 wants it: a condition that holds does not allow what is not allowed. A put
    /// against a delete of the manifest: see
    /// [`Registry::delete_manifest`].
    pub async fn put_manifest(&self, repository: &RepositoryName, new: NewManifest) -> Result<PutManifest> {
        self.allow_writing()?;
        let (bytes, declared) = (new.bytes.clone(), new.media_type);
        let manifest = at_length(bytes.len(), move || Ok(Manifest::parse(&bytes, declared.as_ref())?)).await?;
        let algorithm = match &new.reference {
            Reference::Digest(digest) => digest.algorithm(),
            Reference::Tag(_) => Algorithm::default(),
        };
        let digest = Digest::of(algorithm, &new.bytes);
        let mut tags = new.tags;
        match new.reference {
            Reference::Digest(expected) if expected != digest => {
                return Err(RegistryError::DigestMismatch { expected, found: digest });
            }
            Reference::Digest(_) => {}
            Reference::Tag(tag) => tags.insert(0, tag),
        }
        self.check_references(repository, &manifest).await?;
        let size = new.bytes.len() as u64;
        let room = self.room(repository, Some(&digest), size).await?;
        let (registry, repository) = (self.clone(), repository.clone());
        let (overwrite, precondition, bytes, by) = (new.overwrite, new.precondition, new.bytes, new.by);
        self.to_its_end(async move {
            let _entered = registry.pins.enter();
            let _adding = registry.locks.adding(&repository).await;
            let _moving = registry.locks.moving(&repository, &tags).await;
            let _typing = match manifest.names_its_type {
                true => None,
                false => Some(registry.locks.typing(&repository, &digest).await),
            };
            if overwrite == Overwrite::Refused {
                registry.check_nothing_is_overwritten(&repository, &manifest, &digest, &tags, &bytes).await?;
            }
            let moved = registry.check_may_be_moved(&repository, &digest, &tags).await?;
            registry.check_precondition(&repository, &digest, &tags, &precondition).await?;
            let _placing = registry.locks.placing(&digest).await;
            let noted = registry.noted(&repository, &moved, digest, &by, How::Put).await?;
            let put = registry.write_manifest(&repository, &manifest, digest, &tags, bytes, noted).await;
            room.conclude(&put, &digest, size);
            put
        })
        .await
    }

    /// Where the tags point, if they may be moved to this manifest.
    async fn check_may_be_moved(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tags: &[Tag],
    ) -> Result<Vec<(Tag, Option<Digest>)>> {
        let mut moved: Vec<(Tag, Option<Digest>)> = Vec::with_capacity(tags.len());
        for tag in tags {
            // Somebody may name one twice, and it moves once.
            if moved.iter().any(|(known, _)| known == tag) {
                continue;
            }
            let from = self.resolve(repository, tag).await?;
            self.check_may_move(repository, tag, from, Some(*digest))?;
            moved.push((tag.clone(), from));
        }
        Ok(moved)
    }

    /// Writes a manifest that may be put, and what is noted of its tags' moves. The caller holds the locks.
    pub(super) async fn write_manifest(
        &self,
        repository: &RepositoryName,
        manifest: &Manifest,
        digest: Digest,
        tags: &[Tag],
        bytes: Bytes,
        noted: Vec<Change>,
    ) -> Result<PutManifest> {
        let _changing = self.remembered.changing(repository, &digest, tags);
        let referred = referred(manifest);
        for digest in referred.iter().chain([&digest]).chain(manifest.subject.as_ref().map(|subject| &subject.digest)) {
            self.pin(digest).await;
        }
        let mut settling = self.claim_unsettled(&referred).await;
        // Looked for again: what somebody else had in hand may have been lost to a sync that failed.
        self.check_references(repository, manifest).await?;
        let mut content = settling.changes();
        for digest in &referred {
            if let Some(target) = self.held_blob(repository, digest).await? {
                content.push(Change::Keep(layout::layer_link(repository, digest), links::content(&target)));
            }
            content.extend([layout::blob(digest), layout::revision_link(repository, digest)].map(Change::Settle));
        }
        content.push(Change::Put(layout::blob(&digest), bytes.clone()));
        content.extend(self.type_note(repository, &digest, &manifest.media_type, &bytes).await?);
        let subject = manifest.subject.as_ref().map(|subject| subject.digest);
        if let Some(subject) = &subject {
            let described = manifest.describe(digest, bytes.len() as u64);
            content.push(referrers::entry(repository, subject, &described)?);
        }
        // Before the index, which would else list what the tag was never moved to, with no line to say so.
        content.extend(noted);
        let link = |key| Change::Put(key, links::content(&digest));
        let revision = layout::revision_link(repository, &digest);
        let mut readable = vec![match tags.is_empty() {
            false => link(revision),
            // What no tag leads to stays for a while after it was put, however long ago that was the first time.
            true => Change::Renew(revision, links::content(&digest)),
        }];
        // The index before the tag: a tag never points at what its index does not list, which registry:2's collector relies
        // on.
        readable.extend(tags.iter().map(|tag| link(layout::tag_index(repository, tag, &digest))));
        let pointed = tags.iter().map(|tag| link(layout::tag_current(repository, tag))).collect();
        let applied = self.storage.apply(vec![content, readable, pointed]).await;
        settling.conclude(&applied).await;
        applied?;
        Ok(PutManifest { digest, subject, tags: tags.to_vec() })
    }

    async fn check_precondition(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        tags: &[Tag],
        precondition: &Precondition,
    ) -> Result<()> {
        if *precondition == Precondition::None {
            return Ok(());
        }
        if tags.is_empty() {
            let held = self.holds_manifest(repository, digest).await?.then_some(*digest);
            let reference = Reference::Digest(*digest);
            return precondition.check(held).map_err(|state| RegistryError::PreconditionFailed { reference, state });
        }
        for tag in tags {
            let current = self.resolve(repository, tag).await?;
            precondition.check(current).map_err(|state| RegistryError::from((tag.clone(), state)))?;
        }
        Ok(())
    }

    /// Notes what the manifest was put as, unless its bytes say so by themselves.
    async fn type_note(
        &self,
        repository: &RepositoryName,
        digest: &Digest,
        media_type: &MediaType,
        bytes: &[u8],
    ) -> Result<Option<Change>> {
        let key = layout::manifest_type(repository, digest);
        if Manifest::stored_type(bytes).as_ref() == Some(media_type) {
            // Put before as something else? The last put counts.
            self.storage.delete(&key).await?;
            return Ok(None);
        }
        Ok(Some(Change::Put(key, Bytes::copy_from_slice(media_type.as_str().as_bytes()))))
    }

    async fn check_references(&self, repository: &RepositoryName, manifest: &Manifest) -> Result<()> {
        let validation = &self.settings.validation;
        if validation.references == References::MayBeAbsent {
            return Ok(());
        }
        if let Some(url) = refused_url(manifest, &validation.urls) {
            return Err(RegistryError::UrlRefused { url: url.to_owned() });
        }
        let required = required(manifest, &validation.index_platforms);
        let looked = stream::iter(required).map(|reference| async move {
            let there = match reference {
                Required::Blob(digest) => self.blob_is_there(repository, &digest).await?,
                // BuildKit's cache is an index of layers.
                Required::Child(digest) => {
                    self.manifest_is_there(repository, &digest).await?
                        || self.blob_is_there(repository, &digest).await?
                }
            };
            Ok::<_, RegistryError>((!there).then_some(reference.digest()))
        });
        let missing: Vec<Digest> =
            looked.buffered(SIDE_BY_SIDE).try_filter_map(|missing| async move { Ok(missing) }).try_collect().await?;
        if missing.is_empty() {
            Ok(())
        } else {
            Err(RegistryError::ReferencesUnknown { repository: repository.clone(), missing })
        }
    }

    async fn blob_is_there(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        match self.held_blob(repository, digest).await? {
            Some(target) => {
                self.pin(&target).await;
                self.content_is_there(&target).await
            }
            None => Ok(false),
        }
    }

    pub(super) async fn manifest_is_there(&self, repository: &RepositoryName, digest: &Digest) -> Result<bool> {
        Ok(self.holds_manifest(repository, digest).await? && self.content_is_there(digest).await?)
    }

    pub(super) async fn content_is_there(&self, digest: &Digest) -> Result<bool> {
        match self.stat_content(digest).await {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps a digest from being collected from now on. If that is under way, waits for its end: to be called before it is
    /// looked for.
    pub(super) async fn pin(&self, digest: &Digest) {
        self.pins.pin(digest, Moment::at(self.clock.elapsed())).await;
    }
}

/// What has to survive as long as the manifest does, as far as it is there.
fn referred(manifest: &Manifest) -> Vec<Digest> {
    let described = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests);
    let mut referred: Vec<Digest> = described.map(|descriptor| descriptor.digest).collect();
    referred.sort_unstable();
    referred.dedup();
    referred
}

/// Something that must be in the repository before a manifest is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Required {
    /// A configuration or a layer.
    Blob(Digest),
    /// A child of an index.
    Child(Digest),
}

impl Required {
    pub(super) fn digest(self) -> Digest {
        match self {
            Required::Blob(digest) | Required::Child(digest) => digest,
        }
    }
}

/// What must be there for this manifest, each once. The subject need not be, nor layers that clients fetch elsewhere.
pub(super) fn required(manifest: &Manifest, platforms: &IndexPlatforms) -> Vec<Required> {
    let blobs = manifest.config.iter().chain(&manifest.layers).filter(|blob| !blob.is_foreign());
    let children = manifest.manifests.iter().filter(|child| match platforms {
        IndexPlatforms::All => true,
        IndexPlatforms::None => false,
        IndexPlatforms::List(listed) => listed.iter().any(|platform| is_for(child, platform)),
    });
    let mut required: Vec<Required> = match manifest.kind {
        Kind::Image => blobs.map(|blob| Required::Blob(blob.digest)).collect(),
        Kind::Index => children.map(|child| Required::Child(child.digest)).collect(),
    };
    required.sort_unstable();
    required.dedup();
    required
}

fn is_for(child: &Descriptor, platform: &Platform) -> bool {
    let found = child.platform.as_ref();
    found.is_some_and(|found| found.os == platform.os && found.architecture == platform.architecture)
}

/// The first URL that clients would be sent to and that is not allowed (CVE-2020-15157).
fn refused_url<'a>(manifest: &'a Manifest, rules: &UrlRules) -> Option<&'a str> {
    let described = manifest.config.iter().chain(&manifest.layers).chain(&manifest.manifests);
    let mut urls = described.flat_map(|descriptor| &descriptor.urls);
    urls.find(|url| !rules.accept(url)).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(content: &str) -> Digest {
        Digest::of(Algorithm::Sha256, content.as_bytes())
    }

    fn parse(body: &serde_json::Value) -> Manifest {
        Manifest::parse(body.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn an_image_needs_its_configuration_and_layers_once_each_but_no_foreign_ones() {
        let layer = serde_json::json!({"mediaType": "a/b", "digest": digest("layer"), "size": 1});
        let foreign = serde_json::json!({"mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "digest": digest("foreign"), "size": 1});
        let manifest = parse(&serde_json::json!({"schemaVersion": 2, "layers": [layer, layer, foreign],
            "config": {"digest": digest("config")}, "subject": {"digest": digest("subject")}}));
        let mut expected = vec![Required::Blob(digest("config")), Required::Blob(digest("layer"))];
        expected.sort();
        assert_eq!(required(&manifest, &IndexPlatforms::All), expected);
    }

    #[test]
    fn of_an_index_the_children_for_the_listed_platforms_are_needed() {
        let index = parse(&serde_json::json!({"schemaVersion": 2, "manifests": [
            {"digest": digest("arm"), "platform": {"os": "linux", "architecture": "arm64"}},
            {"digest": digest("amd"), "platform": {"os": "linux", "architecture": "amd64"}},
            {"digest": digest("none")}]}));
        let arm = Platform { os: "linux".into(), architecture: "arm64".into() };
        assert_eq!(required(&index, &IndexPlatforms::All).len(), 3);
        assert_eq!(required(&index, &IndexPlatforms::None), []);
        assert_eq!(required(&index, &IndexPlatforms::List(vec![arm])), [Required::Child(digest("arm"))]);
    }

    #[test]
    fn urls_are_refused_unless_they_are_allowed_and_not_denied() {
        let rules = |allow: &[&str], deny: &[&str]| UrlRules {
            allow: allow.iter().map(|text| text.parse().unwrap()).collect(),
            deny: deny.iter().map(|text| text.parse().unwrap()).collect(),
        };
        let url = "https://mcr.example.com/layer";
        for (rules, accepted) in [
            (rules(&[], &[]), false),
            (rules(&["^https://mcr\\."], &[]), true),
            (rules(&["^https://other"], &[]), false),
            (rules(&[], &["^http:"]), true),
            (rules(&["."], &["example"]), false),
        ] {
            assert_eq!(rules.accept(url), accepted, "{rules:?}");
        }
        assert!(!rules(&["."], &[]).accept("file:///etc/passwd"));
        assert!(!rules(&["."], &[]).accept("https://a/#fragment"));
    }
}
