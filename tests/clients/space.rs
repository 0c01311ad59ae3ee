//! A directory of a test's own, where whatever was mounted is unmounted before it is removed.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A temporary directory.
pub(crate) struct Space {
    directory: TempDir,
}

impl Space {
    pub(crate) fn new() -> Space {
        let directory = tempfile::Builder::new()
            .prefix("wharf-clients-")
            .tempdir()
            .unwrap();
        Space { directory }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A directory in it, which is made.
    pub(crate) fn directory(&self, name: &str) -> PathBuf {
        let path = self.at(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.at(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let points = mounts.lines().filter_map(|line| line.split(' ').nth(4));
        let ours: Vec<&str> = points
            .filter(|point| Path::new(point).starts_with(self.path()))
            .collect();
        // What was mounted last lies on top.
        for point in ours.into_iter().rev() {
            let _ = Command::new("umount").arg("--lazy").arg(point).status();
        }
    }
}
