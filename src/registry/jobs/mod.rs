//! Jobs: long work that somebody asked for, with a name to ask for it by, how far it has come, and what came of it.
//!
//! The registry has them, and not the front door: its end stops them and waits for them as for every other change, and a
//! command that works on a stopped volume follows them as one does that asks a server. Of each kind one runs at a time, and
//! of those that are over the last [`MOST_FINISHED`] are remembered, so there are never many. They end with the process.

mod progress;
mod report;

use std::collections::VecDeque;
use std::error::Error;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use super::{Actor, Registry, RegistryError, Result};

pub use progress::{Progress, ProgressNow};
pub use report::{JobId, JobIdError, JobKind, JobReport, JobResult, JobState};

/// As many jobs that are over are remembered.
const MOST_FINISHED: usize = 100;
/// Of as many of these everything is remembered, of those before only figures.
const MOST_WHOLE: usize = 10;

/// What the work of a job is given: where to note how far it has come, and what tells it to stop. Cheap to clone.
#[derive(Clone, Debug)]
pub struct JobHandle {
    /// How far it has come.
    pub progress: Arc<Progress>,
    /// Cancelled when the work should stop at the next good place. What was done until then stays done.
    pub stop: CancellationToken,
}

/// How the work of a job ended.
#[derive(Debug)]
pub enum Ended<T = JobResult> {
    /// All of it was done.
    Whole(T),
    /// It was stopped; this much was done.
    Stopped(T),
    /// It failed; this much was done before.
    Failed(T, RegistryError),
}

impl<T> Ended<T> {
    /// What was done by work that ended like this.
    pub(super) fn of(done: T, ended: Result<()>) -> Ended<T> {
        match ended {
            Ok(()) => Ended::Whole(done),
            Err(RegistryError::Stopped) => Ended::Stopped(done),
            Err(error) => Ended::Failed(done, error),
        }
    }

    /// With what was done as something else.
    pub fn map<U>(self, into: impl FnOnce(T) -> U) -> Ended<U> {
        match self {
            Ended::Whole(done) => Ended::Whole(into(done)),
            Ended::Stopped(done) => Ended::Stopped(into(done)),
            Ended::Failed(done, error) => Ended::Failed(into(done), error),
        }
    }

    /// What was done, for who wants all of it or nothing.
    ///
    /// # Errors
    ///
    /// Why it failed, or [`RegistryError::Stopped`].
    pub fn whole(self) -> Result<T> {
        match self {
            Ended::Whole(done) => Ok(done),
            Ended::Stopped(_) => Err(RegistryError::Stopped),
            Ended::Failed(_, error) => Err(error),
        }
    }
}

/// The jobs of one registry.
#[derive(Debug, Default)]
pub(super) struct Jobs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    running: Vec<Arc<Job>>,
    /// Those that are over, the latest at the end.
    finished: VecDeque<JobReport>,
    /// Whether the registry ends, so that what begins now has to stop at once.
    ending: bool,
}

/// A job that runs.
#[derive(Debug)]
struct Job {
    id: JobId,
    kind: JobKind,
    by: Actor,
    started: SystemTime,
    handle: JobHandle,
}

impl Job {
    fn failed(&self, error: &(dyn Error + 'static), reason: String, done: Option<JobResult>) -> JobState {
        error!(job = %self.id, kind = %self.kind, error, "a job failed");
        JobState::Failed { reason, done }
    }

    fn report(&self, state: JobState, ended: Option<SystemTime>) -> JobReport {
        JobReport {
            id: self.id,
            kind: self.kind,
            by: self.by.clone(),
            started: self.started,
            ended,
            stopping: self.handle.stop.is_cancelled(),
            progress: self.handle.progress.now(),
            state,
        }
    }
}

impl Jobs {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells every job to stop, and each that begins from now on.
    pub(super) fn end(&self) {
        let mut known = self.known();
        known.ending = true;
        known.running.iter().for_each(|job| job.handle.stop.cancel());
    }

    fn begin(&self, job: Arc<Job>) -> Result<()> {
        let mut known = self.known();
        if let Some(other) = known.running.iter().find(|other| other.kind == job.kind) {
            return Err(RegistryError::JobRunning { kind: job.kind, job: other.id });
        }
        if known.ending {
            job.handle.stop.cancel();
        }
        known.running.push(job);
        Ok(())
    }

    fn finish(&self, job: &Job, state: JobState, ended: SystemTime) {
        let mut known = self.known();
        known.running.retain(|other| other.id != job.id);
        if known.finished.len() == MOST_FINISHED {
            known.finished.pop_front();
        }
        known.finished.push_back(job.report(state, Some(ended)));
        if let Some(older) = known.finished.iter_mut().rev().nth(MOST_WHOLE) {
            older.state.keep_figures();
        }
    }
}

impl Registry {
    /// Begins a job. The work goes on when the one who asked for it has gone away; if it panics, the job has failed.
    ///
    /// # Errors
    ///
    /// When another of this kind runs ([`RegistryError::JobRunning`]).
    pub fn start_job<W>(&self, kind: JobKind, by: Actor, work: impl FnOnce(JobHandle) -> W) -> Result<JobReport>
    where
        W: Future<Output = Result<Ended>> + Send + 'static,
    {
        let progress = Arc::new(Progress::new(Arc::clone(&self.clock)));
        let handle = JobHandle { progress, stop: CancellationToken::new() };
        let job = Arc::new(Job { id: JobId::random(), kind, by, started: self.clock.now(), handle });
        self.jobs.begin(Arc::clone(&job))?;
        info!(job = %job.id, %kind, by = %job.by, "a job begins");
        let begun = job.report(JobState::Running, None);
        let (registry, working) = (self.clone(), tokio::spawn(work(job.handle.clone())));
        // The end of the registry waits for this.
        self.work.spawn(async move {
            let state = match working.await {
                Ok(Ok(Ended::Whole(result))) => JobState::Done(result),
                Ok(Ok(Ended::Stopped(result))) => JobState::Stopped(Some(result)),
                // It was stopped before it had begun, as while it waited for other work.
                Ok(Err(RegistryError::Stopped)) => JobState::Stopped(None),
                Ok(Ok(Ended::Failed(done, error))) => job.failed(&error, error.to_string(), Some(done)),
                Ok(Err(error)) => job.failed(&error, error.to_string(), None),
                Err(panicked) => {
                    job.failed(&panicked, "the work stopped in the middle; the log says why".to_owned(), None)
                }
            };
            info!(job = %job.id, %kind, state = state.as_str(), "a job is over");
            registry.jobs.finish(&job, state, registry.clock.now());
        });
        Ok(begun)
    }

    /// The jobs that run and those that are over, the one that began last first.
    pub fn jobs(&self) -> Vec<JobReport> {
        let known = self.jobs.known();
        let running = known.running.iter().map(|job| job.report(JobState::Running, None));
        let mut all: Vec<JobReport> = running.chain(known.finished.iter().cloned()).collect();
        all.sort_by_key(|job| std::cmp::Reverse(job.started));
        all
    }

    /// One of them.
    pub fn job(&self, id: JobId) -> Result<JobReport> {
        let known = self.jobs.known();
        let running = known.running.iter().find(|job| job.id == id);
        let finished = || known.finished.iter().find(|job| job.id == id).cloned();
        let found = running.map(|job| job.report(JobState::Running, None)).or_else(finished);
        found.ok_or(RegistryError::JobUnknown(id))
    }

    /// Asks a job to stop, and says how it is. Asking one that is over is no error.
    pub fn stop_job(&self, id: JobId) -> Result<JobReport> {
        if let Some(job) = self.jobs.known().running.iter().find(|job| job.id == id) {
            job.handle.stop.cancel();
        }
        self.job(id)
    }
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;
