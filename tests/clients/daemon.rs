//! A daemon that a test starts: it is waited for, it is ended by its process id, and its log is shown if the test fails.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a daemon may take to be ready, and to end.
const LIMIT: Duration = Duration::from_secs(40);
/// How much of its log a failed test shows, in bytes.
const SHOWN: usize = 8 * 1024;

/// A running daemon. It is ended when this is dropped.
pub(crate) struct Daemon {
    child: Child,
    log: PathBuf,
}

impl Daemon {
    /// Starts it, with its log in a file, and waits until it is ready.
    #[track_caller]
    pub(crate) fn start(command: &mut Command, log: &Path, ready: impl FnMut() -> bool) -> Daemon {
        let file = File::create(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap_or_else(|error| {
                panic!("$ {command:?}: {error}; .ci/install-clients installs the clients")
            });
        let mut daemon = Daemon {
            child,
            log: log.to_owned(),
        };
        daemon.wait_until(ready);
        daemon
    }

    #[track_caller]
    fn wait_until(&mut self, mut ready: impl FnMut() -> bool) {
        let started = Instant::now();
        while !ready() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("it ended before it was ready: {status}");
            }
            assert!(started.elapsed() < LIMIT, "it is not ready after {LIMIT:?}");
            // A foreign program tells nobody that it is ready.
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it logged.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Asks it to end and waits for it.
    pub(crate) fn stop(self) {
        drop(self);
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        end(&mut self.child);
        if std::thread::panicking() {
            let log = self.log();
            let cut = log.len().saturating_sub(SHOWN);
            let tail = String::from_utf8_lossy(&log.as_bytes()[cut..]);
            eprintln!("--- the end of {}\n{tail}", self.log.display());
        }
    }
}

/// Asks a process to end; if it does not in time, kills it.
pub(crate) fn end(child: &mut Child) {
    if !matches!(child.try_wait(), Ok(None)) {
        return;
    }
    let _ = kill_process(Pid::from_child(child), Signal::TERM);
    let started = Instant::now();
    while matches!(child.try_wait(), Ok(None)) && started.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(20));
    }
    let _ = child.kill();
    let _ = child.wait();
}
