//! Wharf as the clients' tests use it: its log is shown if the test fails, and it can be stopped in good order.

use std::ops::Deref;
use std::path::Path;

use crate::daemon;
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
            eprintln!(
                "--- the end of wharf's log\n{}",
                String::from_utf8_lossy(&log.as_bytes()[cut..])
            );
        }
    }
}
