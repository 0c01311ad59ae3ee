//! What lies in the volume: content that is what its name says, and little else that nobody needs.

use std::collections::HashMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use crate::support::Wharf;
use crate::support::content::{sha256, sha512};

/// The volume, as far as it was looked at.
#[derive(Default)]
pub(crate) struct Disk {
    /// Content that was read, with what tells that it was written since.
    seen: HashMap<PathBuf, (u64, u64, i64, i64)>,
}

/// What nobody needs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Files that were being written.
    pub(crate) temporary: usize,
    /// Uploads that are not over.
    pub(crate) uploads: usize,
    /// Uploads that do not say when they began, so that no client can go on with them.
    pub(crate) nameless: usize,
    /// Files under `wharf/`.
    pub(crate) own: usize,
}

impl Disk {
    /// Reads all content that was written since the last time; it must be what its name says. Returns what is left over.
    pub(crate) fn check(&mut self, volume: &Path) -> Left {
        let mut left = Left::default();
        let root = volume.join("docker/registry/v2");
        for file in Wharf::files_below(&root.join("blobs")) {
            if file.ends_with(".tmp") {
                left.temporary += 1;
            } else if let Some(digest) = named(&file) {
                self.check_content(root.join("blobs").join(&file), &digest);
            }
        }
        let mut uploads = HashMap::<String, bool>::new();
        for file in Wharf::files_below(&root.join("repositories")) {
            left.temporary += usize::from(file.ends_with(".tmp"));
            if let Some((repository, rest)) = file.split_once("/_uploads/") {
                let (id, file) = rest.split_once('/').unwrap_or((rest, ""));
                *uploads.entry(format!("{repository} {id}")).or_default() |= file == "startedat";
            }
        }
        left.uploads = uploads.len();
        left.nameless = uploads.values().filter(|has_name| !**has_name).count();
        // A server has these while it runs, and after a crash nobody needs them either.
        let running = |file: &String| !["lock", "reserve", "control.sock"].contains(&file.as_str());
        for file in Wharf::files_below(&volume.join("wharf")).into_iter().filter(running) {
            left.temporary += usize::from(file.ends_with(".tmp"));
            // One for each tag, each repository that was pulled from, each deletion and what it left alone: they are wanted.
            let is_kept = ["/_history/", "/_pulls", "/_left/"].iter().any(|kept| file.contains(kept));
            left.own += usize::from(!is_kept && !file.starts_with("trash/"));
        }
        left
    }

    fn check_content(&mut self, path: PathBuf, digest: &str) {
        let state = |metadata: &Metadata| (metadata.len(), metadata.ino(), metadata.mtime(), metadata.mtime_nsec());
        let now = state(&fs::metadata(&path).unwrap());
        if self.seen.get(&path) == Some(&now) {
            return;
        }
        let content = fs::read(&path).unwrap();
        let found = if digest.starts_with("sha512:") { sha512(&content) } else { sha256(&content) };
        assert!(found == digest, "{} holds {} bytes, whose digest is {found}", path.display(), content.len());
        self.seen.insert(path, now);
    }
}

/// The digest that a path names, such as `sha256/ab/abcd…/data`.
fn named(file: &str) -> Option<String> {
    let parts: Vec<&str> = file.split('/').collect();
    let [algorithm, first, hex, "data"] = parts[..] else { return None };
    hex.starts_with(first).then(|| format!("{algorithm}:{hex}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "whose digest is")]
    fn torn_content_is_seen() {
        let volume = tempfile::tempdir().unwrap();
        let hex = sha256(b"whole").replace("sha256:", "");
        let directory = volume.path().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}", &hex[..2]));
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("data"), b"who").unwrap();
        Disk::default().check(volume.path());
    }

    #[test]
    fn what_nobody_needs_is_counted() {
        let volume = tempfile::tempdir().unwrap();
        let uploads = volume.path().join("docker/registry/v2/repositories/a/b/_uploads");
        for (id, file) in [("one", "startedat"), ("one", "data"), ("two", "data"), ("three", "startedat.1.tmp")] {
            fs::create_dir_all(uploads.join(id)).unwrap();
            fs::write(uploads.join(id).join(file), b"").unwrap();
        }
        let left = Disk::default().check(volume.path());
        assert_eq!(left, Left { temporary: 1, uploads: 3, nameless: 2, own: 0 });
    }
}
