//! What is written down of tags, and what is told from it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;

use super::*;
use crate::registry::samples::{digest, index, name, new, open, tag};
use crate::registry::{Clock, NewManifest, Page, Precondition, Settings};
use crate::storage::{self, Filesystem};

/// A clock that shows what it is set to.
#[derive(Debug)]
struct Hands(Mutex<SystemTime>);

impl Clock for Hands {
    fn now(&self) -> SystemTime {
        *self.0.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

fn second(number: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + number)
}

/// A registry whose clock shows the first second.
fn volume() -> (tempfile::TempDir, Arc<Hands>, Registry) {
    let directory = tempfile::tempdir().unwrap();
    let storage = Filesystem::open(&storage::Settings::of(directory.path())).unwrap();
    let clock = Arc::new(Hands(Mutex::new(second(0))));
    let registry = Registry::by_the_clock(Arc::new(storage), Settings::default(), Arc::clone(&clock) as Arc<dyn Clock>);
    (directory, clock, registry)
}

pub(super) fn numbered(number: u64, tags: &[&str], by: &str) -> NewManifest {
    let mut manifest = index(&[]);
    manifest["annotations"] = serde_json::json!({"number": number.to_string()});
    NewManifest { by: Actor::named(by), ..new(&manifest, tags) }
}

async fn put(registry: &Registry, number: u64, tags: &[&str], by: &str) -> Digest {
    registry.put_manifest(&name("team/app"), numbered(number, tags, by)).await.unwrap().digest
}

async fn history(registry: &Registry, of: &str) -> Vec<Move> {
    registry.tag_history(&name("team/app"), &tag(of)).await.unwrap()
}

/// Where each move led, newest first.
async fn led(registry: &Registry, of: &str) -> Vec<Option<Digest>> {
    history(registry, of).await.iter().map(|moved| moved.to).collect()
}

fn file(directory: &Path, of: &str) -> std::path::PathBuf {
    directory.join(layout::tag_history(&name("team/app"), &tag(of)).as_str())
}

#[tokio::test]
async fn every_move_is_written_down_with_who_made_it_and_when() {
    let (_directory, clock, registry) = volume();
    let name = name("team/app");
    let set = |number| *clock.0.lock().unwrap() = second(number);
    let one = put(&registry, 1, &["latest"], "alice").await;
    set(1);
    let two = put(&registry, 2, &["latest", "v2", "v2"], "bob").await;
    set(2);
    put(&registry, 2, &["latest"], "carol").await;
    set(3);
    registry.delete_tag(&name, &tag("latest"), &Precondition::None, &Actor::unknown()).await.unwrap();
    set(4);
    registry.delete_manifest(&name, &two, &Precondition::None, &Actor::named("dora")).await.unwrap();

    let moved = |number, from, to, by: Option<&str>, how, is_there| {
        let by = by.map_or_else(Actor::unknown, Actor::named);
        Move { at: second(number), from, to, by, how, is_there }
    };
    let expected = [
        moved(3, Some(two), None, None, How::Delete, false),
        moved(1, Some(one), Some(two), Some("bob"), How::Put, false),
        moved(0, None, Some(one), Some("alice"), How::Put, true),
    ];
    assert_eq!(history(&registry, "latest").await, expected);
    let expected = [
        moved(4, Some(two), None, Some("dora"), How::DeleteManifest, false),
        moved(1, None, Some(two), Some("bob"), How::Put, false),
    ];
    assert_eq!(history(&registry, "v2").await, expected);
    let json = serde_json::to_value(&expected[0]).unwrap();
    let expected = serde_json::json!({"at": "2023-11-14T22:13:24.000Z", "from": two, "to": null, "by": "dora",
        "how": "delete-manifest", "is_there": false});
    assert_eq!(json, expected);
}

#[tokio::test]
async fn what_never_was_has_no_history() {
    let (_directory, _clock, registry) = volume();
    put(&registry, 1, &["latest"], "alice").await;
    let absent = registry.tag_history(&name("team/app"), &tag("v1")).await;
    assert!(matches!(absent, Err(RegistryError::ManifestUnknown { .. })), "{absent:?}");
    let absent = registry.tag_history(&name("team/other"), &tag("latest")).await;
    assert!(matches!(absent, Err(RegistryError::RepositoryUnknown { .. })), "{absent:?}");
    let absent = registry.tags_with_history(&name("team/other"), &Page::default()).await;
    assert!(matches!(absent, Err(RegistryError::RepositoryUnknown { .. })), "{absent:?}");
}

/// The lock of the tag puts one behind the other, and each writes down where the one before has left the tag.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_who_move_one_tag_make_one_chain() {
    let (_directory, _clock, registry) = volume();
    let who = |number: u64| format!("user{number}");
    let puts = (0..40).map(|number| {
        let (registry, by) = (registry.clone(), who(number));
        tokio::spawn(async move {
            if number % 4 == 3 {
                // Which finds the tag, or not, and the manifest that it points at.
                let (by, latest) = (Actor::named(by), tag("latest"));
                return registry.delete_tag(&name("team/app"), &latest, &Precondition::None, &by).await.is_ok();
            }
            if number % 4 == 2 {
                let digest = digest(&numbered(number - 1, &[], "").bytes);
                let by = Actor::named(by);
                return registry.delete_manifest(&name("team/app"), &digest, &Precondition::None, &by).await.is_ok();
            }
            put(&registry, number, &["latest"], &by).await;
            true
        })
    });
    let done: Vec<bool> = join_all(puts).await.into_iter().map(|end| end.unwrap()).collect();
    let mut moves = history(&registry, "latest").await;
    moves.reverse();
    let mut at = None;
    for moved in &moves {
        assert_eq!(moved.from, at, "{moves:?}");
        at = moved.to;
    }
    assert_eq!(at, registry.resolve(&name("team/app"), &tag("latest")).await.unwrap());
    for number in (0..40).filter(|number| number % 4 != 2) {
        let by = Actor::named(who(number));
        let written = moves.iter().filter(|moved| moved.by == by).count();
        assert_eq!(written, usize::from(done[usize::try_from(number).unwrap()]), "{by}");
    }
}

#[tokio::test]
async fn a_history_keeps_its_length_and_drops_what_is_oldest() {
    let (directory, clock, registry) = volume();
    let mut bytes = Vec::new();
    let at = |number: usize| (number > 0).then(|| digest(number.to_string()));
    let (first, last) = (put(&registry, 1, &["latest"], "alice").await, at(moves::MOST));
    for number in 0..moves::MOST {
        let line = Line { at: second(0), from: at(number), to: at(number + 1), by: Actor::named("a"), how: How::Put };
        serde_json::to_writer(&mut bytes, &line).unwrap();
        bytes.push(b'\n');
    }
    // From there somebody who writes nothing down brought it to the first.
    fs::write(file(directory.path(), "latest"), bytes).unwrap();
    *clock.0.lock().unwrap() = SystemTime::now() + Duration::from_secs(1);
    let two = put(&registry, 2, &["latest"], "bob").await;
    let text = fs::read_to_string(file(directory.path(), "latest")).unwrap();
    assert_eq!(text.lines().count(), moves::MOST);
    let found = history(&registry, "latest").await;
    assert_eq!((found[0].from, found[0].to), (Some(first), Some(two)));
    assert_eq!((found[1].to, found[1].how), (Some(first), How::Found));
    assert_eq!(found[2].to, last);
    assert!(found.iter().all(|moved| moved.to != at(1)), "the oldest is still there");
}

#[tokio::test]
async fn a_damaged_history_keeps_nobody_from_pushing_and_what_is_left_of_it_is_kept() {
    let (directory, clock, registry) = volume();
    // What the index fills in has the system's time.
    *clock.0.lock().unwrap() = SystemTime::now();
    let one = put(&registry, 1, &["latest"], "alice").await;
    let two = put(&registry, 2, &["latest"], "alice").await;
    *clock.0.lock().unwrap() = SystemTime::now() + Duration::from_secs(1);
    let path = file(directory.path(), "latest");
    let mut bytes = fs::read(&path).unwrap();
    bytes.truncate(bytes.len() - 20);
    fs::write(&path, bytes).unwrap();
    assert_eq!(led(&registry, "latest").await, [Some(two), Some(one)], "the tag itself says where it is");
    let three = put(&registry, 3, &["latest"], "alice").await;
    assert_eq!(led(&registry, "latest").await[..2], [Some(three), Some(two)]);
    assert!(led(&registry, "latest").await.contains(&Some(one)));
    for damage in [&b""[..], b"\0\0\0\0", &vec![b'x'; 20 * 1024 * 1024]] {
        fs::write(&path, damage).unwrap();
        put(&registry, 4, &["latest"], "alice").await;
        put(&registry, 5, &["latest"], "alice").await;
        assert!(fs::read_to_string(&path).unwrap().lines().count() >= 2);
    }
}

/// As registry:2 leaves a tag: with an index of all that it has pointed at, and no order but that of their files.
fn index_of(directory: &Path, of: &str, digests: &[(Digest, u64)]) {
    for (digest, at) in digests {
        let path = directory.join(layout::tag_index(&name("team/app"), &tag(of), digest).as_str());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, digest.to_string()).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_modified(second(*at)).unwrap();
    }
}

#[tokio::test]
async fn a_tag_that_was_there_before_has_the_history_that_its_index_gives_and_keeps_it() {
    let (directory, clock, registry) = volume();
    let one = put(&registry, 1, &["latest"], "alice").await;
    let two = put(&registry, 2, &["latest"], "alice").await;
    let three = put(&registry, 3, &["latest"], "alice").await;
    fs::remove_dir_all(directory.path().join("wharf")).unwrap();
    index_of(directory.path(), "latest", &[(three, 30), (one, 20), (two, 10)]);
    let registry_2s = history(&registry, "latest").await;
    assert_eq!(led(&registry, "latest").await, [Some(three), Some(one), Some(two)]);
    assert!(registry_2s.iter().all(|moved| moved.how == How::Found && moved.by == Actor::unknown() && moved.is_there));

    *clock.0.lock().unwrap() = second(40);
    let four = put(&registry, 4, &["latest"], "alice").await;
    registry.delete_tag(&name("team/app"), &tag("latest"), &Precondition::None, &Actor::unknown()).await.unwrap();
    assert_eq!(led(&registry, "latest").await, [None, Some(four), Some(three), Some(one), Some(two)]);
    let times = registry.last_pointed_at(&name("team/app")).await.unwrap();
    assert_eq!([one, two, three, four].map(|digest| times[&digest]), [second(40); 4]);
}

#[tokio::test]
async fn what_registry_2_did_in_between_is_found() {
    let (directory, _clock, registry) = volume();
    let one = put(&registry, 1, &["latest"], "alice").await;
    let two = put(&registry, 2, &["latest"], "alice").await;
    let three = put(&registry, 3, &["other"], "alice").await;
    let link = directory.path().join(layout::tag_current(&name("team/app"), &tag("latest")).as_str());
    index_of(directory.path(), "latest", &[(three, 50)]);
    fs::write(&link, three.to_string()).unwrap();
    let registry = open(directory.path(), Settings::default());
    assert_eq!(led(&registry, "latest").await, [Some(three), Some(two), Some(one)]);
    // Also where it went back to what is known.
    fs::write(&link, one.to_string()).unwrap();
    let registry = open(directory.path(), Settings::default());
    assert_eq!(led(&registry, "latest").await[0], Some(one));
}

#[tokio::test]
async fn deleted_tags_that_can_be_brought_back_are_listed_in_pages() {
    let (directory, clock, registry) = volume();
    let name = name("team/app");
    let one = put(&registry, 1, &["a", "a-b", "a.b", "b", "stays", "zz"], "alice").await;
    let two = put(&registry, 2, &["moved", "b"], "alice").await;
    *clock.0.lock().unwrap() = second(5);
    for gone in ["a", "a-b", "a.b", "b", "moved"] {
        registry.delete_tag(&name, &tag(gone), &Precondition::None, &Actor::named("bob")).await.unwrap();
    }
    registry.delete_manifest(&name, &two, &Precondition::None, &Actor::named("bob")).await.unwrap();
    // What a crash leaves beside a history is no history of another tag.
    fs::copy(file(directory.path(), "a"), file(directory.path(), "a").with_extension("0f8fad5b.tmp")).unwrap();
    let mut all = Vec::new();
    let mut last = None;
    loop {
        let page = registry.tags_with_history(&name, &Page { limit: Some(2), last }).await.unwrap();
        assert!(page.entries.len() == 2 || !page.more);
        last = page.entries.last().map(|entry| entry.tag.as_str().to_owned());
        all.extend(page.entries);
        if !page.more {
            break;
        }
    }
    let deleted = |text: &str| DeletedTag { tag: tag(text), digest: one, at: second(5), by: Actor::named("bob") };
    // `b` is brought back to where it was before its last manifest went, and `moved` to nothing.
    assert_eq!(all, ["a", "a-b", "a.b", "b"].map(deleted));
    assert_eq!(registry.tags_with_history(&name, &Page::default()).await.unwrap().entries, all);
}

#[tokio::test]
async fn when_a_manifest_lost_its_last_tag_is_known_of_all_tags_together() {
    let (_directory, clock, registry) = volume();
    let set = |number| *clock.0.lock().unwrap() = second(number);
    let one = put(&registry, 1, &["x", "y"], "alice").await;
    set(10);
    let two = put(&registry, 2, &["x"], "alice").await;
    set(20);
    registry.delete_tag(&name("team/app"), &tag("y"), &Precondition::None, &Actor::unknown()).await.unwrap();
    let never = put(&registry, 3, &[], "alice").await;
    set(90);
    let times = registry.last_pointed_at(&name("team/app")).await.unwrap();
    assert_eq!(times.get(&one), Some(&second(20)));
    assert_eq!(times.get(&two), Some(&second(90)));
    assert_eq!(times.get(&never), None);
}
