//! Taking a directory into use: can it be read and written, and if not, what is to be done.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use uuid::Uuid;

use super::disk::Disk;
#[cfg(test)]
use super::disk::Watch;
use super::durable::Durable;
use super::lane::Lane;
use super::listing::Listings;
use super::read::Buffers;
use super::reserve::Reserve;
use super::volume_lock::{Hold, VolumeLock};
use super::{Filesystem, Shelf};
use crate::storage::{Durability, Settings};

/// Why a directory cannot be taken into use.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot {action} {path} as user {user}, group {group}: {cause}\n{remedy}",
    path = path.display()
)]
pub struct OpenError {
    action: &'static str,
    path: PathBuf,
    user: u32,
    group: u32,
    remedy: String,
    /// In the sentence itself, before the remedy, and so not a source to be printed behind it.
    cause: io::Error,
}

impl Filesystem {
    /// Takes the directory into use, making it if it is not there, and proves that it can be written. Others may use it at
    /// the same time, but nobody who has to be alone.
    pub fn open(settings: &Settings) -> Result<Filesystem, OpenError> {
        Filesystem::open_on(Disk::default(), settings, Hold::Shared)
    }

    /// Takes a directory that is there into use if nobody else has it, and keeps others from it.
    ///
    /// # Errors
    ///
    /// Also when a server runs on it ([`OpenError::is_held`]).
    pub fn open_alone(settings: &Settings) -> Result<Filesystem, OpenError> {
        let root = &settings.root;
        fs::read_dir(root).map_err(|error| OpenError::new("read", root, root, error))?;
        Filesystem::open_on(Disk::default(), settings, Hold::Alone)
    }

    /// Takes the directory into use through somebody who watches.
    #[cfg(test)]
    pub(crate) fn open_watched(settings: &Settings, watch: Arc<dyn Watch>) -> Result<Filesystem, OpenError> {
        Filesystem::open_on(Disk::watched(watch), settings, Hold::Shared)
    }

    fn open_on(disk: Disk, settings: &Settings, hold: Hold) -> Result<Filesystem, OpenError> {
        let root = &settings.root;
        fs::create_dir_all(root).map_err(|error| OpenError::new("make the directory", root, root, error))?;
        // The parts that registry:2 or an operator may have made for another user.
        let v2 = root.join("docker/registry/v2");
        let parts = [root.join("wharf"), v2.join("blobs"), v2.join("repositories")];
        // Before anything is changed, and in a directory that the probe below would have made.
        fs::create_dir_all(&parts[0]).map_err(|error| OpenError::new("make the directory", root, &parts[0], error))?;
        let lock = VolumeLock::take(root, hold)
            .map_err(|error| OpenError::new("lock", root, &VolumeLock::path(root), error))?;
        for part in &parts {
            fs::create_dir_all(part).map_err(|error| OpenError::new("make the directory", root, part, error))?;
            probe(part).map_err(|error| OpenError::new("write in", root, part, error))?;
            if settings.durability != Durability::None {
                // Whoever was killed here may have left what is not synced. From here on we know what is not.
                let synced = File::open(part).and_then(|part| disk.sync_all(&part));
                synced.map_err(|error| OpenError::new("sync", root, part, error))?;
            }
        }
        Reserve::of(root).set_aside();
        Filesystem::over(disk, settings, lock)
    }

    /// Takes the directory into use for reading alone.
    pub fn open_read_only(settings: &Settings) -> Result<Filesystem, OpenError> {
        let root = &settings.root;
        fs::read_dir(root).map_err(|error| OpenError::new("read", root, root, error))?;
        Filesystem::over(Disk::default(), settings, VolumeLock::none())
    }

    fn over(disk: Disk, settings: &Settings, lock: VolumeLock) -> Result<Filesystem, OpenError> {
        let Settings { root, durability } = settings.clone();
        let durable =
            Durable::new(&disk, &root, durability).map_err(|error| OpenError::new("open", &root, &root, error))?;
        let listings = Listings::new(&disk);
        let reserve = Reserve::of(&root);
        let shelf =
            Shelf { disk, lane: Lane::default(), durable, durability, listings, buffers: Arc::new(Buffers::default()) };
        Ok(Filesystem { root, shelf: Arc::new(shelf), lock: Arc::new(lock), reserve: Arc::new(reserve) })
    }
}

/// Writes, syncs and removes a small file.
fn probe(directory: &Path) -> io::Result<()> {
    let path = directory.join(format!(".probe-{}.tmp", Uuid::new_v4()));
    let written = File::create_new(&path).and_then(|mut file| {
        file.write_all(b"wharf")?;
        file.sync_all()
    });
    let removed = fs::remove_file(&path);
    written.and(removed)
}

impl OpenError {
    /// Whether it is there and somebody else has it: a server, or a command that is alone with it.
    pub fn is_held(&self) -> bool {
        self.cause.kind() == io::ErrorKind::WouldBlock
    }

    fn new(action: &'static str, root: &Path, path: &Path, cause: io::Error) -> OpenError {
        let (user, group) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let shown = root.display();
        let remedy = match cause.kind() {
            io::ErrorKind::WouldBlock => format!(
                "Another program works on this volume: a server runs on it, or a command such as wharf purge-uploads is \
                 alone with it. Wait for the command, or stop the server that uses {shown}."
            ),
            io::ErrorKind::PermissionDenied => format!(
                "Either the directory belongs to another user: chown -R {user}:{group} {shown}\n\
                 or, with Docker or Podman on a host with SELinux, the volume is not labelled for containers: add :Z to it, \
                 as in -v /srv/registry:/var/lib/registry:Z (--privileged is not needed)."
            ),
            io::ErrorKind::ReadOnlyFilesystem => "The file system is mounted read-only. Mount it writable (a volume with :ro \
                 loses the :ro), or set storage.maintenance.readonly.enabled: true to serve what is there."
                .to_owned(),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "The disk or the quota is full. Make room, or set storage.maintenance.readonly.enabled: true to serve what \
                 is there."
                    .to_owned()
            }
            io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => {
                format!("A part of {} is a file. Set storage.filesystem.rootdirectory to a directory.", path.display())
            }
            _ => "Set storage.filesystem.rootdirectory (REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY) to a directory that can be \
                  written."
                .to_owned(),
        };
        OpenError { action, path: path.to_owned(), user, group, remedy, cause }
    }
}
