//! Who asks the registry for something, and takes down what was acknowledged.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::future::{BoxFuture, FutureExt, join_all};
use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use crate::oci::{Algorithm, ChunkRange, Reference, RepositoryName, Tag};
use crate::registry::{
    Actor, Body, CollectionTerms, Effort, Emptying, Mount, MountFrom, NewManifest, Overwrite, Precondition, Registry,
    RegistryError, Result, Unfollowed, Untagged,
};

use super::images::{Content, Known};
use super::promises::Intent;
use super::recorder::Recorder;

/// How a blob is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum How {
    /// In one request.
    Whole,
    /// In a request that starts an upload, and one that brings everything.
    Upload,
    /// In so many chunks.
    Chunks(usize),
}

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Blob(&'static str, Content, How),
    /// A manifest with these tags, or under its digest if there are none.
    Manifest(&'static str, Known, &'static [&'static str]),
    /// From the first repository to the second.
    Mount(&'static str, &'static str, Content),
    Untag(&'static str, &'static str),
    DropManifest(&'static str, Known),
    DropBlob(&'static str, Content),
    /// A collection with no time of grace, in which these manifests go with all their blobs.
    Collect(&'static str, Vec<Known>),
    /// Everything that the trash has, which is these manifests with all their blobs.
    Restore(&'static str, Vec<Known>),
    EmptyTrash,
    /// Nothing, for so long that what waits is settled.
    Pause,
    /// Several who do not know of each other.
    AtOnce(Vec<Vec<Step>>),
}

pub(super) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(super) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(super) fn body(bytes: &Bytes) -> Body {
    // As it comes from a socket.
    let pieces: Vec<Bytes> = (0..bytes.len()).step_by(1 << 16).map(|at| bytes.slice(at..)).collect();
    stream::iter(pieces.into_iter().map(|rest| Ok(rest.slice(..rest.len().min(1 << 16))))).boxed()
}

/// A client of one registry.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) registry: Registry,
    pub(super) recorder: Option<Arc<Recorder>>,
    /// Whether some of it was done before.
    pub(super) repeats: bool,
}

impl Client {
    /// Takes one step after the other, up to the first that fails.
    pub(super) fn run<'a>(&'a self, steps: &'a [Step]) -> BoxFuture<'a, Result<()>> {
        async move {
            for step in steps {
                self.step(step).await?;
            }
            Ok(())
        }
        .boxed()
    }

    async fn step(&self, step: &Step) -> Result<()> {
        let nobody = Actor::unknown();
        match step {
            Step::Blob(to, content, how) => {
                let intent = Intent::Blob(name(to), content.digest);
                self.ask(intent, self.send(&name(to), content, *how)).await
            }
            Step::Manifest(to, known, tags) => {
                let intent = Intent::Manifest(name(to), known.clone(), tags.iter().map(|text| tag(text)).collect());
                self.ask(intent, self.put(&name(to), known, tags)).await
            }
            Step::Mount(from, to, content) => {
                let intent = Intent::Blob(name(to), content.digest);
                let mounted = async {
                    let from = name(from);
                    let from = MountFrom::Repository(&from);
                    match self.registry.mount_blob(&name(to), &content.digest, from).await? {
                        Mount::Mounted => Ok(()),
                        Mount::Absent => self.send(&name(to), content, How::Whole).await,
                    }
                };
                self.ask(intent, mounted).await
            }
            Step::Untag(of, text) => {
                let (of, tag) = (name(of), tag(text));
                let gone = self.registry.delete_tag(&of, &tag, &Precondition::None, &nobody);
                self.remove(Intent::Untag(of.clone(), tag.clone()), gone).await
            }
            Step::DropManifest(of, known) => {
                let of = name(of);
                let gone = self.registry.delete_manifest(&of, &known.digest, &Precondition::None, &nobody);
                self.remove(Intent::DropManifest(of.clone(), known.digest), gone).await
            }
            Step::DropBlob(of, content) => {
                let of = name(of);
                let gone = self.registry.delete_blob(&of, &content.digest, &nobody);
                self.remove(Intent::DropBlob(of.clone(), content.digest), gone).await
            }
            Step::Collect(of, gone) => {
                let terms = CollectionTerms { grace: Duration::ZERO, untagged: Untagged::Go, dry_run: false };
                let (stop, by) = (CancellationToken::new(), Actor::unknown());
                let collected =
                    async { self.registry.collect(terms, Effort::FULL, &by, &Unfollowed, &stop).await.map(drop) };
                self.ask(Intent::Collect(name(of), gone.clone()), collected).await
            }
            Step::Restore(of, back) => {
                let restored = async {
                    for batch in self.registry.trash().await? {
                        self.registry.restore_batch(&batch.id, &Actor::unknown()).await?;
                    }
                    Ok(())
                };
                self.ask(Intent::Restore(name(of), back.clone()), restored).await
            }
            Step::EmptyTrash => {
                let stop = CancellationToken::new();
                let now = SystemTime::now() + Duration::from_secs(3600);
                self.registry.empty_trash(Emptying::All, Duration::ZERO, now, &stop).await.map(drop)
            }
            Step::Pause => {
                // Time stands still while anything is under way, and goes on by itself otherwise.
                tokio::time::sleep(Duration::from_secs(30)).await;
                Ok(())
            }
            Step::AtOnce(several) => join_all(several.iter().map(|steps| self.run(steps))).await.into_iter().collect(),
        }
    }

    /// Takes down that something is asked for, and whether it was acknowledged.
    async fn ask(&self, intent: Intent, asked: impl Future<Output = Result<()>>) -> Result<()> {
        let number = self.recorder.as_ref().map(|recorder| recorder.begins(intent));
        let answer = asked.await;
        if let (Some(recorder), Some(number)) = (&self.recorder, number) {
            recorder.ends(number, answer.is_ok());
        }
        answer
    }

    /// Asks for something to be removed, which it may be already if this was asked before.
    async fn remove(&self, intent: Intent, asked: impl Future<Output = Result<()>>) -> Result<()> {
        match self.ask(intent, asked).await {
            Err(error) if self.repeats && is_gone(&error) => Ok(()),
            answer => answer,
        }
    }

    async fn send(&self, to: &RepositoryName, content: &Content, how: How) -> Result<()> {
        let Content { digest, bytes } = content;
        let chunks = match how {
            How::Whole => return self.registry.put_blob(to, None, *digest, body(bytes)).await,
            How::Upload => 0,
            How::Chunks(chunks) => chunks,
        };
        let upload = self.registry.start_upload(to, None, Algorithm::Sha256).await?.id;
        if chunks == 0 {
            return self.registry.finish_upload(to, upload, *digest, None, body(bytes)).await;
        }
        for first in (0..bytes.len()).step_by(bytes.len().div_ceil(chunks)) {
            let chunk = bytes.slice(first..bytes.len().min(first + bytes.len().div_ceil(chunks)));
            let range = ChunkRange::parse(&format!("{first}-{}", first + chunk.len() - 1)).unwrap();
            self.registry.append_upload(to, upload, Some(range), body(&chunk)).await?;
        }
        self.registry.finish_upload(to, upload, *digest, None, body(&Bytes::new())).await
    }

    async fn put(&self, to: &RepositoryName, known: &Known, tags: &[&str]) -> Result<()> {
        let mut tags = tags.iter().map(|text| tag(text));
        let new = NewManifest {
            media_type: Some(known.media_type.clone()),
            bytes: known.bytes.clone(),
            reference: tags.next().map_or(Reference::Digest(known.digest), Reference::Tag),
            tags: tags.collect(),
            overwrite: Overwrite::Allowed,
            precondition: Precondition::None,
            by: Actor::unknown(),
        };
        self.registry.put_manifest(to, new).await.map(drop)
    }
}

/// What was removed before.
fn is_gone(error: &RegistryError) -> bool {
    matches!(error, RegistryError::BlobUnknown { .. } | RegistryError::ManifestUnknown { .. })
}
