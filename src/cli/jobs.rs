//! `wharf jobs`: the long work of a server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{Job, JobState, Jobs};

use super::reach::{Place, Reach, ReachError};
use super::remote;

/// List and stop the jobs of a server.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List the jobs that run and the last that are over.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Ask a job to stop; what was done until then stays done.
    Stop {
        /// Its name, as listed.
        id: String,
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the command. What was asked for goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (Command::List { place, .. } | Command::Stop { place, .. }) = &args.command;
    remote::run(place, err, async |reach, err| {
        if reach.is_alone() {
            writeln!(err, "no server runs on this volume, so there are no jobs (--server URL asks another machine's)")?;
        }
        match &args.command {
            Command::List { json, .. } => list(reach, *json, out).await,
            Command::Stop { id, .. } => stop(reach, id, err).await,
        }
    })
}

async fn list(reach: &Reach, json: bool, out: &mut dyn Write) -> Result<ExitCode, ReachError> {
    let Jobs { jobs } = reach.get("jobs").await?;
    if json {
        serde_json::to_writer_pretty(&mut *out, &jobs).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = vec![["ID", "KIND", "STATE", "STARTED", "BY", "DONE"].map(str::to_owned)];
    rows.extend(jobs.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..5).map(width).collect();
    for row in &rows {
        for (cell, width) in row.iter().zip(&widths) {
            write!(out, "{cell:width$}  ")?;
        }
        writeln!(out, "{}", row[5])?;
    }
    Ok(ExitCode::SUCCESS)
}

fn row(job: &Job) -> [String; 6] {
    let state = match job.state {
        JobState::Running if job.stopping => "stopping",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Stopped => "stopped",
        JobState::Failed => "failed",
    };
    let done = match job.progress.total {
        Some(total) => format!("{} of {total}", job.progress.done),
        None => job.progress.done.to_string(),
    };
    let by = job.started_by.clone().unwrap_or_else(|| "-".to_owned());
    [job.id.clone(), job.kind.clone(), state.to_owned(), job.started_at.clone(), by, done]
}

async fn stop(reach: &Reach, id: &str, err: &mut dyn Write) -> Result<ExitCode, ReachError> {
    let id: String = form_urlencoded::byte_serialize(id.as_bytes()).collect();
    let job: Job = reach.delete(&format!("jobs/{id}")).await?;
    match job.state {
        JobState::Running => writeln!(err, "{} job {} is asked to stop", job.kind, job.id)?,
        JobState::Done | JobState::Stopped | JobState::Failed => {
            writeln!(err, "{} job {} is over already", job.kind, job.id)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
