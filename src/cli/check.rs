//! `wharf check`: whether everything on a volume is as it should be, on the volume itself or through a server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{CheckTerms, Checked, Job, JobOutcome, JobState, Percent, Share};
use crate::registry::{Effort, Sample};
use crate::telemetry::Causes;

use super::reach::{Place, Purpose};
use super::{check_text, follow, remote};

/// The status when something is wrong on the volume.
const DEFECTS: u8 = 1;
/// The status when it could not be looked through.
const NOT_RUN: u8 = 2;

/// Check that everything on a volume is whole: every blob hashes to its name, every link leads somewhere, every image has
/// all that it refers to.
///
/// Exits with 0 if nothing is wrong or everything is repaired, 1 if something is wrong, and 2 if it could not look. A server
/// that runs on the volume does it itself, while clients push and pull.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Repair what can be repaired safely. What has rotted is moved into wharf/quarantine, so that the next push heals it.
    #[arg(long)]
    repair: bool,
    /// Hash only a random share of the blobs, such as 10%. Manifests are always hashed, and links always followed.
    #[arg(long, value_name = "SHARE", default_value = "100%")]
    sample: Sample,
    /// Choose the blobs of an earlier check again.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How much of the time to be busy, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    effort: Effort,
    /// Write what was found as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What was found goes to `out`, and how far it has come to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (purpose, path) = match args.repair {
        true => (Purpose::Change, "repairs"),
        false => (Purpose::Look, "checks"),
    };
    let terms = CheckTerms { sample: Some(Share(args.sample)), seed: args.seed, effort: Some(Percent(args.effort)) };
    let job = remote::reached(&args.place, purpose, err, async |reach, err| {
        let begun: Job = reach.post(path, &terms).await?;
        follow::follow(reach, begun, err).await
    })?;
    match job {
        Ok(Job { result: Some(JobOutcome::Check(checked)), .. }) => show(args, &checked, out),
        Ok(job) if job.state == JobState::Running => Ok(follow::status(&job)),
        // Why is said already.
        Ok(_) => Ok(ExitCode::from(NOT_RUN)),
        Err(error) => {
            writeln!(err, "{}", Causes(&error))?;
            Ok(ExitCode::from(NOT_RUN))
        }
    }
}

fn show(args: &Args, checked: &Checked, out: &mut dyn Write) -> io::Result<ExitCode> {
    if args.json {
        serde_json::to_writer_pretty(&mut *out, checked)?;
        writeln!(out)?;
    } else {
        check_text::show(checked, out)?;
    }
    Ok(match checked.is_clean() {
        false => ExitCode::from(DEFECTS),
        true if checked.cancelled => ExitCode::from(NOT_RUN),
        true => ExitCode::SUCCESS,
    })
}
