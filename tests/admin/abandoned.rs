//! Uploads that nobody finished, in such numbers that work on them takes a moment.

use std::fs;
use std::path::{Path, PathBuf};

/// So many that a job that looks at them can be met while it runs.
pub(crate) const MANY: usize = 4_000;

/// Leaves uploads behind that began long ago.
pub(crate) fn leave(volume: &Path, count: usize) -> PathBuf {
    let uploads = volume.join("docker/registry/v2/repositories/left/_uploads");
    for number in 0..count {
        let upload = uploads.join(format!("00000000-0000-4000-8000-{number:012}"));
        fs::create_dir_all(&upload).unwrap();
        fs::write(upload.join("startedat"), "2016-03-01T12:00:00Z").unwrap();
    }
    uploads
}

/// How many are there.
pub(crate) fn left(uploads: &Path) -> usize {
    fs::read_dir(uploads).map_or(0, Iterator::count)
}
