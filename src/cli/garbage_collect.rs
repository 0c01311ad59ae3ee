//! `wharf garbage-collect`, and `registry garbage-collect` as registry:2 spells it: on a stopped volume or through a server.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{CollectionOutcome, GarbageCollection, Gone, Job, JobOutcome, Percent, Span};
use crate::registry::{ByteSize, Effort};

use super::reach::{Place, ReachError};
use super::{follow, remote};

/// Move into the trash what nothing leads to any more, while a server runs or not. A server does that by itself
/// (storage.maintenance.garbagecollection).
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Only say what would go.
    #[arg(short = 'd', long)]
    dry_run: bool,
    /// Remove every manifest to which no tag leads, whenever it lost its tag or whether it ever had one.
    #[arg(short = 'm', long)]
    delete_untagged: bool,
    /// Leave alone what was pushed within this time, as in 30m or 2h; without it, what the configuration says.
    #[arg(long, value_name = "TIME")]
    grace: Option<Span>,
    /// How busy the registry may be with it, in percent of the time; without it, what the configuration says, and all of it
    /// where no server runs.
    #[arg(long, value_name = "PERCENT")]
    effort: Option<Effort>,
    /// Do not name what goes.
    #[arg(short, long)]
    quiet: bool,
    /// As JSON.
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    remote::collect(&args.place, err, async |reach, err| {
        // Nobody is held up where no server runs.
        let effort = args.effort.or_else(|| reach.is_alone().then_some(Effort::FULL));
        let asked = GarbageCollection {
            dry_run: args.dry_run,
            delete_untagged: args.delete_untagged,
            grace: args.grace,
            effort: effort.map(Percent),
        };
        let begun: Job = reach.post("garbage-collections", &asked).await.map_err(with_another_way)?;
        let job = follow::follow(reach, begun, err).await?;
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &job).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if let Some(JobOutcome::GarbageCollection(outcome)) = &job.result {
            show(outcome, args.quiet, out)?;
        }
        Ok(follow::status(&job))
    })
}

/// What clients may not do, administrators among them, whoever may use the volume's files may.
fn with_another_way(error: ReachError) -> ReachError {
    match error {
        ReachError::Refused { status: status @ 405, detail } => ReachError::Refused {
            status,
            detail: format!(
                "{detail}; as it is, garbage can be collected on the registry's own machine: wharf garbage-collect CONFIG, \
                 with the configuration that the server is started with"
            ),
        },
        error => error,
    }
}

/// In registry:2's words, for the scripts that read them, and then in ours.
fn show(outcome: &CollectionOutcome, quiet: bool, out: &mut dyn Write) -> io::Result<()> {
    let CollectionOutcome { marked, blobs, manifests, .. } = outcome;
    writeln!(out, "{marked} blobs marked, {blobs} blobs and {manifests} manifests eligible for deletion")?;
    if !quiet {
        outcome.gone.iter().try_for_each(|gone| name(gone, out))?;
        if outcome.unnamed > 0 {
            writeln!(out, "and {} more that are not named", outcome.unnamed)?;
        }
    }
    let bytes = ByteSize(outcome.bytes);
    match &outcome.batch {
        _ if outcome.dry_run => writeln!(out, "{bytes} would go into the trash; nothing was changed")?,
        Some(batch) => writeln!(
            out,
            "{bytes} are in the trash and can be brought back: wharf trash restore {batch}\n\
             They are free when the trash is emptied: wharf trash empty"
        )?,
        None => writeln!(out, "There was nothing to collect.")?,
    }
    if outcome.young_blobs > 0 {
        writeln!(
            out,
            "{} blobs with {} stay although nothing leads to them, because they are young (--grace)",
            outcome.young_blobs,
            ByteSize(outcome.young_bytes)
        )?;
    }
    Ok(())
}

fn name(gone: &Gone, out: &mut dyn Write) -> io::Result<()> {
    match gone {
        Gone::Manifest { repository, digest, why, since } => {
            let since = since.as_ref().map(|since| format!(" {since}")).unwrap_or_default();
            writeln!(out, "manifest eligible for deletion: {digest} ({repository}: {why}{since})")
        }
        Gone::Blob { digest, size } => writeln!(out, "blob eligible for deletion: {digest} ({})", ByteSize(*size)),
        Gone::Repository { repository } => {
            writeln!(out, "repository eligible for deletion: {repository} (it holds nothing)")
        }
    }
}
