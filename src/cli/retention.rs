//! `wharf retention`: which tags the rules of retention keep, and removing the others.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{Job, JobOutcome, RetainedTag, RetentionPreview, RetentionRun, TagFate};

use super::reach::{Place, Reach, ReachError};
use super::{follow, remote};

/// As many tags are asked for at once.
const PAGE: usize = 10_000;

/// Preview and apply the rules about which tags stay (retention).
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Say which tags would go, and what keeps the others. Nothing is changed.
    Preview {
        /// List the tags that stay, too.
        #[arg(short = 'a', long)]
        all: bool,
        #[command(flatten)]
        common: Common,
    },
    /// Remove the tags that no rule keeps. They can be brought back while the collection leaves their manifests.
    Run {
        /// Only count them.
        #[arg(short = 'd', long)]
        dry_run: bool,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Clone, Debug, clap::Args)]
struct Common {
    /// Only in these repositories, as in team/**.
    #[arg(long, value_name = "PATTERN")]
    repository: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (Command::Preview { common, .. } | Command::Run { common, .. }) = &args.command;
    remote::run(&common.place, err, async |reach, err| match &args.command {
        Command::Preview { all, common } => preview(reach, common, *all, out, err).await,
        Command::Run { dry_run, common } => apply(reach, common, *dry_run, out, err).await,
    })
}

async fn preview(
    reach: &Reach,
    common: &Common,
    all: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitCode, ReachError> {
    let mut kept: BTreeMap<(TagFate, Option<String>), u64> = BTreeMap::new();
    let (mut removed, mut last) = (0_u64, None);
    loop {
        let page: RetentionPreview = reach.get(&path(common.repository.as_deref(), last.as_deref())).await?;
        if page.rules == 0 {
            writeln!(err, "there are no rules, so nothing goes (retention.rules)")?;
        }
        for tag in page.tags {
            let goes = tag.fate == TagFate::Removed;
            match goes {
                true => removed += 1,
                false => *kept.entry((tag.fate, tag.rule.clone())).or_default() += 1,
            }
            if goes || all {
                show(&tag, common.json, out)?;
            }
        }
        last = page.next;
        if last.is_none() {
            break;
        }
    }
    if !common.json {
        let stay: u64 = kept.values().sum();
        writeln!(out, "{removed} tags would go and {stay} would stay")?;
        for ((fate, rule), count) in kept {
            writeln!(out, "  {count} stay: {}", reason(fate, rule.as_deref()))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line for each tag; as JSON, one value for each line.
fn show(tag: &RetainedTag, json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, tag).map_err(io::Error::from)?;
        return writeln!(out);
    }
    let does = if tag.fate == TagFate::Removed { "goes " } else { "stays" };
    writeln!(out, "{does}  {}:{}  {}", tag.repository, tag.tag, reason(tag.fate, tag.rule.as_deref()))
}

fn reason(fate: TagFate, rule: Option<&str>) -> String {
    let rule = rule.unwrap_or("no rule");
    match fate {
        TagFate::Removed => format!("{rule} keeps it for no reason"),
        TagFate::NoRule => "no rule is about them".to_owned(),
        TagFate::Immutable => format!("immutable ({rule})"),
        TagFate::Matching => format!("matching ({rule})"),
        TagFate::Newest => format!("newest ({rule})"),
        TagFate::YoungerThan => format!("youngerthan ({rule})"),
        TagFate::PulledWithin => format!("pulledwithin ({rule})"),
        TagFate::NotYetPulled => format!("pulledwithin: moved within that time ({rule})"),
        TagFate::PullsUnknown => format!("pulledwithin: pulls have not been counted for that long ({rule})"),
    }
}

fn path(repository: Option<&str>, last: Option<&str>) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("n", &PAGE.to_string());
    query.extend_pairs(repository.map(|pattern| ("repository", pattern)));
    query.extend_pairs(last.map(|last| ("last", last)));
    format!("retention?{}", query.finish())
}

async fn apply(
    reach: &Reach,
    common: &Common,
    dry_run: bool,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitCode, ReachError> {
    let asked = RetentionRun { dry_run, repository: common.repository.clone() };
    let begun: Job = reach.post("retention-runs", &asked).await?;
    let job = follow::follow(reach, begun, err).await?;
    if common.json {
        serde_json::to_writer_pretty(&mut *out, &job).map_err(io::Error::from)?;
        writeln!(out)?;
    } else if let Some(JobOutcome::Retention { repositories, tags, removed, spared }) = job.result {
        let what = if dry_run { "would be removed" } else { "were removed" };
        writeln!(out, "{removed} of {tags} tags in {repositories} repositories {what}")?;
        if spared > 0 {
            writeln!(out, "{spared} were moved, removed or pulled meanwhile and were left alone")?;
        }
    }
    Ok(follow::status(&job))
}
