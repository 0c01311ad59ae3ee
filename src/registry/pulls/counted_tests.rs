//! Since when pulls are known, whoever has served the volume in between.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::registry::samples::{index, name, new, put, tag};
use crate::registry::{Clock, Settings};
use crate::storage::{self, Filesystem};

/// A clock that stands.
#[derive(Debug)]
struct Stands(SystemTime);

impl Clock for Stands {
    fn now(&self) -> SystemTime {
        self.0
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn minute(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + 60 * number)
}

/// A registry that is started in that minute.
fn started(root: &Path, at: u64) -> Registry {
    let filesystem = Filesystem::open(&storage::Settings::of(root)).unwrap();
    Registry::by_the_clock(Arc::new(filesystem), Settings::default(), Arc::new(Stands(minute(at))))
}

async fn since(registry: &Registry) -> SystemTime {
    registry.pulls(&name("team/app")).await.unwrap().since()
}

#[tokio::test]
async fn counting_goes_on_over_a_start_and_begins_anew_behind_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let root = directory.path();
    for (start, expected, what) in [
        (0, 0, "it is the first"),
        (60, 0, "an hour is a start of the machine"),
        (121, 121, "for longer than that somebody else may have served the volume"),
        (125, 121, "the gap is not forgotten"),
        (100, 121, "a clock that was put back makes no gap"),
    ] {
        let registry = started(root, start);
        // As soon as it begins, and when it has noted that it counts.
        assert_eq!(since(&registry).await, minute(expected), "{what}");
        registry.write_pulls().await.unwrap();
        assert_eq!(since(&registry).await, minute(expected), "{what}");
    }
}

/// As an earlier version leaves it, or a crash between the two notes.
#[tokio::test]
async fn without_a_note_until_when_it_was_counted_nothing_is_known() {
    let directory = tempfile::tempdir().unwrap();
    started(directory.path(), 0).note_counting().await.unwrap();
    let registry = started(directory.path(), 1);
    assert_eq!(since(&registry).await, minute(1));
    registry.write_pulls().await.unwrap();
    assert_eq!(since(&started(directory.path(), 2)).await, minute(1));
}

/// A command that works on a stopped volume serves nobody, so it does not fill the gap in which it runs.
#[tokio::test]
async fn who_counts_nothing_notes_nothing_and_who_counted_notes_it_at_the_end() {
    let directory = tempfile::tempdir().unwrap();
    let server = started(directory.path(), 0);
    put(&server, &name("team/app"), new(&index(&[]), &["latest"])).await;
    server.pull_manifest(&name("team/app"), &tag("latest").into()).await.unwrap();
    server.finish().await;
    started(directory.path(), 50).finish().await;
    assert_eq!(since(&started(directory.path(), 60)).await, minute(0));
    assert_eq!(since(&started(directory.path(), 61)).await, minute(61));
}
