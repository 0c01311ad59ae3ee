//! What holds of a history when the storage fails between its steps.

use std::io;
use std::sync::{Arc, Mutex};

use super::history_tests::numbered;
use super::*;
use crate::registry::samples::{name, tag};
use crate::registry::{Precondition, Settings};
use crate::storage::{self, Call, Filesystem, Watch};

/// Whose path ends so cannot be changed, or else not read.
#[derive(Debug, Default)]
struct Broken {
    unchangeable: Mutex<Option<&'static str>>,
    unreadable: Mutex<Option<&'static str>>,
}

impl Watch for Broken {
    fn before(&self, call: Call<'_>) -> io::Result<()> {
        let (path, broken) = match call {
            Call::Rename(_, path) | Call::Remove(path) => (path, &self.unchangeable),
            Call::Open(path) | Call::List(path) => (path, &self.unreadable),
            _ => return Ok(()),
        };
        match *broken.lock().unwrap() {
            Some(part) if path.to_string_lossy().ends_with(part) => Err(io::Error::from_raw_os_error(5)),
            _ => Ok(()),
        }
    }
}

struct Volume {
    _directory: tempfile::TempDir,
    broken: Arc<Broken>,
    registry: Registry,
}

impl Volume {
    fn new() -> Volume {
        let directory = tempfile::tempdir().unwrap();
        let broken = Arc::new(Broken::default());
        let watch = Arc::clone(&broken) as Arc<dyn Watch>;
        let filesystem = Filesystem::open_watched(&storage::Settings::of(directory.path()), watch).unwrap();
        Volume { registry: Registry::new(Arc::new(filesystem), Settings::default()), broken, _directory: directory }
    }

    fn refuses_to_change(&self, part: Option<&'static str>) {
        *self.broken.unchangeable.lock().unwrap() = part;
    }

    fn refuses_to_read(&self, part: Option<&'static str>) {
        *self.broken.unreadable.lock().unwrap() = part;
    }

    async fn put(&self, number: u64) -> Result<Digest> {
        let new = numbered(number, &["latest"], &format!("user{number}"));
        Ok(self.registry.put_manifest(&name("team/app"), new).await?.digest)
    }

    async fn delete(&self) -> Result<()> {
        self.registry.delete_tag(&name("team/app"), &tag("latest"), &Precondition::None, &Actor::unknown()).await
    }

    /// Where each move led, newest first.
    async fn led(&self) -> Vec<Option<Digest>> {
        let moves = self.registry.tag_history(&name("team/app"), &tag("latest")).await.unwrap();
        moves.iter().map(|moved| moved.to).collect()
    }

    async fn at(&self) -> Option<Digest> {
        self.registry.resolve(&name("team/app"), &tag("latest")).await.unwrap()
    }
}

#[tokio::test]
async fn a_move_that_was_written_down_and_not_made_does_not_show() {
    let volume = Volume::new();
    let one = volume.put(1).await.unwrap();
    volume.refuses_to_change(Some("/current/link"));
    for _ in 0..3 {
        volume.put(2).await.unwrap_err();
        assert_eq!((volume.at().await, volume.led().await), (Some(one), vec![Some(one)]));
    }
    volume.put(3).await.unwrap_err();
    volume.delete().await.unwrap_err();
    assert_eq!((volume.at().await, volume.led().await), (Some(one), vec![Some(one)]));
    volume.refuses_to_change(None);
    let two = volume.put(2).await.unwrap();
    assert_eq!(volume.led().await, [Some(two), Some(one)]);
    volume.delete().await.unwrap();
    assert_eq!(volume.led().await, [None, Some(two), Some(one)]);
    let lines = volume.registry.written_down(&name("team/app"), &tag("latest")).await.unwrap();
    let attempts = lines.iter().filter(|line| line.by == Actor::named("user2")).count();
    assert_eq!(attempts, 1, "each attempt in vain is kept");
}

#[tokio::test]
async fn a_move_that_cannot_be_written_down_is_not_made() {
    let volume = Volume::new();
    let one = volume.put(1).await.unwrap();
    volume.refuses_to_change(Some("/latest+"));
    volume.put(2).await.unwrap_err();
    volume.delete().await.unwrap_err();
    assert_eq!(volume.at().await, Some(one));
    volume.refuses_to_change(None);
    let two = volume.put(2).await.unwrap();
    assert_eq!(volume.led().await, [Some(two), Some(one)]);
}

/// Whoever removes what nobody points at must not take what cannot be read for what is not there.
#[tokio::test]
async fn what_cannot_be_read_is_not_taken_for_nothing() {
    let volume = Volume::new();
    let one = volume.put(1).await.unwrap();
    volume.delete().await.unwrap();
    for part in ["/_history", "/latest+"] {
        volume.refuses_to_read(Some(part));
        assert!(volume.registry.last_pointed_at(&name("team/app")).await.is_err(), "{part}");
    }
    volume.refuses_to_read(None);
    assert!(volume.registry.last_pointed_at(&name("team/app")).await.unwrap().contains_key(&one));
}
