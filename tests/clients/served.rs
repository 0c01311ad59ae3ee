//! Wharf as the clients' tests use it: its log is shown if the test fails, and it can be stopped in good order.

use std::ops::Deref;
use std::path::{Path, PathBuf};

use crate::client::Client;
use crate::daemon;
use crate::guarded;
use crate::support::{Start, Wharf};

/// How much of its log a failed test shows, in bytes.
const SHOWN: usize = 16 * 1024;

/// A running Wharf.
pub(crate) struct Served(Wharf);

impl Served {
    /// On an empty volume, at an address of this machine alone.
    pub(crate) fn start() -> Served {
        Served(Wharf::start())
    }

    /// Prepared in some way.
    pub(crate) fn with(prepared: impl FnOnce(Start) -> Start) -> Served {
        Served(prepared(Wharf::prepare()).go())
    }

    /// On a volume that others use before and after.
    pub(crate) fn on(volume: &Path) -> Served {
        let volume = volume.to_str().unwrap();
        Served::with(|start| start.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume))
    }

    /// On an empty volume, at an address that other machines could reach.
    pub(crate) fn at_address(address: &str) -> Served {
        Served::with(|start| start.env("REGISTRY_HTTP_ADDR", address))
    }

    /// With the users and the rules of the tests of access.
    pub(crate) fn guarded() -> Served {
        Served::guarded_by(guarded::RULES)
    }

    /// With those users and these rules, if any.
    pub(crate) fn guarded_by(rules: &str) -> Served {
        Served(guarded::prepare(rules).go())
    }

    /// With the users and the rules, at an address for plain http and one for https.
    pub(crate) fn guarded_at(plain: &str, secure: &str) -> Served {
        let start = guarded::prepare(guarded::RULES);
        Served(start.env("REGISTRY_HTTP_ADDR", plain).env("REGISTRY_HTTPS_ADDR", secure).go())
    }

    /// Ends it and starts it again with the same configuration at the same address. The volume is this one's still.
    pub(crate) fn restart(&mut self) -> Served {
        daemon::end(self.0.child());
        let config = std::fs::read_to_string(self.config()).unwrap();
        let (address, volume) = (self.address().to_owned(), self.volume().to_str().unwrap().to_owned());
        Served::with(|start| {
            start
                .config(&config)
                .env("REGISTRY_HTTP_ADDR", &address)
                .env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", &volume)
        })
    }

    /// A command of `wharf` with its configuration, as its operator gives it.
    pub(crate) fn command(&self, arguments: &[&str]) -> Client {
        Client::new(env!("CARGO_BIN_EXE_wharf")).args(arguments).arg(self.config())
    }

    fn config(&self) -> PathBuf {
        self.volume().join("config.yml")
    }

    /// A repository or an image of it, as clients name it.
    pub(crate) fn image(&self, name: &str) -> String {
        format!("{}/{name}", self.address())
    }

    /// Ends it as an operator would.
    pub(crate) fn stop(mut self) {
        daemon::end(self.0.child());
    }
}

impl Deref for Served {
    type Target = Wharf;

    fn deref(&self) -> &Wharf {
        &self.0
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log();
            let cut = log.len().saturating_sub(SHOWN);
            eprintln!("--- the end of wharf's log\n{}", String::from_utf8_lossy(&log.as_bytes()[cut..]));
        }
    }
}

/// The password of a user of [`Served::guarded`].
pub(crate) fn password(user: &str) -> String {
    format!("{}{user}", guarded::PASSWORD)
}
