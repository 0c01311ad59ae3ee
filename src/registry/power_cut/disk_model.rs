//! What a disk could hold: files and directories, what was done to them, and what of that would survive.
//!
//! Bytes and names are apart: a file that is synced has its bytes, but it is found only if the directory that names it was
//! synced too. A rename is one act, that survives when the directory it leads to is synced. What is not synced survives or
//! not, each by itself. A sync of a file that failed has lost what it covered for good: a later one that works proves nothing
//! (the system may count as written what it could not write). A directory whose sync failed may be synced again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Component, Path};

use bytes::Bytes;

use super::recorder::{Event, Sync};

pub(super) type Inode = usize;

/// The directory of everything.
pub(super) const ROOT: Inode = 0;

/// A name in a directory.
pub(super) type Place = (Inode, String);

/// Something that was done.
#[derive(Clone, Debug)]
pub(super) enum Act {
    Write { file: Inode, at: u64, bytes: Bytes },
    Truncate { file: Inode, length: u64 },
    Link { place: Place, inode: Inode },
    Unlink { place: Place },
    Rename { from: Place, to: Place, inode: Inode },
}

/// How far an act would survive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Pending,
    Durable,
    /// Not even if it is synced again.
    Lost,
}

/// What is found now, while there is power.
#[derive(Clone, Debug)]
enum Node {
    Directory(BTreeMap<String, Inode>),
    File(u64),
}

/// A disk, and what was done to it.
#[derive(Clone, Debug)]
pub(super) struct DiskModel {
    nodes: Vec<Node>,
    acts: Vec<(Act, State)>,
    /// What syncs that are under way cover.
    syncing: HashMap<usize, (Vec<usize>, bool)>,
}

impl DiskModel {
    /// A disk with these directories, which survive.
    pub(super) fn new<'a>(directories: impl IntoIterator<Item = &'a Path>) -> DiskModel {
        let nodes = vec![Node::Directory(BTreeMap::new())];
        let mut disk = DiskModel { nodes, acts: Vec::new(), syncing: HashMap::new() };
        for directory in directories {
            disk.make(directory, Node::Directory(BTreeMap::new()));
        }
        disk.acts.iter_mut().for_each(|(_, state)| *state = State::Durable);
        disk
    }

    /// Everything that was done, in order.
    pub(super) fn acts(&self) -> impl Iterator<Item = &Act> {
        self.acts.iter().map(|(act, _)| act)
    }

    /// Whether an act survives for certain.
    pub(super) fn survives(&self, act: usize) -> bool {
        self.acts[act].1 == State::Durable
    }

    pub(super) fn is_directory(&self, inode: Inode) -> bool {
        matches!(self.nodes[inode], Node::Directory(_))
    }

    /// The acts of which nobody knows whether they survive, and on whose survival anything depends.
    pub(super) fn open(&self) -> Vec<usize> {
        let mut settled: BTreeSet<&Place> = BTreeSet::new();
        let mut open = Vec::new();
        for (number, (act, state)) in self.acts.iter().enumerate().rev() {
            let places: Vec<&Place> = match act {
                Act::Write { .. } | Act::Truncate { .. } => Vec::new(),
                Act::Link { place, .. } | Act::Unlink { place } => vec![place],
                Act::Rename { from, to, .. } => vec![from, to],
            };
            if *state == State::Durable {
                settled.extend(places);
            } else if places.is_empty() || places.iter().any(|place| !settled.contains(*place)) {
                open.push(number);
            }
        }
        open.reverse();
        open
    }

    /// Takes in what happened; true if what the disk could hold has changed. What cannot be done has no effect.
    pub(super) fn take(&mut self, event: &Event) -> bool {
        match event {
            Event::MakeDirectory(path) => self.make(path, Node::Directory(BTreeMap::new())),
            Event::Create(path) => self.make(path, Node::File(0)),
            Event::Append(path, bytes) => {
                let Some(file) = self.find(path) else { return false };
                let Node::File(length) = &mut self.nodes[file] else { return false };
                let at = std::mem::replace(length, *length + bytes.len() as u64);
                self.act(Act::Write { file, at, bytes: bytes.clone() });
            }
            Event::Truncate(path, length) => {
                let Some(file) = self.find(path) else { return false };
                self.nodes[file] = Node::File(*length);
                self.act(Act::Truncate { file, length: *length });
            }
            Event::Rename(from, to) => {
                let (Some(from), Some(to)) = (self.place(from), self.place(to)) else { return false };
                let Some(inode) = self.entries(from.0).remove(&from.1) else { return false };
                self.entries(to.0).insert(to.1.clone(), inode);
                self.act(Act::Rename { from, to, inode });
            }
            Event::Remove(path) | Event::RemoveDirectory(path) => {
                let Some(place) = self.place(path) else { return false };
                // It is tried whether or not anything is in it.
                if matches!(event, Event::RemoveDirectory(_)) && self.find(path).is_some_and(|at| !self.is_empty(at)) {
                    return false;
                }
                if self.entries(place.0).remove(&place.1).is_none() {
                    return false;
                }
                self.act(Act::Unlink { place });
            }
            Event::SyncBegins(number, what) => {
                self.begin_sync(*number, what);
                return false;
            }
            Event::SyncEnds(number, worked) => {
                let (covered, bytes) = self.syncing.remove(number).unwrap();
                for act in covered {
                    let state = &mut self.acts[act].1;
                    *state = match (*state, worked) {
                        (State::Pending, true) => State::Durable,
                        (State::Pending, false) if bytes => State::Lost,
                        (state, _) => state,
                    };
                }
            }
            Event::Begins(..) | Event::Ends(..) => {}
        }
        true
    }

    fn begin_sync(&mut self, number: usize, what: &Sync) {
        let inode = match what {
            Sync::All => None,
            Sync::File(path) | Sync::Directory(path) => match self.find(path) {
                Some(inode) => Some(inode),
                // It is gone; the sync was of something that nobody can find any more.
                None => {
                    self.syncing.insert(number, (Vec::new(), false));
                    return;
                }
            },
        };
        let covers = |act: &Act| match (inode, act) {
            (None, _) => true,
            (Some(inode), Act::Write { file, .. } | Act::Truncate { file, .. }) => *file == inode,
            (Some(inode), Act::Link { place, .. } | Act::Unlink { place } | Act::Rename { to: place, .. }) => {
                place.0 == inode
            }
        };
        let covered = self.acts.iter().enumerate().filter(|(_, (act, _))| covers(act)).map(|(act, _)| act).collect();
        self.syncing.insert(number, (covered, matches!(what, Sync::File(_))));
    }

    /// Whether it is a directory with nothing in it.
    fn is_empty(&self, inode: Inode) -> bool {
        matches!(&self.nodes[inode], Node::Directory(entries) if entries.is_empty())
    }

    fn make(&mut self, path: &Path, node: Node) {
        let Some(place) = self.place(path) else { return };
        if self.entries(place.0).contains_key(&place.1) {
            return;
        }
        let inode = self.nodes.len();
        self.nodes.push(node);
        self.entries(place.0).insert(place.1.clone(), inode);
        self.act(Act::Link { place, inode });
    }

    fn act(&mut self, act: Act) {
        self.acts.push((act, State::Pending));
    }

    fn entries(&mut self, directory: Inode) -> &mut BTreeMap<String, Inode> {
        match &mut self.nodes[directory] {
            Node::Directory(entries) => entries,
            Node::File(_) => panic!("{directory} is a file"),
        }
    }

    fn find(&self, path: &Path) -> Option<Inode> {
        path.components().try_fold(ROOT, |above, component| match (&self.nodes[above], component) {
            (Node::Directory(entries), Component::Normal(name)) => entries.get(name.to_str()?).copied(),
            _ => None,
        })
    }

    /// Where a path leads, whether or not there is anything.
    fn place(&self, path: &Path) -> Option<Place> {
        let directory = self.find(path.parent()?)?;
        self.is_directory(directory).then(|| (directory, path.file_name().unwrap().to_str().unwrap().to_owned()))
    }
}
