//! What holds when the storage fails, or when the one who asked goes away in the middle.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, StreamExt, stream};
use tokio::sync::Semaphore;

use crate::oci::{Algorithm, Digest, Reference, RepositoryName, Tag};
use crate::registry::unsettled::SOON;
use crate::registry::{
    Actor, NewManifest, Overwrite, Precondition, Registry, RegistryError, Settings, UploadStatus, layout,
};
use crate::storage::{
    self, Call, Change, Durability, Entry, Filesystem, Key, Meta, Object, Result, Stage, Storage, StorageError, Watch,
};

/// A directory whose syncs can be made to fail and whose tags wait to be let through.
#[derive(Debug)]
struct Faulty {
    inner: Filesystem,
    failing: Arc<AtomicBool>,
    /// Each write of a tag's link takes one.
    tags: Semaphore,
    /// Moves and deletions go through it.
    gate: Gate,
}

/// Something that is open until it is shut.
#[derive(Debug)]
struct Gate {
    open: Semaphore,
    /// How many have come to it.
    come: AtomicUsize,
}

impl Gate {
    async fn pass(&self) {
        self.come.fetch_add(1, Ordering::SeqCst);
        drop(self.open.acquire().await.unwrap());
    }

    fn shut(&self) {
        assert_eq!(self.open.forget_permits(1), 1);
        self.come.store(0, Ordering::SeqCst);
    }

    fn open(&self) {
        self.open.add_permits(1);
    }

    /// Returns when somebody has come to it since it was shut.
    async fn is_come_to(&self) {
        while self.come.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    }
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
            self.gate.pass().await;
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
        self.gate.pass().await;
        self.inner.delete(key).await
    }
    async fn delete_all(&self, key: &Key) -> Result<()> {
        self.inner.delete_all(key).await
    }
    async fn prune(&self, key: &Key, top: &Key) -> Result<()> {
        self.inner.prune(key, top).await
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
    let gate = Gate { open: Semaphore::new(1), come: AtomicUsize::new(0) };
    let storage = Arc::new(Faulty { inner, failing: Arc::default(), tags: Semaphore::new(0), gate });
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

    let UploadStatus { id, .. } = registry.start_upload(&name, None, Algorithm::Sha256).await.unwrap();
    storage.failing.store(true, Ordering::SeqCst);
    assert!(registry.append_upload(&name, id, None, body(&content)).await.is_err());
    let again = registry.finish_upload(&name, id, digest, None, body(&[])).await;
    assert!(matches!(again, Err(RegistryError::UploadUnknown { .. })), "{again:?}");

    let UploadStatus { id, .. } = registry.start_upload(&name, None, Algorithm::Sha256).await.unwrap();
    storage.failing.store(true, Ordering::SeqCst);
    assert!(registry.finish_upload(&name, id, digest, None, body(&content)).await.is_err());
    let again = registry.finish_upload(&name, id, digest, None, body(&[])).await;
    assert!(matches!(again, Err(RegistryError::UploadUnknown { .. })), "{again:?}");
    assert!(registry.stat_blob(&name, &digest).await.is_err(), "the link alone is no blob");

    registry.put_blob(&name, None, digest, body(&content)).await.unwrap();
    assert_eq!(registry.stat_blob(&name, &digest).await.unwrap(), 300_000);
}

fn body(content: &[u8]) -> crate::registry::Body {
    stream::iter([Ok(Bytes::copy_from_slice(content))]).boxed()
}

/// A manifest with one blob, to be put by its digest.
fn manifest_of(blob: Digest) -> NewManifest {
    let layer = format!(r#"{{"mediaType":"a/b","digest":"{blob}","size":5}}"#);
    let bytes = Bytes::from(format!(r#"{{"schemaVersion":2,"config":{layer},"layers":[{layer}]}}"#));
    let reference = Reference::Digest(Digest::of(Algorithm::Sha256, &bytes));
    NewManifest {
        media_type: None,
        bytes,
        reference,
        tags: Vec::new(),
        overwrite: Overwrite::Allowed,
        precondition: Precondition::None,
        by: Actor::unknown(),
    }
}

/// It was there when the manifest looked for it, and in the hands of somebody whose sync then failed.
#[tokio::test]
async fn a_manifest_that_waited_for_a_blob_which_was_lost_is_refused() {
    let (directory, storage, registry, name) = faulty(Durability::Barrier);
    let blob = Digest::of(Algorithm::Sha256, b"layer");
    registry.put_blob(&name, None, blob, body(b"layer")).await.unwrap();

    storage.gate.shut();
    storage.failing.store(true, Ordering::SeqCst);
    let settling = tokio::spawn({
        let registry = registry.clone();
        async move { registry.settle().await }
    });
    storage.gate.is_come_to().await;
    let putting = tokio::spawn({
        let (registry, name) = (registry.clone(), name.clone());
        async move { registry.put_manifest(&name, manifest_of(blob)).await }
    });
    // It looks, and then waits for the blob.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!putting.is_finished());
    storage.gate.open();
    settling.await.unwrap();
    let put = putting.await.unwrap();
    assert!(matches!(put, Err(RegistryError::ReferencesUnknown { .. })), "{put:?}");
    let left = directory.path().join("wharf/unsettled").join(blob.to_string());
    assert!(!left.exists(), "the next start would believe it");

    registry.put_blob(&name, None, blob, body(b"layer")).await.unwrap();
    registry.put_manifest(&name, manifest_of(blob)).await.unwrap();
}

#[tokio::test]
async fn nothing_is_begun_any_more_that_can_wait_for_the_next_start() {
    let (directory, _storage, registry, name) = faulty(Durability::Barrier);
    let blob = Digest::of(Algorithm::Sha256, b"layer");
    registry.put_blob(&name, None, blob, body(b"layer")).await.unwrap();
    registry.put_manifest(&name, manifest_of(blob)).await.unwrap();
    registry.finish().await;
    registry.complete_referrers().await.unwrap();
    let looked = directory.path().join(layout::looked(&name, Algorithm::Sha256).as_str());
    assert!(!looked.exists());
}

#[tokio::test(start_paused = true)]
async fn a_blob_does_not_wait_until_another_is_tried_again() {
    let (directory, storage, registry, name) = faulty(Durability::Barrier);
    storage.failing.store(true, Ordering::SeqCst);
    registry.put_blob(&name, None, Digest::of(Algorithm::Sha256, b"one"), body(b"one")).await.unwrap();
    tokio::time::sleep(2 * SOON).await;
    assert!(!storage.failing.load(Ordering::SeqCst), "it was tried, and failed");

    let two = Digest::of(Algorithm::Sha256, b"two");
    registry.put_blob(&name, None, two, body(b"two")).await.unwrap();
    let there = || directory.path().join(layout::blob(&two).as_str()).exists();
    assert!(!there(), "it waits for a manifest");
    tokio::time::sleep(2 * SOON).await;
    assert!(there());
}

/// Fails the syncs of files whose path has this in it.
#[derive(Debug, Default)]
struct NoSync(Mutex<Option<&'static str>>);

impl Watch for NoSync {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let failing = *self.0.lock().unwrap();
        match (call, failing) {
            (Call::SyncFile(path), Some(part)) if path.to_string_lossy().contains(part) => {
                Err(io::Error::from_raw_os_error(5))
            }
            _ => Ok(()),
        }
    }

    /// Too much for one sync to stand for all.
    fn waits_to_be_written(&self) -> Option<u64> {
        Some(u64::MAX)
    }
}

#[tokio::test]
async fn a_link_whose_sync_has_failed_is_written_anew_by_the_next_manifest() {
    let directory = tempfile::tempdir().unwrap();
    let watch = Arc::new(NoSync::default());
    let settings = storage::Settings::of(directory.path());
    let filesystem = Filesystem::open_watched(&settings, Arc::clone(&watch) as Arc<dyn Watch>).unwrap();
    let registry = Registry::new(Arc::new(filesystem), Settings::default());
    let (name, blob) = ("team/app".parse().unwrap(), Digest::of(Algorithm::Sha256, b"layer"));

    registry.put_blob(&name, None, blob, body(b"layer")).await.unwrap();
    *watch.0.lock().unwrap() = Some("_layers");
    registry.settle().await;
    let put = registry.put_manifest(&name, manifest_of(blob)).await;
    assert!(matches!(put, Err(RegistryError::Passing(_))), "{put:?}");
    *watch.0.lock().unwrap() = None;
    registry.put_manifest(&name, manifest_of(blob)).await.unwrap();
}

#[tokio::test]
async fn a_deletion_whose_client_goes_away_is_done_to_its_end() {
    let (_directory, storage, registry, name) = faulty(Durability::Barrier);
    let blob = Digest::of(Algorithm::Sha256, b"layer");
    registry.put_blob(&name, None, blob, body(b"layer")).await.unwrap();

    storage.gate.shut();
    let deleting = tokio::spawn({
        let (registry, name) = (registry.clone(), name.clone());
        async move { registry.delete_blob(&name, &blob, &Actor::unknown()).await }
    });
    storage.gate.is_come_to().await;
    deleting.abort();
    assert!(deleting.await.unwrap_err().is_cancelled());
    registry.stat_blob(&name, &blob).await.expect("it is read while it is still there");
    storage.gate.open();
    registry.finish().await;
    assert!(registry.stat_blob(&name, &blob).await.is_err(), "it is remembered although it is gone");
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
        overwrite: Overwrite::Allowed,
        precondition: Precondition::Absent,
        by: Actor::unknown(),
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
    registry.delete_manifest(&name, &digest, &Precondition::None, &Actor::unknown()).await.unwrap();
    assert!(registry.get_manifest(&name, &Reference::Tag(tag)).await.is_err());
    let listed = registry.tags(&name, &Default::default()).await;
    assert!(matches!(listed, Err(RegistryError::RepositoryUnknown { .. })), "a tag points at nothing: {listed:?}");
    registry.put_manifest(&name, new).await.unwrap();
}
