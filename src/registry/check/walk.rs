//! The order in which a volume is looked through.

use uuid::Uuid;

use crate::oci::{Algorithm, Digest, Hasher, RepositoryName, Tag};
use crate::storage::{Entry, EntryKind, Key};

use crate::registry::catalog::Walk;
use crate::registry::{UploadId, layout};

use super::Check;
use super::subject::Subject;

impl Check<'_> {
    pub(super) async fn everything(&mut self) {
        // The contents first: what has rotted there is missing in what refers to it.
        self.contents().await;
        for top in layout::tops() {
            self.strays(&top).await;
        }
        self.unsettled().await;
        self.progress.enter("looking at manifests and tags", None);
        let mut walk = self.registry.walk_repositories();
        while let Some(repository) = self.next(&mut walk).await {
            self.report.looked_at.repositories += 1;
            self.manifests(&repository).await;
            self.progress.advance(1);
        }
        self.progress.enter("looking at links to blobs", None);
        let mut walk = self.registry.walk_layers();
        while let Some(repository) = self.next(&mut walk).await {
            self.layers(&repository).await;
            self.progress.advance(1);
        }
        self.progress.enter("looking at uploads", None);
        let mut walk = self.registry.walk_uploads();
        while let Some(repository) = self.next(&mut walk).await {
            self.uploads(&repository).await;
            self.progress.advance(1);
        }
    }

    /// The next repository; none behind the last and when the check is stopped.
    async fn next(&mut self, walk: &mut Walk<'_>) -> Option<RepositoryName> {
        if self.is_cancelled() {
            return None;
        }
        match walk.next(self.registry).await {
            Ok(next) => next,
            Err(error) => {
                self.unreadable(&layout::repositories(), &error).await;
                None
            }
        }
    }

    async fn manifests(&mut self, repository: &RepositoryName) {
        for algorithm in Algorithm::ALL {
            let directory = layout::revisions(repository, algorithm);
            let entries = self.list(&directory).await;
            self.is_looked_through = self.looked_through(repository, algorithm, &entries).await;
            for digest in digests(&entries, algorithm) {
                if self.is_cancelled() {
                    return;
                }
                // The directory of a link stays when the link is deleted.
                let is_linked = self.strays(&directory.child(&digest.hex())).await;
                self.report.looked_at.manifests += u64::from(is_linked);
                self.revision(repository, digest).await;
            }
        }
        for entry in self.list(&layout::tags(repository)).await {
            if self.is_cancelled() {
                return;
            }
            let Ok(tag) = entry.name.parse::<Tag>() else { continue };
            let is_linked = self.strays(&layout::tag_current_directory(repository, &tag)).await;
            self.report.looked_at.tags += u64::from(is_linked);
            self.examine(Subject::Tag(repository.clone(), tag)).await;
        }
        self.notes(repository).await;
    }

    /// Whether the next start passes over the subjects of these manifests, as all were looked at before.
    async fn looked_through(&self, repository: &RepositoryName, algorithm: Algorithm, revisions: &[Entry]) -> bool {
        let mut names = Hasher::new(Algorithm::Sha256);
        revisions.iter().for_each(|revision| names.update(revision.name.as_bytes()));
        let looked = self.registry.storage.get(&layout::looked(repository, algorithm)).await;
        looked.is_ok_and(|looked| looked == names.finish().to_string().as_bytes())
    }

    async fn notes(&mut self, repository: &RepositoryName) {
        let directory = layout::manifest_types(repository);
        for entry in self.list_with_strays(&directory).await {
            if let Ok(digest) = entry.name.parse() {
                self.report.looked_at.notes += 1;
                self.examine(Subject::Type(repository.clone(), digest)).await;
            }
        }
        for algorithm in Algorithm::ALL {
            for subject in digests(&self.list(&layout::all_referrers(repository, algorithm)).await, algorithm) {
                for entry in self.list_with_strays(&layout::referrers(repository, &subject)).await {
                    if self.is_cancelled() {
                        return;
                    }
                    if let Ok(digest) = entry.name.parse() {
                        self.report.looked_at.notes += 1;
                        self.examine(Subject::Referrer(repository.clone(), subject, digest)).await;
                    }
                }
            }
        }
    }

    async fn layers(&mut self, repository: &RepositoryName) {
        for algorithm in Algorithm::ALL {
            let directory = layout::layers(repository, algorithm);
            for digest in digests(&self.list(&directory).await, algorithm) {
                if self.is_cancelled() {
                    return;
                }
                let is_linked = self.strays(&directory.child(&digest.hex())).await;
                self.report.looked_at.layer_links += u64::from(is_linked);
                self.examine(Subject::Layer(repository.clone(), digest)).await;
            }
        }
    }

    async fn uploads(&mut self, repository: &RepositoryName) {
        for entry in self.list(&layout::uploads(repository)).await {
            if self.is_cancelled() {
                return;
            }
            let name = entry.name.strip_suffix(layout::SMALL).unwrap_or(&entry.name);
            if let Ok(id) = name.parse::<UploadId>() {
                self.report.looked_at.uploads += 1;
                self.examine(Subject::Upload(repository.clone(), id)).await;
            }
        }
    }

    async fn unsettled(&mut self) {
        for entry in self.list(&layout::all_unsettled()).await {
            if let Ok(digest) = entry.name.parse() {
                self.examine(Subject::Unsettled(digest)).await;
            }
        }
    }

    /// Looks for what was begun directly below a key and never finished, and says whether a link is there.
    async fn strays(&mut self, directory: &Key) -> bool {
        self.list_with_strays(directory).await.iter().any(|entry| entry.name == layout::LINK)
    }

    async fn list_with_strays(&mut self, directory: &Key) -> Vec<Entry> {
        let entries = self.list(directory).await;
        for entry in entries.iter().filter(|entry| is_aside(&entry.name) && entry.kind == EntryKind::Object) {
            self.examine(Subject::Stray(directory.child(&entry.name))).await;
        }
        entries
    }
}

/// The digests that directories are named after.
pub(super) fn digests(entries: &[Entry], algorithm: Algorithm) -> Vec<Digest> {
    let directories = entries.iter().filter(|entry| entry.kind == EntryKind::Directory);
    directories.filter_map(|entry| Digest::from_hex(algorithm, &entry.name).ok()).collect()
}

/// Whether a file is named as what is written beside its target, or to try whether a directory can be written.
pub(super) fn is_aside(name: &str) -> bool {
    let Some(name) = name.strip_suffix(".tmp") else { return false };
    let behind = name.strip_prefix(".probe-").or_else(|| name.rsplit_once('.').map(|(_, behind)| behind));
    behind.is_some_and(|text| Uuid::try_parse(text).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_wharf_writes_aside_is_named_so() {
        let id = "0196f0c4-5f5f-4a7e-8a35-2d9b3c1f8f11";
        for (name, aside) in [
            (format!("link.{id}.tmp"), true),
            (format!(".probe-{id}.tmp"), true),
            (format!("sha256:00.{id}.tmp"), true),
            (format!("link.{id}"), false),
            (format!("{id}.small"), false),
            ("link.tmp".to_owned(), false),
            ("notes.old.tmp".to_owned(), false),
        ] {
            assert_eq!(is_aside(&name), aside, "{name}");
        }
    }
}
