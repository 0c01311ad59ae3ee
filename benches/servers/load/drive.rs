//! Running one operation over and over on several connections, and what that took.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::error::LoadError;
use crate::processes;
use crate::server::Server;

/// When it is enough.
#[derive(Clone, Copy)]
pub(crate) enum Quota {
    /// After so many operations on all connections together.
    Operations(usize),
    /// When this time is over; what is under way then is still finished.
    Time(Duration),
}

/// Which operation this is.
#[derive(Clone, Copy)]
pub(crate) struct Turn {
    /// The connection's number.
    pub(crate) connection: usize,
    /// The operation's number over all connections.
    pub(crate) operation: usize,
}

/// What it took.
pub(crate) struct Ran {
    /// By the clock, in seconds.
    pub(crate) seconds: f64,
    /// How many operations were done.
    pub(crate) operations: usize,
    /// How many bytes of content were moved.
    pub(crate) bytes: u64,
    /// CPU seconds of the server, user and system.
    pub(crate) server_cpu: f64,
    /// CPU seconds of this program, user and system.
    pub(crate) load_cpu: f64,
    /// How long each operation took, from the shortest to the longest.
    latencies: Vec<Duration>,
}

/// Runs `operation`, which returns how many bytes it moved, on so many connections at once until the quota is used up or
/// one of them fails. The connections are open before the clock starts.
pub(crate) fn drive<F>(server: &Server, connections: usize, quota: Quota, operation: F) -> Result<Ran, LoadError>
where
    F: Fn(&mut Connection, Turn) -> Result<u64, LoadError> + Sync,
{
    let open: Vec<Connection> = (0..connections).map(|_| server.connect()).collect::<Result<_, _>>()?;
    let shared = Shared { next: AtomicUsize::new(0), failed: AtomicBool::new(false), first: Mutex::new(None) };
    let (server_before, load_before) = (server.cpu_seconds(), processes::own_cpu_seconds());
    let start = Instant::now();
    let done: Vec<Done> = std::thread::scope(|scope| {
        let workers: Vec<_> = open
            .into_iter()
            .enumerate()
            .map(|(number, connection)| {
                let (shared, operation) = (&shared, &operation);
                scope.spawn(move || shared.work(number, connection, quota, start, operation))
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap_or_default()).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let server_cpu = server.cpu_seconds() - server_before;
    let load_cpu = processes::own_cpu_seconds() - load_before;
    if let Some(error) = shared.first.into_inner().ok().flatten() {
        return Err(error);
    }
    let bytes = done.iter().map(|done| done.bytes).sum();
    let mut latencies: Vec<Duration> = done.into_iter().flat_map(|done| done.latencies).collect();
    latencies.sort_unstable();
    Ok(Ran { seconds, operations: latencies.len(), bytes, server_cpu, load_cpu, latencies })
}

impl Ran {
    /// How long an operation took at most, of this share of them (0 to 1).
    pub(crate) fn latency(&self, share: f64) -> Duration {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index into a list in memory")]
        let index = (self.latencies.len().saturating_sub(1) as f64 * share) as usize;
        self.latencies.get(index).copied().unwrap_or_default()
    }
}

/// What the connections know of each other.
struct Shared {
    next: AtomicUsize,
    failed: AtomicBool,
    /// The error that came first; those after it usually follow from it.
    first: Mutex<Option<LoadError>>,
}

/// What one connection has done.
#[derive(Default)]
struct Done {
    bytes: u64,
    latencies: Vec<Duration>,
}

impl Shared {
    fn work<F>(&self, number: usize, mut connection: Connection, quota: Quota, start: Instant, operation: &F) -> Done
    where
        F: Fn(&mut Connection, Turn) -> Result<u64, LoadError>,
    {
        let mut done = Done::default();
        let mut begun = start;
        loop {
            let turn = Turn { connection: number, operation: self.next.fetch_add(1, Ordering::Relaxed) };
            let enough = match quota {
                Quota::Operations(count) => turn.operation >= count,
                Quota::Time(time) => begun - start >= time,
            };
            if enough || self.failed.load(Ordering::Relaxed) {
                return done;
            }
            match operation(&mut connection, turn) {
                Ok(bytes) => done.bytes += bytes,
                Err(error) => {
                    self.failed.store(true, Ordering::Relaxed);
                    if let Ok(mut first) = self.first.lock() {
                        first.get_or_insert(error);
                    }
                    return done;
                }
            }
            // The end of one is the beginning of the next, so the clock is looked at once for each.
            let end = Instant::now();
            done.latencies.push(end - begun);
            begun = end;
        }
    }
}
