//! What a disk holds after a cut: the directories and files that can be found on it.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};

use super::disk_model::{Act, DiskModel, Inode, ROOT};

/// What becomes of something of which nobody knows whether it survives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Fate {
    Whole,
    Gone,
    /// Of what was written, the first half.
    Half,
    /// As long as it was written, but all zeroes.
    Zeroes,
}

/// What can be found.
#[derive(Debug, Hash)]
pub(super) struct Tree {
    directories: Vec<PathBuf>,
    /// Each file with the acts that made its bytes.
    files: Vec<(PathBuf, Vec<(usize, Fate)>)>,
}

impl Tree {
    /// What can be found if these are the fates of what may go either way.
    pub(super) fn after(disk: &DiskModel, fates: &HashMap<usize, Fate>) -> Tree {
        let mut entries: HashMap<Inode, BTreeMap<&str, Inode>> = HashMap::new();
        let mut bytes: HashMap<Inode, Vec<(usize, Fate)>> = HashMap::new();
        for (number, act) in disk.acts().enumerate() {
            let fate = match disk.survives(number) {
                true => Fate::Whole,
                // What has no fate does not matter: something that survives came behind it.
                false => fates.get(&number).copied().unwrap_or(Fate::Gone),
            };
            match act {
                _ if fate == Fate::Gone => {}
                Act::Write { file, .. } | Act::Truncate { file, .. } => {
                    bytes.entry(*file).or_default().push((number, fate));
                }
                Act::Link { place, inode } => {
                    entries.entry(place.0).or_default().insert(&place.1, *inode);
                }
                Act::Unlink { place } => {
                    entries.entry(place.0).or_default().remove(place.1.as_str());
                }
                Act::Rename { from, to, inode } => {
                    let left = entries.entry(from.0).or_default();
                    if left.get(from.1.as_str()) == Some(inode) {
                        left.remove(from.1.as_str());
                    }
                    entries.entry(to.0).or_default().insert(&to.1, *inode);
                }
            }
        }
        let mut tree = Tree { directories: Vec::new(), files: Vec::new() };
        let mut walk = vec![(PathBuf::new(), ROOT)];
        while let Some((path, directory)) = walk.pop() {
            for (name, inode) in entries.get(&directory).into_iter().flatten() {
                let path = path.join(name);
                match disk.is_directory(*inode) {
                    true => {
                        tree.directories.push(path.clone());
                        walk.push((path, *inode));
                    }
                    false => tree.files.push((path, bytes.get(inode).cloned().unwrap_or_default())),
                }
            }
        }
        tree
    }

    /// Two trees with one fingerprint hold the same.
    pub(super) fn fingerprint(&self) -> u64 {
        BuildHasherDefault::<DefaultHasher>::default().hash_one(self)
    }

    /// Every file with its bytes.
    pub(super) fn contents(&self, disk: &DiskModel) -> BTreeMap<PathBuf, Vec<u8>> {
        let acts: Vec<&Act> = disk.acts().collect();
        let content = |made: &[(usize, Fate)]| {
            let mut content = Vec::new();
            made.iter().for_each(|(number, fate)| apply(&mut content, acts[*number], *fate));
            content
        };
        self.files.iter().map(|(path, made)| (path.clone(), content(made))).collect()
    }

    /// Makes it, below a directory.
    pub(super) fn make(&self, disk: &DiskModel, root: &Path) {
        for directory in &self.directories {
            fs::create_dir(root.join(directory)).unwrap();
        }
        for (path, content) in self.contents(disk) {
            fs::write(root.join(path), content).unwrap();
        }
    }
}

fn apply(content: &mut Vec<u8>, act: &Act, fate: Fate) {
    let length = |length: u64| usize::try_from(length).unwrap();
    match act {
        Act::Write { at, bytes, .. } => {
            let torn = vec![0; bytes.len()];
            let bytes = match fate {
                Fate::Half => &bytes[..bytes.len() / 2],
                Fate::Zeroes => &torn,
                Fate::Whole | Fate::Gone => bytes,
            };
            let (start, end) = (length(*at), length(*at) + bytes.len());
            if content.len() < end {
                content.resize(end, 0);
            }
            content[start..end].copy_from_slice(bytes);
        }
        Act::Truncate { length: to, .. } => content.resize(length(*to), 0),
        Act::Link { .. } | Act::Unlink { .. } | Act::Rename { .. } => {}
    }
}
