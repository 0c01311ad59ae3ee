//! Everything that a run leaves behind while it lasts: one directory and the servers. They go when the run ends, and on
//! ctrl-c or SIGTERM as well.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tokio::signal::unix::{SignalKind, signal};

/// Whether a signal has ended the run.
static ENDED: AtomicBool = AtomicBool::new(false);

/// The process groups that run.
static RUNNING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn running() -> MutexGuard<'static, Vec<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directory that holds everything of a run.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    /// Makes it below `parent`, and sees to it that it is removed on a signal.
    pub(crate) fn new(parent: &Path) -> io::Result<Scratch> {
        std::fs::create_dir_all(parent)?;
        let directory = tempfile::Builder::new().prefix("wharf-bench-").tempdir_in(parent)?;
        clean_up_on_signals(directory.path().to_owned())?;
        Ok(Scratch(directory))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Fails once a signal has ended the run. Whoever writes much asks in between, or would make anew what is being removed.
pub(crate) fn still_wanted() -> io::Result<()> {
    if ENDED.load(Ordering::Relaxed) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
}

/// Notes a process group that must not outlive this program.
pub(crate) fn started(group: u32) {
    running().push(group);
}

/// Kills a process group. The caller waits for its leader.
pub(crate) fn kill(group: u32) {
    running().retain(|other| *other != group);
    signal_group(group);
}

fn signal_group(group: u32) {
    if let Some(group) = i32::try_from(group).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

fn clean_up_on_signals(directory: PathBuf) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _entered = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        ENDED.store(true, Ordering::Relaxed);
        // Held until the end, so that nothing is started any more.
        let groups = running();
        groups.iter().copied().for_each(signal_group);
        // What the servers were still writing may need a second pass.
        let _ = std::fs::remove_dir_all(&directory).or_else(|_| std::fs::remove_dir_all(&directory));
        std::process::exit(130);
    });
    Ok(())
}
