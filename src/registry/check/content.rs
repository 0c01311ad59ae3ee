//! The contents: every blob and every manifest, hashed once, however many repositories hold it.

use futures_util::TryStreamExt;

use crate::oci::{Algorithm, Digest, Hasher};
use crate::storage::{self, EntryKind, Meta, Object};

use crate::registry::upload_progress::update;
use crate::registry::{Result, layout};

use super::Check;
use super::defect::Defect;
use super::subject::Subject;
use super::walk::is_aside;

/// What the bytes under a digest are.
enum Hashed {
    /// What their name says.
    Well,
    /// Something else; what was known of the object before it was read.
    Rotten(Meta),
    /// Nothing: there is none any more, or the check was stopped.
    Unknown,
}

impl Check<'_> {
    pub(super) async fn contents(&mut self) {
        let mut prefixes = Vec::new();
        for algorithm in Algorithm::ALL {
            let found = self.list(&layout::blobs(algorithm)).await;
            let found = found.into_iter().filter(|entry| entry.kind == EntryKind::Directory);
            prefixes.extend(found.map(|entry| (algorithm, entry.name)));
        }
        self.progress.enter("hashing contents", Some(prefixes.len() as u64));
        for (algorithm, prefix) in prefixes {
            for entry in self.list(&layout::blobs(algorithm).child(&prefix)).await {
                if self.is_cancelled() {
                    return;
                }
                // What is not where it is looked for is not ours.
                if let Ok(digest) = Digest::from_hex(algorithm, &entry.name)
                    && entry.name.starts_with(&prefix)
                    && prefix.len() == 2
                {
                    self.content(digest).await;
                }
            }
            self.progress.advance(1);
        }
    }

    async fn content(&mut self, digest: Digest) {
        self.pause().await;
        let directory = layout::blob_directory(&digest);
        let entries = self.list(&directory).await;
        if entries.is_empty() {
            return self.examine(Subject::EmptyBlob(digest)).await;
        }
        let (mut is_there, mut copies) = (false, Vec::new());
        for entry in entries {
            if let Some(batch) = layout::batch_of_trashed(&entry.name) {
                copies.push(batch);
                continue;
            }
            match entry.name.as_str() {
                layout::DATA if entry.kind == EntryKind::Object => is_there = true,
                name if is_aside(name) => self.examine(Subject::Stray(directory.child(name))).await,
                name => self.found(Defect::Foreign { path: directory.child(name).to_string() }).await,
            }
        }
        if is_there {
            self.content_in_place(digest).await;
        }
        // Behind that: a copy takes the place of one that has rotted.
        for batch in copies {
            self.examine(Subject::Copy(digest, batch)).await;
        }
    }

    async fn content_in_place(&mut self, digest: Digest) {
        match self.registry.storage.stat(&layout::blob(&digest)).await {
            Ok(meta) => self.marks.add(&digest, meta.size),
            // Deleted meanwhile.
            Err(error) if error.is_not_found() => return,
            Err(error) => return self.unreadable(&layout::blob(&digest), &error).await,
        }
        if self.options.sample.chooses(self.report.seed, &digest) {
            self.look_for_rot(digest).await;
        }
    }

    /// Hashes a content; what is wrong is read once more before it counts: memory may err as well as disks.
    ///
    /// Against whoever puts the content anew meanwhile, which heals it: the second reading takes too long for a lock, so what
    /// was read is compared under the lock with what is there by then, by length and time. Nobody puts a content there while
    /// the content's lock is held and its place in `unsettled` is taken.
    pub(super) async fn look_for_rot(&mut self, digest: Digest) {
        let key = layout::blob(&digest);
        match self.hash(&digest).await {
            Ok(Hashed::Rotten(_)) => {}
            Ok(Hashed::Well | Hashed::Unknown) => return,
            Err(error) => return self.unreadable(&key, &error).await,
        }
        let read = match self.hash(&digest).await {
            Ok(Hashed::Rotten(read)) => read,
            Ok(Hashed::Well | Hashed::Unknown) => return,
            Err(error) => return self.unreadable(&key, &error).await,
        };
        let registry = self.registry;
        let Some(_alone) = registry.alone(&digest).await else { return };
        // Somebody has pushed it, and it waits to take this one's place.
        let Some(_place) = registry.take_place(digest) else { return };
        match registry.storage.stat(&key).await {
            Ok(now) if now == read => self.found(Defect::Rotten { digest, size: read.size }).await,
            Ok(_) => {}
            Err(error) if error.is_not_found() => {}
            Err(error) => self.unreadable(&key, &error).await,
        }
    }

    async fn hash(&mut self, digest: &Digest) -> Result<Hashed> {
        let key = layout::blob(digest);
        let opened = async {
            let meta = self.registry.storage.stat(&key).await?;
            Ok::<_, storage::StorageError>((meta, self.registry.storage.open(&key).await?))
        };
        let (meta, object) = match opened.await {
            Ok(opened) => opened,
            Err(error) if error.is_not_found() => return Ok(Hashed::Unknown),
            Err(error) => return Err(error.into()),
        };
        let Some(found) = self.hash_object(object.as_ref(), digest.algorithm()).await? else {
            return Ok(Hashed::Unknown);
        };
        Ok(if found == *digest { Hashed::Well } else { Hashed::Rotten(meta) })
    }

    async fn hash_object(&mut self, object: &dyn Object, algorithm: Algorithm) -> Result<Option<Digest>> {
        let mut hasher = Hasher::new(algorithm);
        let mut pieces = object.read_once(0..object.size());
        while let Some(piece) = pieces.try_next().await? {
            let length = piece.len() as u64;
            hasher = update(hasher, vec![piece]).await?;
            self.report.looked_at.hashed.bytes += length;
            self.pause().await;
            if self.is_cancelled() {
                return Ok(None);
            }
        }
        self.report.looked_at.hashed.contents += 1;
        Ok(Some(hasher.finish()))
    }
}
