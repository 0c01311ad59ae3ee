//! What holds when the storage fails, or when the one who asked goes away in the middle.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::Semaphore;

use crate::oci::{Algorithm, Digest, Reference, RepositoryName, Tag};
use crate::registry::{NewManifest, Precondition, Registry, RegistryError, Settings, UploadStatus};
use crate::storage::{
    self, Change, Durability, Entry, Filesystem, Key, Meta, Object, Result, Stage, Storage, StorageError,
};

/// A directory whose syncs can be made to fail and whose tags wait to be let through.
#[derive(Debug)]
struct Faulty {
    inner: Filesystem,
    failing: Arc<AtomicBool>,
    /// Each write of a tag's link takes one.
    tags: Semaphore,
}

struct FaultyStage(Box<dyn Stage>, Arc<AtomicBool>);

fn failed(failing: &AtomicBool) -> Result<()> {
    match failing.swap(false, Ordering::SeqCst) {
        true => Err(StorageError::Unsynced { key: Key::new("a"), source: io::Error::other("EIO") }),
        false => Ok(()),
    }
}

#[async_trait]
impl Stage for FaultyStage {
    async fn append(&mut self, pieces: Vec<Bytes>, before: Box<dyn FnOnce() + Send>) -> Result<()> {
        self.0.append(pieces, before).await
    }
    async fn sync(&mut self) -> Result<()> {
        failed(&self.1)?;
        self.0.sync().await
    }
}

#[async_trait]
impl Storage for Faulty {
    async fn get(&self, key: &Key) -> Result<Bytes> {
        self.inner.get(key).await
    }
    async fn stat(&self, key: &Key) -> Result<Meta> {
        self.inner.stat(key).await
    }
    async fn open(&self, key: &Key) -> Result<Box<dyn Object>> {
        Storage::open(&self.inner, key).await
    }
    async fn apply(&self, mut steps: Vec<Vec<Change>>) -> Result<()> {
        let is_tag = |change: &Change| matches!(change, Change::Put(key, _) if key.as_str().ends_with("/current/link"));
        if steps.last().is_some_and(|step| step.iter().any(is_tag)) {
            let last = steps.split_off(steps.len() - 1);
            self.inner.apply(steps).await?;
            self.tags.acquire().await.unwrap().forget();
            steps = last;
        }
        if steps.iter().flatten().any(|change| matches!(change, Change::Move(..))) {
            failed(&self.failing)?;
        }
        self.inner.apply(steps).await
    }
    async fn shift(&self, from: &Key, to: &Key) -> Result<()> {
        self.inner.shift(from, to).await
    }
    async fn settle(&self) -> Result<()> {
        self.inner.settle().await
    }
    fn durability(&self) -> Durability {
        self.inner.durability()
    }
    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.inner.jot(key, bytes).await
    }
    async fn delete(&self, key: &Key) -> Result<()> {
        self.inner.delete(key).await
    }
    async fn delete_all(&self, key: &Key) -> Result<()> {
        self.inner.delete_all(key).await
    }
    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        self.inner.list(key, after, limit).await
    }
    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>> {
        Ok(Box::new(FaultyStage(self.inner.stage(key, offset).await?, Arc::clone(&self.failing))))
    }
    async fn check(&self) -> Result<()> {
        self.inner.check().await
    }
}

fn faulty(durability: Durability) -> (tempfile::TempDir, Arc<Faulty>, Registry, RepositoryName) {
    let directory = tempfile::tempdir().unwrap();
    let settings = storage::Settings { durability, ..storage::Settings::of(directory.path()) };
    let inner = Filesystem::open(&settings).unwrap();
    let storage = Arc::new(Faulty { inner, failing: Arc::default(), tags: Semaphore::new(0) });
    let registry = Registry::new(Arc::clone(&storage) as Arc<dyn Storage>, Settings::default());
    (directory, storage, registry, "team/app".parse().unwrap())
}

/// The system may count bytes as written that it failed to write; the next sync would say that all is well.
#[tokio::test]
async fn after_a_sync_that_failed_the_bytes_have_to_be_sent_again() {
    let (_directory, storage, registry, name) = faulty(Durability::Full);
    // Too long to be held in memory.
    let content = vec![7; 300_000];
    let digest = Digest::of(Algorithm::Sha256, &content);
    let body = |content: &[u8]| stream::iter([Ok(Bytes::copy_from_slice(content))]).boxed();

    let UploadStatus { id, .. } = registry.start_upload(&name, Algorithm::Sha256).await.unwrap();
    storage.failing.store(true, Ordering::SeqCst);
    assert!(registry.append_upload(&name, id, None, body(&content)).await.is_err());
    let again = registry.finish_upload(&name, id, digest, None, body(&[])).await;
    assert!(matches!(again, Err(RegistryError::UploadUnknown { .. })), "{again:?}");

    let UploadStatus { id, .. } = registry.start_upload(&name, Algorithm::Sha256).await.unwrap();
    storage.failing.store(true, Ordering::SeqCst);
    assert!(registry.finish_upload(&name, id, digest, None, body(&content)).await.is_err());
    let again = registry.finish_upload(&name, id, digest, None, body(&[])).await;
    assert!(matches!(again, Err(RegistryError::UploadUnknown { .. })), "{again:?}");
    assert!(registry.stat_blob(&name, &digest).await.is_err(), "the link alone is no blob");

    registry.put_blob(&name, digest, body(&content)).await.unwrap();
    assert_eq!(registry.stat_blob(&name, &digest).await.unwrap(), 300_000);
}

/// A connection that breaks drops the request; its write to the disk goes on, and so must its locks.
#[tokio::test]
async fn a_put_whose_client_goes_away_keeps_its_locks_until_it_is_done() {
    let (_directory, storage, registry, name) = faulty(Durability::Barrier);
    let tag: Tag = "v1".parse().unwrap();
    let manifest = Bytes::from_static(br#"{"schemaVersion":2,"manifests":[]}"#);
    let digest = Digest::of(Algorithm::Sha256, &manifest);
    let new = NewManifest {
        media_type: None,
        bytes: manifest,
        reference: Reference::Tag(tag.clone()),
        tags: Vec::new(),
        precondition: Precondition::Absent,
    };

    let first = tokio::spawn({
        let (registry, name, new) = (registry.clone(), name.clone(), new.clone());
        async move { registry.put_manifest(&name, new).await }
    });
    // The revision is linked, so the put waits with its tag.
    while registry.get_manifest(&name, &Reference::Digest(digest)).await.is_err() {
        tokio::task::yield_now().await;
    }
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());

    assert!(
        registry.locks.removing(&name).now_or_never().is_none(),
        "it could be deleted while its tag is being written"
    );
    assert!(
        registry.locks.moving(&name, std::slice::from_ref(&tag)).now_or_never().is_none(),
        "its tag could be moved meanwhile"
    );
    // One for the tag that waits, one for a put that comes after the deletion.
    storage.tags.add_permits(2);
    registry.delete_manifest(&name, &digest, &Precondition::None).await.unwrap();
    assert!(registry.get_manifest(&name, &Reference::Tag(tag)).await.is_err());
    assert!(registry.tags(&name, &Default::default()).await.unwrap().entries.is_empty(), "a tag points at nothing");
    registry.put_manifest(&name, new).await.unwrap();
}
