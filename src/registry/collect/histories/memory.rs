//! Storage in memory whose calls interleave at random, and a clock that the test moves.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::time::Instant;

use crate::registry::Clock;
use crate::storage::{Change, Durability, Entry, EntryKind, Key, Meta, Object, Result, Stage, Storage, StorageError};

/// Time as tokio's tests play it, and as much more as the test says.
#[derive(Debug)]
pub(super) struct Played {
    began: Instant,
    more: AtomicU64,
}

impl Played {
    pub(super) fn new() -> Played {
        Played { began: Instant::now(), more: AtomicU64::new(0) }
    }

    pub(super) fn pass(&self, time: Duration) {
        self.more.fetch_add(u64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for Played {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed() + Duration::from_millis(self.more.load(Ordering::SeqCst))
    }
}

#[derive(Clone, Debug)]
struct File {
    bytes: Bytes,
    modified: SystemTime,
}

/// What is kept. It outlives the registries that are killed over it.
#[derive(Debug)]
pub(super) struct Memory {
    files: Arc<Mutex<BTreeMap<String, File>>>,
    clock: Arc<Played>,
    /// Draws how long each call takes.
    random: Mutex<u64>,
}

impl Memory {
    pub(super) fn new(clock: &Arc<Played>, seed: u64) -> Memory {
        Memory { files: Arc::default(), clock: Arc::clone(clock), random: Mutex::new(seed | 1) }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, File>> {
        self.files.lock().unwrap()
    }

    /// The keys of everything.
    pub(super) fn keys(&self) -> Vec<String> {
        self.files().keys().cloned().collect()
    }

    /// Others come in between.
    async fn turn(&self) {
        for _ in 0..self.turns() {
            tokio::task::yield_now().await;
        }
    }

    fn turns(&self) -> usize {
        let mut random = self.random.lock().unwrap();
        *random ^= *random << 13;
        *random ^= *random >> 7;
        *random ^= *random << 17;
        [0, 0, 1, 1, 2, 5][usize::try_from(*random % 6).unwrap()]
    }

    fn put_now(&self, key: &Key, bytes: Bytes) {
        self.files().insert(key.to_string(), File { bytes, modified: self.clock.now() });
    }

    fn find(&self, key: &Key) -> Result<File> {
        self.files().get(key.as_str()).cloned().ok_or_else(|| StorageError::NotFound(key.clone()))
    }

    fn rename(&self, from: &Key, to: &Key) {
        let mut files = self.files();
        let below = format!("{from}/");
        let moved: Vec<String> =
            files.keys().filter(|key| *key == from.as_str() || key.starts_with(&below)).cloned().collect();
        for key in moved {
            let file = files.remove(&key).unwrap();
            files.insert(key.replacen(from.as_str(), to.as_str(), 1), file);
        }
    }

    async fn change(&self, change: Change) -> Result<()> {
        self.turn().await;
        match change {
            // As a disk: what is there already keeps its time.
            Change::Put(key, bytes) if self.find(&key).is_ok_and(|file| file.bytes == bytes) => {}
            Change::Put(key, bytes) | Change::Renew(key, bytes) => self.put_now(&key, bytes),
            Change::Keep(key, _) | Change::Settle(key) => drop(key),
            Change::Move(from, to) if self.find(&from).is_err() => drop(self.find(&to)?),
            Change::Move(from, to) | Change::Rename(from, to) => self.rename(&from, &to),
            Change::Remove(key) => drop(self.files().remove(key.as_str())),
        }
        Ok(())
    }
}

#[async_trait]
impl Storage for Memory {
    fn durability(&self) -> Durability {
        Durability::Barrier
    }

    async fn get(&self, key: &Key) -> Result<Bytes> {
        self.turn().await;
        Ok(self.find(key)?.bytes)
    }

    async fn stat(&self, key: &Key) -> Result<Meta> {
        self.turn().await;
        let file = self.find(key)?;
        Ok(Meta { size: file.bytes.len() as u64, modified: Some(file.modified) })
    }

    async fn open(&self, key: &Key) -> Result<Box<dyn Object>> {
        self.turn().await;
        Ok(Box::new(Open(self.find(key)?.bytes)))
    }

    async fn apply(&self, steps: Vec<Vec<Change>>) -> Result<()> {
        for change in steps.into_iter().flatten() {
            self.change(change).await?;
        }
        self.turn().await;
        Ok(())
    }

    async fn jot(&self, key: &Key, bytes: Bytes) -> Result<()> {
        self.turn().await;
        self.put_now(key, bytes);
        Ok(())
    }

    async fn shift(&self, from: &Key, to: &Key) -> Result<()> {
        self.turn().await;
        self.find(from)?;
        self.rename(from, to);
        Ok(())
    }

    async fn settle(&self) -> Result<()> {
        self.turn().await;
        Ok(())
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        self.change(Change::Remove(key.clone())).await
    }

    async fn delete_all(&self, key: &Key) -> Result<()> {
        self.turn().await;
        let below = format!("{key}/");
        self.files().retain(|found, _| found != key.as_str() && !found.starts_with(&below));
        Ok(())
    }

    async fn prune(&self, _: &Key, _: &Key) -> Result<()> {
        self.turn().await;
        Ok(())
    }

    async fn list(&self, key: &Key, after: Option<&str>, limit: usize) -> Result<Vec<Entry>> {
        self.turn().await;
        let below = format!("{key}/");
        let mut entries: Vec<Entry> = Vec::new();
        for found in self.files().range(below.clone()..).map(|(found, _)| found) {
            let Some(rest) = found.strip_prefix(&below) else { break };
            let (name, kind) = match rest.split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None => (rest, EntryKind::Object),
            };
            entries.push(Entry { name: name.to_owned(), kind });
        }
        // The slash sorts behind what names may have.
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        entries.dedup();
        entries.retain(|entry| after.is_none_or(|after| entry.name.as_str() > after));
        entries.truncate(limit);
        Ok(entries)
    }

    async fn stage(&self, key: &Key, offset: u64) -> Result<Box<dyn Stage>> {
        self.turn().await;
        let mut files = self.files();
        let file = files.entry(key.to_string()).or_insert(File { bytes: Bytes::new(), modified: self.clock.now() });
        file.bytes.truncate(usize::try_from(offset).unwrap());
        Ok(Box::new(Growing { key: key.to_string(), files: Arc::clone(&self.files), clock: Arc::clone(&self.clock) }))
    }

    async fn check(&self) -> Result<()> {
        Ok(())
    }
}

struct Open(Bytes);

impl Object for Open {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read(&self, range: Range<u64>) -> BoxStream<'static, Result<Bytes>> {
        let range = usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap();
        stream::iter([Ok(self.0.slice(range))]).boxed()
    }
}

struct Growing {
    key: String,
    files: Arc<Mutex<BTreeMap<String, File>>>,
    clock: Arc<Played>,
}

#[async_trait]
impl Stage for Growing {
    async fn append(&mut self, pieces: Vec<Bytes>, before: Box<dyn FnOnce() + Send>) -> Result<()> {
        before();
        let mut files = self.files.lock().unwrap();
        let Some(file) = files.get_mut(&self.key) else { return Ok(()) };
        let mut bytes = BytesMut::from(&file.bytes[..]);
        pieces.iter().for_each(|piece| bytes.extend_from_slice(piece));
        *file = File { bytes: bytes.freeze(), modified: self.clock.now() };
        Ok(())
    }

    async fn sync(&mut self) -> Result<()> {
        tokio::task::yield_now().await;
        Ok(())
    }
}
