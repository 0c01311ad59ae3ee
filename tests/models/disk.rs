//! A disk in a model: what can be seen, and what would survive a power cut.

use std::io;

use loom::sync::Mutex;

use crate::shared::Kind;

/// So many names are on it.
pub(crate) const NAMES: usize = 3;

/// A few names, each with a version that only grows.
#[derive(Debug)]
pub(crate) struct Disk {
    /// A call to the system is one step: nobody sees half of it.
    names: Mutex<[Name; NAMES]>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Name {
    visible: u32,
    /// What would survive a power cut.
    durable: u32,
    /// What the system counts as written.
    written: u32,
}

impl Disk {
    pub(crate) fn new() -> Disk {
        Disk { names: Mutex::new([Name::default(); NAMES]) }
    }

    /// Changes what can be seen. Returns the new version.
    pub(crate) fn write(&self, name: usize) -> u32 {
        let mut names = self.names.lock().unwrap();
        names[name].visible += 1;
        names[name].visible
    }

    /// Puts something in a name's place that survives by itself.
    pub(crate) fn put(&self, name: usize) {
        let mut names = self.names.lock().unwrap();
        let version = names[name].visible + 1;
        names[name] = Name { visible: version, durable: version, written: version };
    }

    pub(crate) fn visible(&self, name: usize) -> u32 {
        self.names.lock().unwrap()[name].visible
    }

    pub(crate) fn durable(&self, name: usize) -> u32 {
        self.names.lock().unwrap()[name].durable
    }

    pub(crate) fn sync(&self, name: usize) {
        self.names.lock().unwrap()[name].sync();
    }

    pub(crate) fn sync_all(&self) {
        self.names.lock().unwrap().iter_mut().for_each(Name::sync);
    }

    /// A sync that fails. A file's bytes then count as written, which they are not.
    pub(crate) fn fail_to_sync(&self, name: usize, kind: Kind) -> io::Error {
        let mut names = self.names.lock().unwrap();
        match kind {
            Kind::Data => names[name].written = names[name].visible,
            Kind::Directory => {}
        }
        io::Error::from_raw_os_error(5)
    }
}

impl Name {
    fn sync(&mut self) {
        if self.written < self.visible {
            self.durable = self.visible;
            self.written = self.visible;
        }
    }
}
