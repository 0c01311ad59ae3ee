//! Blobs that were acknowledged and would not survive a power cut yet.
//!
//! Waiting for the disk after each blob is most of what a push costs, and nobody needs it before the manifest: a blob alone
//! may be lost to a power cut, as long as it is never torn. So what has arrived and is hashed waits under a name of its
//! own, is read from there, and is moved to its place when its bytes are synced: by the first manifest that refers to it,
//! or a moment later. What a killed program leaves there is hashed again before it counts.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::oci::{Digest, Hasher};
use crate::storage::{self, Change, Durability, Key, Meta, Object, StorageError};

use super::upload_progress::update;
use super::{Registry, Result, layout};

/// How long a blob waits for a manifest before it is settled for its own sake.
pub(super) const SOON: Duration = Duration::from_secs(1);
/// How long until it is tried again when that failed.
const LATER: Duration = Duration::from_secs(10);

/// The blobs that wait.
#[derive(Debug, Default)]
pub(super) struct Unsettled {
    state: Mutex<State>,
    /// The server ends, and waits for nothing.
    ending: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    blobs: HashMap<Digest, Waiting>,
    /// When somebody will come and settle.
    expected: Option<Instant>,
}

/// A blob that waits.
#[derive(Clone, Debug)]
struct Waiting {
    stage: Stage,
    /// Fires when whoever settles it is done.
    done: CancellationToken,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It is not there yet, or nobody has looked at it since the start.
    Arriving,
    /// It can be read.
    Arrived,
    /// It can be read, and somebody moves it to its place.
    Settling,
}

/// Blobs that this request settles. What becomes of them is decided when it is dropped.
pub(super) struct Settling<'a> {
    registry: &'a Registry,
    digests: Vec<Digest>,
    outcome: Outcome,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Settled,
    /// They are whole, and can be tried again.
    Failed,
    /// Their bytes could not be synced and count for nothing any more.
    Lost,
}

impl Unsettled {
    /// Nothing waits any longer than it takes.
    pub(super) fn end(&self) {
        self.ending.cancel();
    }

    /// Whether the server ends.
    pub(super) fn is_ending(&self) -> bool {
        self.ending.is_cancelled()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the blob has to be read from where it waits.
    fn is_waiting(&self, digest: &Digest) -> bool {
        self.lock().blobs.get(digest).is_some_and(|blob| blob.stage != Stage::Arriving)
    }

    /// Takes the place of a blob, so that nobody else puts another copy there; false if somebody has.
    fn reserve(&self, digest: Digest) -> bool {
        let mut state = self.lock();
        let free = !state.blobs.contains_key(&digest);
        if free {
            state.blobs.insert(digest, Waiting { stage: Stage::Arriving, done: CancellationToken::new() });
        }
        free
    }

    fn set(&self, digest: &Digest, stage: Option<Stage>) {
        let mut state = self.lock();
        let before = match stage {
            Some(stage) => state.blobs.get_mut(digest).map(|blob| {
                blob.stage = stage;
                std::mem::take(&mut blob.done)
            }),
            None => state.blobs.remove(digest).map(|blob| blob.done),
        };
        if let Some(before) = before {
            before.cancel();
        }
    }

    /// Claims those of the blobs that have arrived, unless others have one of them in hand: then none, and what to wait
    /// for. Who holds some while it waits for others would wait for ever for one who does the same.
    fn claim(&self, digests: &[Digest]) -> std::result::Result<Vec<Digest>, CancellationToken> {
        let mut state = self.lock();
        let blobs = &mut state.blobs;
        let in_hand = |digest: &Digest| blobs.get(digest).filter(|blob| blob.stage == Stage::Settling);
        if let Some(other) = digests.iter().find_map(in_hand) {
            return Err(other.done.clone());
        }
        // One that is arriving is not known yet to whoever refers to it.
        let mut arrived = digests.to_vec();
        arrived.retain(|digest| blobs.get(digest).is_some_and(|blob| blob.stage == Stage::Arrived));
        for digest in &arrived {
            blobs.entry(*digest).and_modify(|blob| blob.stage = Stage::Settling);
        }
        Ok(arrived)
    }

    /// Takes down when somebody will come; false if somebody comes before.
    fn expect(&self, at: Instant) -> bool {
        let expected = &mut self.lock().expected;
        let is_first = expected.is_none_or(|other| at < other);
        if is_first {
            *expected = Some(at);
        }
        is_first
    }

    /// Whether it is still the one expected at this time who comes. It then counts for nothing that comes later.
    fn comes(&self, at: Instant) -> bool {
        self.lock().expected.take_if(|expected| *expected == at).is_some()
    }

    /// What has arrived and nobody has in hand.
    fn arrived(&self) -> Vec<Digest> {
        let state = self.lock();
        state.blobs.iter().filter(|(_, blob)| blob.stage == Stage::Arrived).map(|(digest, _)| *digest).collect()
    }
}

impl Registry {
    /// Makes a whole, hashed file a blob.
    pub(super) async fn take_in(&self, data: &Key, digest: Digest) -> storage::Result<()> {
        if self.storage.durability() != Durability::Barrier || !self.unsettled.reserve(digest) {
            return self.take_in_at_once(data, digest).await;
        }
        let shifted = self.storage.shift(data, &layout::unsettled(&digest)).await;
        self.unsettled.set(&digest, shifted.is_ok().then_some(Stage::Arrived));
        self.expect_settling(SOON);
        match shifted {
            // The repository may be on another file system, from where it has to be copied.
            Err(error) if !error.is_full() => self.take_in_at_once(data, digest).await,
            shifted => shifted,
        }
    }

    /// Makes a whole, hashed file a blob that survives, in place of a copy that waits: the last push counts, as where a copy
    /// has rotted.
    async fn take_in_at_once(&self, data: &Key, digest: Digest) -> storage::Result<()> {
        let mut settling = self.claim_unsettled(&[digest]).await;
        self.storage.apply(vec![vec![Change::Move(data.clone(), layout::blob(&digest))]]).await?;
        if !settling.digests.is_empty() {
            // Should it stay, the next start finds the same content twice.
            let _ = self.storage.delete_all(&layout::unsettled(&digest)).await;
        }
        settling.outcome = Outcome::Settled;
        Ok(())
    }

    /// What is known of the content of a digest, wherever it is.
    pub(super) async fn stat_content(&self, digest: &Digest) -> storage::Result<Meta> {
        if self.unsettled.is_waiting(digest) {
            match self.storage.stat(&layout::unsettled(digest)).await {
                // It was moved in between.
                Err(error) if error.is_not_found() => {}
                found => return found,
            }
        }
        let key = layout::blob(digest);
        self.or_rescued(digest, || self.storage.stat(&key)).await
    }

    /// Opens the content of a digest, wherever it is.
    pub(super) async fn open_content(&self, digest: &Digest) -> storage::Result<Box<dyn Object>> {
        if self.unsettled.is_waiting(digest) {
            match self.storage.open(&layout::unsettled(digest)).await {
                // It was moved in between.
                Err(error) if error.is_not_found() => {}
                found => return found,
            }
        }
        let key = layout::blob(digest);
        self.or_rescued(digest, || self.storage.open(&key)).await
    }

    /// Takes those of the digests that wait into one's own hands, once nobody else has them. What is not concluded goes
    /// back.
    pub(super) async fn claim_unsettled(&self, digests: &[Digest]) -> Settling<'_> {
        loop {
            match self.unsettled.claim(digests) {
                Ok(digests) => return Settling { registry: self, digests, outcome: Outcome::Failed },
                Err(other) => other.cancelled().await,
            }
        }
    }

    /// Whether a copy of a blob waits, arrives or is moved to its place.
    pub(super) fn is_unsettled(&self, digest: &Digest) -> bool {
        self.unsettled.lock().blobs.contains_key(digest)
    }

    /// Takes the place of a blob of which no copy waits, so that none comes there until this is dropped; none if one waits.
    /// Whoever pushes the blob meanwhile waits for that.
    pub(super) fn take_place(&self, digest: Digest) -> Option<Settling<'_>> {
        if !self.unsettled.reserve(digest) {
            return None;
        }
        self.unsettled.set(&digest, Some(Stage::Settling));
        // There is nothing to be tried again.
        Some(Settling { registry: self, digests: vec![digest], outcome: Outcome::Settled })
    }

    /// Sees to it that somebody settles what waits.
    pub(super) fn expect_settling(&self, when: Duration) {
        let at = Instant::now() + when;
        // With full durability nothing waits; without any, uploads still wait for their directories.
        if self.storage.durability() == Durability::Full || !self.unsettled.expect(at) {
            return;
        }
        let registry = self.clone();
        self.work.spawn(async move {
            let _ = timeout_at(at, registry.unsettled.ending.cancelled()).await;
            if registry.unsettled.comes(at) {
                registry.settle().await;
            }
        });
    }

    /// Settles everything that waits.
    pub(super) async fn settle(&self) {
        if let Err(error) = self.write_down_all().await {
            warn!(error = &error as &dyn Error, "uploads under way cannot be written to disk");
            self.retry_settling();
        }
        // One by one, so that no manifest waits for all of them, and one that is lost takes no other with it.
        for digest in self.unsettled.arrived() {
            // What a manifest takes in hand meanwhile it sees to itself.
            let Ok(digests) = self.unsettled.claim(&[digest]) else { continue };
            let mut settling = Settling { registry: self, digests, outcome: Outcome::Failed };
            let settled = self.storage.apply(vec![settling.changes()]).await;
            settling.conclude(&settled).await;
            if let Err(error) = settled {
                warn!(%digest, error = &error as &dyn Error, "a blob that was pushed cannot be written to disk");
                self.retry_settling();
            }
        }
        if let Err(error) = self.storage.settle().await {
            warn!(error = &error as &dyn Error, "what was pushed cannot be written to disk");
            self.retry_settling();
        }
    }

    fn retry_settling(&self) {
        // At the end nobody comes again; the next start looks at what is left.
        if !self.unsettled.is_ending() {
            self.expect_settling(LATER);
        }
    }

    /// Looks at what a program that was killed has left: what hashes to its name is a blob, the rest is removed.
    pub async fn recover_blobs(&self) -> Result<()> {
        if self.settings.read_only {
            return Ok(());
        }
        let mut kept = 0_usize;
        for entry in self.storage.list(&layout::all_unsettled(), None, usize::MAX).await? {
            let Ok(digest) = entry.name.parse::<Digest>() else { continue };
            // Pushed again since the start: then it is of today.
            if !self.unsettled.reserve(digest) {
                continue;
            }
            match self.recover_blob(digest).await {
                Ok(true) => kept += 1,
                Ok(false) => self.unsettled.set(&digest, None),
                Err(error) => {
                    self.unsettled.set(&digest, None);
                    let error = &error as &dyn Error;
                    warn!(%digest, error, "a blob that was pushed before the last stop cannot be taken in");
                }
            }
        }
        if kept > 0 {
            info!(blobs = kept, "took in blobs that were pushed before the last stop");
        }
        Ok(())
    }

    async fn recover_blob(&self, digest: Digest) -> Result<bool> {
        let key = layout::unsettled(&digest);
        let object = self.storage.open(&key).await?;
        let mut hasher = Hasher::new(digest.algorithm());
        let mut pieces = object.read(0..object.size());
        while let Some(piece) = pieces.try_next().await? {
            hasher = update(hasher, vec![piece]).await?;
        }
        if hasher.finish() != digest {
            self.storage.delete(&key).await?;
            return Ok(false);
        }
        // From here on it can be read, and is settled as any other, also when that has to be tried again.
        self.unsettled.set(&digest, Some(Stage::Arrived));
        self.expect_settling(Duration::ZERO);
        Ok(true)
    }
}

impl Settling<'_> {
    /// What settles them.
    pub(super) fn changes(&self) -> Vec<Change> {
        let moved = |digest| Change::Move(layout::unsettled(digest), layout::blob(digest));
        self.digests.iter().map(moved).collect()
    }

    /// Takes down how it went.
    pub(super) async fn conclude(&mut self, result: &storage::Result<()>) {
        self.outcome = match result {
            Ok(()) => Outcome::Settled,
            Err(StorageError::Unsynced { .. }) => Outcome::Lost,
            Err(_) => Outcome::Failed,
        };
        if self.outcome == Outcome::Lost {
            for digest in &self.digests {
                // The system may count its bytes as written; the next start must not believe that.
                let _ = self.registry.storage.delete_all(&layout::unsettled(digest)).await;
            }
        }
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        for digest in &self.digests {
            let after = (self.outcome == Outcome::Failed).then_some(Stage::Arrived);
            self.registry.unsettled.set(digest, after);
        }
        if self.outcome == Outcome::Failed && !self.digests.is_empty() {
            self.registry.retry_settling();
        }
    }
}
