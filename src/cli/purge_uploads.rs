//! `wharf purge-uploads`: removes uploads that nobody finished, on a stopped volume or through a server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{Job, JobOutcome, Span, UploadPurge};

use super::reach::Place;
use super::{follow, remote};

/// Remove uploads that nobody finished. A server does that by itself (storage.maintenance.uploadpurging).
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// How long ago they began at least, as in 168h or 7d; without it, what the configuration says.
    #[arg(long, value_name = "TIME")]
    older_than: Option<Span>,
    /// Only count them.
    #[arg(short = 'd', long)]
    dry_run: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    remote::run(&args.place, err, async |reach, err| {
        let asked = UploadPurge { older_than: args.older_than, dry_run: args.dry_run };
        let begun: Job = reach.post("upload-purges", &asked).await?;
        let job = follow::follow(reach, begun, err).await?;
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &job).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if let Some(JobOutcome::UploadPurge { removed, unknown }) = job.result {
            let what = if args.dry_run { "would be removed" } else { "were removed" };
            writeln!(out, "{removed} abandoned uploads {what}")?;
            if unknown > 0 {
                writeln!(out, "{unknown} things among the uploads do not look like any and were left alone")?;
            }
        }
        Ok(follow::status(&job))
    })
}
