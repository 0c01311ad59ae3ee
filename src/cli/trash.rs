//! `wharf trash`: what was removed, until it is removed for good.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{Job, JobOutcome, Span, Trash, TrashBatch, TrashEmptying};
use crate::registry::{BatchId, ByteSize};

use super::reach::{Place, Reach, ReachError};
use super::{follow, remote};

/// List, bring back and remove for good what was removed.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// List what is in the trash.
    List {
        /// As JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        place: Place,
    },
    /// Bring back what one action has removed. What was put in its place since then stays.
    Restore {
        /// The batch, as listed.
        batch: String,
        #[command(flatten)]
        place: Place,
    },
    /// Remove for good what is in the trash, which frees its room.
    Empty {
        /// Only this batch, as listed.
        #[arg(long)]
        batch: Option<BatchId>,
        /// Only what was removed so long ago, as in 24h or 7d.
        #[arg(long, value_name = "TIME")]
        older_than: Option<Span>,
        #[command(flatten)]
        place: Place,
    },
}

/// Runs the command. What was asked for goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (Command::List { place, .. } | Command::Restore { place, .. } | Command::Empty { place, .. }) = &args.command;
    let work = async |reach: &Reach, err: &mut dyn Write| match &args.command {
        Command::List { json, .. } => list(reach, *json, out).await,
        Command::Restore { batch, .. } => restore(reach, batch, out, err).await,
        Command::Empty { batch, older_than, .. } => empty(reach, batch.as_ref(), *older_than, out, err).await,
    };
    match &args.command {
        Command::Empty { .. } => remote::collect(place, err, work),
        Command::List { .. } | Command::Restore { .. } => remote::run(place, err, work),
    }
}

async fn list(reach: &Reach, json: bool, out: &mut dyn Write) -> Result<ExitCode, ReachError> {
    let trash: Trash = reach.get("trash").await?;
    if json {
        serde_json::to_writer_pretty(&mut *out, &trash).map_err(io::Error::from)?;
        writeln!(out)?;
        return Ok(ExitCode::SUCCESS);
    }
    for batch in &trash.batches {
        show(batch, out)?;
    }
    match trash.batches.len() {
        0 => writeln!(out, "There is nothing in the trash.")?,
        count => writeln!(out, "{count} batches with {}", ByteSize(trash.bytes))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn show(batch: &TrashBatch, out: &mut dyn Write) -> io::Result<()> {
    let what = batch.what.as_deref().unwrap_or("unknown");
    let by = batch.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    writeln!(out, "{}  {what}{by}", batch.id)?;
    let (manifests, blobs, bytes) = (batch.manifests, batch.blobs, ByteSize(batch.bytes));
    writeln!(out, "    {manifests} manifests, {blobs} blobs, {bytes}")?;
    if !batch.repositories.is_empty() {
        writeln!(out, "    of {}", batch.repositories.join(", "))?;
    }
    match (&batch.damaged, &batch.kept_until) {
        (Some(line), _) => {
            writeln!(out, "    line {line} of its log cannot be read: it is kept until you remove its directory")
        }
        (None, Some(until)) => writeln!(out, "    kept until {until}"),
        (None, None) => Ok(()),
    }
}

async fn restore(reach: &Reach, batch: &str, out: &mut dyn Write, err: &mut dyn Write) -> Result<ExitCode, ReachError> {
    let batch: String = form_urlencoded::byte_serialize(batch.as_bytes()).collect();
    let begun: Job = reach.post(&format!("trash/{batch}/restoration"), &serde_json::json!({})).await?;
    let job = follow::follow(reach, begun, err).await?;
    if let Some(JobOutcome::TrashRestoration(restored)) = &job.result {
        for repository in &restored.repositories {
            writeln!(out, "repository {repository} is back")?;
        }
        let (manifests, tags, blobs) = (restored.manifests, restored.tags, restored.blobs);
        writeln!(out, "{manifests} manifests, {tags} tags and {blobs} blobs are back")?;
        for lost in &restored.lost {
            writeln!(err, "{lost} cannot be brought back: its content was removed for good, or no batch has it")?;
        }
        if !restored.lost.is_empty() {
            writeln!(err, "What needs it has no tags. Push it again, then bring this batch back once more.")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(follow::status(&job))
}

async fn empty(
    reach: &Reach,
    batch: Option<&BatchId>,
    older_than: Option<Span>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitCode, ReachError> {
    let asked = TrashEmptying { batch: batch.cloned(), older_than };
    let begun: Job = reach.post("trash-emptyings", &asked).await?;
    let job = follow::follow(reach, begun, err).await?;
    if let Some(JobOutcome::TrashEmptying { batches, blobs, bytes }) = job.result {
        writeln!(out, "{batches} batches with {blobs} blobs are gone for good, which frees {}", ByteSize(bytes))?;
    }
    Ok(follow::status(&job))
}
