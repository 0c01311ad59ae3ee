//! Runs a scenario once, and then starts a registry on what the disk could hold after a cut at each point of it.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::registry::{Clock, Registry, Settings};
use crate::storage::{self, Durability, Filesystem};

use super::check::{self, Manifests, Wrong};
use super::client::{Client, How, Step};
use super::cuts::{Chance, fates, thoroughness};
use super::disk_model::DiskModel;
use super::promises::Promises;
use super::recorder::{Event, Recorder, Syncs};
use super::tree::Tree;

/// On every so many disks everything is pushed again, which takes longer than all the rest.
const PUSHED: usize = 16;

/// How it is run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mode {
    pub(super) durability: Durability,
    pub(super) syncs: Syncs,
}

pub(super) const MODES: [Mode; 3] = [
    Mode { durability: Durability::Barrier, syncs: Syncs::Each },
    Mode { durability: Durability::Barrier, syncs: Syncs::AtOnce },
    Mode { durability: Durability::Full, syncs: Syncs::Each },
];

/// Time that stands still while anything is under way, and goes on by itself otherwise.
#[derive(Debug)]
struct Played(tokio::time::Instant);

impl Clock for Played {
    fn now(&self) -> SystemTime {
        SystemTime::now() + self.0.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A registry that is taken down.
pub(super) struct Stage {
    pub(super) directory: TempDir,
    pub(super) client: Client,
    pub(super) recorder: Arc<Recorder>,
    /// The directories that were there from the start.
    started: Vec<PathBuf>,
    durability: Durability,
}

/// A directory of a test's own, in memory if there is such a place: nothing here is to survive.
pub(super) fn space() -> TempDir {
    let memory = Path::new("/dev/shm");
    let near = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix("wharf-cut-").tempdir_in(near).unwrap()
}

impl Stage {
    pub(super) fn new(mode: Mode) -> Stage {
        let directory = space();
        let recorder = Arc::new(Recorder::new(directory.path(), mode.syncs));
        let settings = storage::Settings { root: directory.path().to_owned(), durability: mode.durability };
        let storage = Filesystem::open_watched(&settings, Arc::clone(&recorder) as Arc<_>).unwrap();
        let clock = Arc::new(Played(tokio::time::Instant::now()));
        let registry = Registry::by_the_clock(Arc::new(storage), Settings::default(), clock);
        let started = directories(directory.path(), Path::new(""));
        recorder.run();
        let client = Client { registry, recorder: Some(Arc::clone(&recorder)), repeats: false };
        Stage { directory, client, recorder, started, durability: mode.durability }
    }

    pub(super) fn disk(&self) -> DiskModel {
        DiskModel::new(self.started.iter().map(PathBuf::as_path))
    }

    pub(super) fn promises(&self) -> Promises {
        Promises::new(self.durability)
    }

    /// What may be found by now.
    pub(super) fn promised(&self) -> Promises {
        let mut promises = self.promises();
        self.recorder.log().iter().for_each(|event| promises.take(event));
        promises
    }
}

/// All directories, those above first.
fn directories(root: &Path, below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let path = below.join(entry.file_name());
            found.push(path.clone());
            found.extend(directories(root, &path));
        }
    }
    found
}

/// What a scenario is about: everything that is pushed in it.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) manifests: Manifests,
    /// Everything, to be pushed once more.
    again: Vec<Step>,
}

impl World {
    pub(super) fn of(steps: &[Step]) -> World {
        let mut world = World::default();
        world.add(steps);
        world
    }

    fn add(&mut self, steps: &[Step]) {
        for step in steps {
            match step {
                Step::Blob(to, content, _) | Step::Mount(_, to, content) => {
                    self.again.push(Step::Blob(to, content.clone(), How::Whole));
                }
                Step::Manifest(_, known, _) => {
                    self.manifests.insert(known.digest, known.clone());
                    self.again.push(step.clone());
                }
                Step::AtOnce(several) => several.iter().for_each(|steps| self.add(steps)),
                Step::Untag(..)
                | Step::DropManifest(..)
                | Step::DropBlob(..)
                | Step::Collect(..)
                | Step::Restore(..)
                | Step::EmptyTrash
                | Step::Pause => {}
            }
        }
    }
}

/// Runs the scenario and tries every cut; returns how many disks a registry was started on.
pub(super) async fn cut_everywhere(steps: &[Step], mode: Mode) -> usize {
    let stage = Stage::new(mode);
    stage.client.run(steps).await.unwrap();
    stage.client.run(&[Step::Pause]).await.unwrap();
    let log = stage.recorder.log();
    let tried = cut_along(&stage, &log, 0, &World::of(steps)).await;
    stage.client.registry.finish().await;
    tried
}

/// Tries every cut behind the first so many events.
pub(super) async fn cut_along(stage: &Stage, log: &[Event], behind: usize, world: &World) -> usize {
    let (mut disk, mut promises, mut chance) = (stage.disk(), stage.promises(), Chance::new(log.len() as u64));
    let mut seen = HashSet::new();
    for (point, event) in log.iter().enumerate() {
        let changed = disk.take(event);
        promises.take(event);
        if !changed || point < behind {
            continue;
        }
        let mut tried = fates(&disk, &mut chance);
        if !matches!(event, Event::Ends(..)) && thoroughness() == 1 {
            // Of what nobody has been told of yet, three of many; an answer is looked at from all sides.
            tried = (0..3).map(|_| tried.swap_remove(chance.below(tried.len()))).collect();
        }
        for fates in tried {
            let tree = Tree::after(&disk, &fates);
            if !seen.insert((tree.fingerprint(), promises.version)) {
                continue;
            }
            let push = seen.len() % (PUSHED.div_ceil(thoroughness())) == 0;
            if let Err(wrong) = start_on(&tree, &disk, &promises, world, stage.durability, push).await {
                let before: Vec<String> = log[..=point].iter().map(|event| format!("{event:.0?}")).collect();
                panic!("{wrong}\nafter a cut behind event {point}:\n{}\nwith {fates:?}", shorten(&before));
            }
        }
    }
    is_like(&disk, stage.directory.path());
    seen.len()
}

/// Tries the cuts at the end of all events that leave least: no name, or every name and torn bytes.
pub(super) async fn cut_at_the_end(stage: &Stage, log: &[Event], world: &World) -> Result<usize, Wrong> {
    let (mut disk, mut promises) = (stage.disk(), stage.promises());
    for event in log {
        disk.take(event);
        promises.take(event);
    }
    let mut tried = 0;
    for fates in fates(&disk, &mut Chance::new(log.len() as u64)).into_iter().take(5) {
        let tree = Tree::after(&disk, &fates);
        start_on(&tree, &disk, &promises, world, stage.durability, false).await?;
        tried += 1;
    }
    Ok(tried)
}

fn shorten(events: &[String]) -> String {
    let line = |event: &String| event.chars().take(220).collect::<String>();
    let last = events.len().saturating_sub(60);
    events[last..].iter().map(line).collect::<Vec<_>>().join("\n")
}

/// With power all along, the model holds what the directory does; otherwise it is wrong about the rest, too.
fn is_like(disk: &DiskModel, root: &Path) {
    let whole = disk.open().into_iter().map(|act| (act, super::tree::Fate::Whole)).collect();
    let modelled = Tree::after(disk, &whole).contents(disk);
    let real: BTreeMap<PathBuf, Vec<u8>> = check::files(root)
        .into_iter()
        // They say nothing, and are made before anything else is.
        .filter(|path| !path.ends_with("wharf/lock") && !path.ends_with("wharf/reserve"))
        .map(|path| (path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    let (modelled_names, real_names): (Vec<_>, Vec<_>) = (modelled.keys().collect(), real.keys().collect());
    assert_eq!(modelled_names, real_names);
    assert!(modelled == real, "the bytes of some file differ");
}

/// Starts a registry on a disk, looks at what it promised, and perhaps pushes everything again.
async fn start_on(
    tree: &Tree,
    disk: &DiskModel,
    promises: &Promises,
    world: &World,
    durability: Durability,
    push: bool,
) -> Result<(), Wrong> {
    let directory = space();
    tree.make(disk, directory.path());
    start_at(directory.path(), promises, world, durability, push).await
}

/// Starts a registry on a directory, looks at what it promised, and perhaps pushes everything again.
pub(super) async fn start_at(
    root: &Path,
    promises: &Promises,
    world: &World,
    durability: Durability,
    push: bool,
) -> Result<(), Wrong> {
    let settings = storage::Settings { root: root.to_owned(), durability };
    let storage = Filesystem::open(&settings).map_err(|error| error.to_string())?;
    let registry = Registry::new(Arc::new(storage), Settings::default());
    registry.recover_blobs().await.map_err(|error| error.to_string())?;
    registry.complete_referrers().await.map_err(|error| error.to_string())?;
    check::promises(&registry, promises, &world.manifests).await?;
    check::names(root)?;
    let client = Client { registry, recorder: None, repeats: true };
    if push {
        push_again(&client, world, durability).await?;
    }
    client.registry.finish().await;
    check::names(root)
}

/// Pushes everything once more, and finds it.
pub(super) async fn push_again(client: &Client, world: &World, durability: Durability) -> Result<(), Wrong> {
    let again = |error| format!("what is pushed again is refused: {error:?}");
    client.run(&world.again).await.map_err(again)?;
    let mut promises = Promises::new(durability);
    promises.expect(&world.again);
    check::promises(&client.registry, &promises, &world.manifests).await
}
