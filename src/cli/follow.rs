//! Follows a job to its end: a bar on a terminal, a line now and then in a log. Ctrl-C asks the job to stop, and once more ends
//! the command.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::time::Instant;

use crate::http::api::{Job, JobProgress, JobState};

use super::reach::{Reach, ReachError};

/// How often the job is asked how far it is, the first time and at most.
const LOOKS: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));
/// How often a log has a line.
const BETWEEN_LINES: Duration = Duration::from_secs(10);
/// How wide a bar is.
const WIDTH: u64 = 30;
/// The status of a command that was interrupted, as a shell has it: 128 and the number of SIGINT.
const INTERRUPTED: u8 = 130;

/// What a job's end is to a script.
pub(super) fn status(job: &Job) -> ExitCode {
    match job.state {
        JobState::Done => ExitCode::SUCCESS,
        // One that runs was left to itself.
        JobState::Stopped | JobState::Running => ExitCode::from(INTERRUPTED),
        JobState::Failed => ExitCode::FAILURE,
    }
}

/// Follows a job, which is told to stop at the first Ctrl-C and left to itself at the second. Where no server runs, the second
/// ends it with this process, as a crash would, behind which everything is whole.
pub(super) async fn follow(reach: &Reach, job: Job, err: &mut dyn Write) -> Result<Job, ReachError> {
    let mut shown = Shown::on(io::stderr().is_terminal(), Instant::now());
    let mut job = job;
    let mut wait = LOOKS.0;
    let path = format!("jobs/{}", job.id);
    // One for all the time, so that none is missed while a server takes its time to answer.
    let mut pressed = signal(SignalKind::interrupt())?;
    let mut is_asked = false;
    while job.state == JobState::Running {
        shown.show(&job.progress, Instant::now(), err)?;
        let look = async {
            tokio::time::sleep(wait).await;
            reach.get(&path).await
        };
        tokio::select! {
            looked = look => job = looked?,
            _ = pressed.recv() => {
                shown.clear(err)?;
                if is_asked {
                    return left(reach, job, err);
                }
                is_asked = true;
                writeln!(err, "asking the job to stop; what was done until then stays done")?;
                tokio::select! {
                    asked = reach.delete(&path) => job = asked?,
                    _ = pressed.recv() => return left(reach, job, err),
                }
            }
        }
        wait = (wait * 2).min(LOOKS.1);
    }
    shown.clear(err)?;
    if let Some(error) = &job.error {
        writeln!(err, "{error}")?;
    }
    Ok(job)
}

fn left(reach: &Reach, job: Job, err: &mut dyn Write) -> Result<Job, ReachError> {
    if reach.is_alone() {
        writeln!(err, "ending at once; what was done until now stays done")?;
        std::process::exit(INTERRUPTED.into());
    }
    writeln!(err, "the job goes on until it comes to a place where it can stop: wharf jobs list")?;
    Ok(job)
}

/// What a person sees of a job that runs.
struct Shown {
    is_terminal: bool,
    /// How long what stands in the line is, in signs.
    length: usize,
    /// When the last line was written.
    last: Instant,
}

impl Shown {
    fn on(is_terminal: bool, now: Instant) -> Shown {
        Shown { is_terminal, length: 0, last: now }
    }

    fn show(&mut self, progress: &JobProgress, now: Instant, err: &mut dyn Write) -> io::Result<()> {
        if self.is_terminal {
            let line = format!("{}{}", bar(progress), words(progress));
            // Over what stood there.
            write!(err, "\r{line:length$}", length = self.length)?;
            self.length = line.chars().count();
            err.flush()
        } else if now.duration_since(self.last) >= BETWEEN_LINES {
            self.last = now;
            writeln!(err, "{}", words(progress))
        } else {
            Ok(())
        }
    }

    /// Makes room for something else.
    fn clear(&mut self, err: &mut dyn Write) -> io::Result<()> {
        if self.length > 0 {
            write!(err, "\r{:length$}\r", "", length = self.length)?;
            self.length = 0;
        }
        Ok(())
    }
}

fn bar(progress: &JobProgress) -> String {
    let Some(total) = progress.total.filter(|total| *total > 0) else { return String::new() };
    let full = u128::from(progress.done.min(total)) * u128::from(WIDTH) / u128::from(total);
    let sign = |at: u64| if u128::from(at) < full { '#' } else { '.' };
    let bar: String = (0..WIDTH).map(sign).collect();
    format!("[{bar}] ")
}

fn words(progress: &JobProgress) -> String {
    let JobProgress { phase, done, total, seconds_left } = progress;
    let counted = match total {
        Some(total) => format!("{phase}: {done} of {total}"),
        None => format!("{phase}: {done}"),
    };
    match seconds_left {
        Some(left @ ..120) => format!("{counted}, about {left} s left"),
        Some(left) => format!("{counted}, about {} min left", left.div_ceil(60)),
        None => counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn progress(done: u64, total: Option<u64>, seconds_left: Option<u64>) -> JobProgress {
        JobProgress { phase: "marking".into(), done, total, seconds_left }
    }

    #[test]
    fn a_terminal_has_a_bar_in_one_line() {
        let (mut shown, mut out) = (Shown::on(true, Instant::now()), Vec::new());
        shown.show(&progress(50, Some(100), Some(119)), Instant::now(), &mut out).unwrap();
        shown.show(&progress(7, None, None), Instant::now(), &mut out).unwrap();
        shown.clear(&mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = written.split('\r').collect();
        let half = "[###############...............] marking: 50 of 100, about 119 s left";
        assert_eq!(lines[1], half);
        assert_eq!(lines[2], format!("{:width$}", "marking: 7", width = half.len()), "nothing is left of it");
        assert!(!written.contains('\n'));
        assert_eq!(bar(&progress(5, Some(1), None)), format!("[{}] ", "#".repeat(30)));
    }

    #[test]
    fn a_log_has_a_line_every_ten_seconds() {
        let began = Instant::now();
        let (mut shown, mut out) = (Shown::on(false, began), Vec::new());
        for seconds in 0..25 {
            let now = began + Duration::from_secs(seconds);
            shown.show(&progress(seconds, Some(1000), Some(600)), now, &mut out).unwrap();
        }
        shown.clear(&mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert_eq!(written, "marking: 10 of 1000, about 10 min left\nmarking: 20 of 1000, about 10 min left\n");
    }
}
