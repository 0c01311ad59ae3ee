//! `wharf stats`: what a volume holds, in figures.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{Job, JobOutcome, Quota, RepositoryShare, Statistics, StatisticsRequest};
use crate::oci::RepositoryName;
use crate::registry::{ByteSize, Effort};

use super::reach::Place;
use super::{follow, remote};

/// Say what a volume holds: how much is stored and what sharing saves, the largest repositories and those that grow, what
/// could be reclaimed, and how much of their quotas namespaces use.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// Only of this namespace: the repository of this name and all below it.
    #[arg(long, value_name = "NAME")]
    namespace: Option<RepositoryName>,
    /// How much of the time to be busy, in percent. Without it, a server is as busy as with a collection of garbage, and this
    /// command on a stopped volume all of the time.
    #[arg(long, value_name = "PERCENT")]
    effort: Option<Effort>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    remote::run(&args.place, err, async |reach, err| {
        let effort = args.effort.or_else(|| reach.is_alone().then_some(Effort::FULL)).map(Effort::as_percent);
        let asked = StatisticsRequest { namespace: args.namespace.clone(), effort };
        let begun: Job = reach.post("stats", &asked).await?;
        let job = follow::follow(reach, begun, err).await?;
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &job).map_err(io::Error::from)?;
            writeln!(out)?;
        } else if let Some(JobOutcome::Statistics(found)) = &job.result {
            show(found, out)?;
        }
        Ok(follow::status(&job))
    })
}

fn show(found: &Statistics, out: &mut dyn Write) -> io::Result<()> {
    let mut row = |name: &str, figure: String| writeln!(out, "{name:<22}{figure}");
    if let Some(namespace) = &found.namespace {
        row("namespace", namespace.clone())?;
    }
    row("repositories", found.repositories.to_string())?;
    row("tags", found.tags.to_string())?;
    row("manifests", found.manifests.to_string())?;
    row("blobs", found.blobs.to_string())?;
    row("held", ByteSize(found.bytes).to_string())?;
    row("without sharing", format!("{} ({} % saved)", ByteSize(found.unshared_bytes), found.saved_percent))?;
    if let Some(volume) = &found.volume {
        row("stored", ByteSize(volume.stored_bytes).to_string())?;
        let reclaimable = match (volume.reclaimable_bytes, &volume.reclaimable_unknown) {
            (Some(bytes), _) => ByteSize(bytes).to_string(),
            (None, reason) => format!("not known: {}", reason.as_deref().unwrap_or("no reason was given")),
        };
        row("reclaimable now", reclaimable)?;
        row("in the trash", format!("{} in {} batches", ByteSize(volume.trash_bytes), volume.trash_batches))?;
    }
    row("uploads under way", found.uploads.to_string())?;
    shares("largest repositories", &found.largest, out)?;
    shares("most new within 7 days", &found.growing7_days, out)?;
    shares("most new within 30 days", &found.growing30_days, out)?;
    quotas(&found.quotas, out)
}

fn shares(title: &str, shares: &[RepositoryShare], out: &mut dyn Write) -> io::Result<()> {
    if shares.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{title}")?;
    for RepositoryShare { repository, bytes } in shares {
        writeln!(out, "{:>12}  {repository}", ByteSize(*bytes))?;
    }
    Ok(())
}

fn quotas(quotas: &[Quota], out: &mut dyn Write) -> io::Result<()> {
    if quotas.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nquotas")?;
    for Quota { namespace, quota, used, percent, counted, .. } in quotas {
        let sure = if *counted { "" } else { " (being counted)" };
        let (used, quota) = (ByteSize(*used), ByteSize(*quota));
        writeln!(out, "{used:>12}  of {quota:>12}  {percent:>4} %  {namespace}{sure}")?;
    }
    Ok(())
}
