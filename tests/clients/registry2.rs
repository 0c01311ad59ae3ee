//! registry:2 itself, as Debian packages it: what Wharf takes a volume over from, and may give it back to.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::{Client, Said};
use crate::daemon::Daemon;
use crate::space::Space;

const PROGRAM: &str = "docker-registry";
/// What its upload URLs are signed with (`http.secret`).
pub(crate) const SECRET: &str = "known to the operator";

/// A running registry:2.
pub(crate) struct Registry2 {
    daemon: Daemon,
    /// `127.0.0.1:PORT`.
    address: String,
    _space: Space,
}

impl Registry2 {
    /// On a volume that others use before and after.
    pub(crate) fn on(volume: &Path) -> Registry2 {
        let space = Space::new();
        let config = configuration(&space, volume);
        let log = space.at("docker-registry.log");
        let mut address = None;
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg(config);
        let daemon = Daemon::start(&mut command, &log, || {
            address = listening(&log);
            address.is_some()
        });
        Registry2 { daemon, address: address.unwrap(), _space: space }
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn stop(self) {
        self.daemon.stop();
    }
}

/// What its collector says about a volume.
pub(crate) struct Collection {
    /// The digests that it found in use.
    pub(crate) marked: BTreeSet<String>,
    /// The digests that it would delete, or has.
    pub(crate) eligible: BTreeSet<String>,
}

impl Collection {
    /// What would go.
    pub(crate) fn tried(volume: &Path) -> Collection {
        Collection::by(volume, &["--dry-run"])
    }

    /// The same, with what no tag points at.
    pub(crate) fn tried_untagged(volume: &Path) -> Collection {
        Collection::by(volume, &["--dry-run", "--delete-untagged"])
    }

    /// Lets it go.
    pub(crate) fn made(volume: &Path) -> Collection {
        Collection::by(volume, &[])
    }

    #[track_caller]
    fn by(volume: &Path, options: &[&str]) -> Collection {
        let space = Space::new();
        let said =
            Client::new(PROGRAM).arg("garbage-collect").args(options).arg(configuration(&space, volume)).succeeds();
        for trouble in ["level=error", "level=fatal", "failed"] {
            assert!(!said.stderr.contains(trouble), "{said}");
        }
        Collection {
            marked: digests(&said, |line| line.contains(": marking ")),
            eligible: digests(&said, |line| line.contains(" eligible for deletion: ")),
        }
    }
}

/// The last word of each line of a kind.
fn digests(said: &Said, kind: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let lines = said.stdout.lines().filter(|line| kind(line));
    lines.filter_map(|line| line.trim().rsplit(' ').next()).map(str::to_owned).collect()
}

fn configuration(space: &Space, volume: &Path) -> PathBuf {
    let text = format!(
        "version: 0.1\nlog: {{level: info}}\n\
         storage:\n  filesystem: {{rootdirectory: {volume:?}}}\n  delete: {{enabled: true}}\n\
         http: {{addr: '127.0.0.1:0', secret: {SECRET}}}\n"
    );
    space.file("config.yml", text)
}

/// The address that the log names.
fn listening(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    let (_, rest) = text.split_once("listening on ")?;
    let end = rest.find(['"', ' ', '\n'])?;
    Some(rest[..end].to_owned())
}
