//! `wharf history`: where a tag has pointed, or which tags of a repository were deleted and can come back.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{ApiRoute, DeletedTag, DeletedTags, HowMoved, TagHistory, TagMove};
use crate::oci::{RepositoryName, Tag};

use super::named::Named;
use super::reach::{Place, Reach, ReachError, path_of};
use super::{columns, remote};

/// How many characters of a digest's hexadecimal part are shown, as docker does.
const SHORT: usize = 12;
/// How many deleted tags are asked for at once.
const PAGE: usize = 1000;

/// Show where a tag has pointed, when it was moved and by whom; or, of a repository, the deleted tags that can come back.
///
/// wharf rollback brings a tag back.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The tag, as in team/app:1.0, or the repository alone.
    #[arg(value_name = "REPOSITORY[:TAG]")]
    of: Named,
    /// Show digests whole.
    #[arg(long)]
    no_trunc: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// Runs the command. What was asked for goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    remote::look(&args.place, err, async |reach, _| {
        match &args.of.tag {
            Some(tag) => of_tag(reach, args, tag, out).await?,
            None => of_repository(reach, args, out).await?,
        }
        Ok(ExitCode::SUCCESS)
    })
}

async fn of_tag(reach: &Reach, args: &Args, tag: &Tag, out: &mut dyn Write) -> Result<(), ReachError> {
    let route = ApiRoute::TagHistory(args.of.repository.clone(), tag.clone());
    let history: TagHistory = reach.get(&path_of(&route)).await?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &history).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    let mut rows = vec![["WHEN", "BY", "HOW", "FROM", "TO", "STILL THERE"].map(str::to_owned)];
    rows.extend(history.moves.iter().map(|moved| move_row(moved, args.no_trunc)));
    Ok(columns::write(&rows, out)?)
}

fn move_row(moved: &TagMove, whole: bool) -> [String; 6] {
    let how = match moved.how {
        HowMoved::Put => "pushed",
        HowMoved::Delete => "deleted",
        HowMoved::DeleteManifest => "deleted with its manifest",
        HowMoved::RollBack => "rolled back",
        HowMoved::Restore => "brought back",
        HowMoved::Retention => "removed by retention",
        HowMoved::Found => "found in registry:2's index",
    };
    let digest = |digest: &Option<String>| digest.as_deref().map_or("-".to_owned(), |digest| shown(digest, whole));
    let is_there = if moved.is_there { "yes" } else { "no" };
    [
        moved.at.clone(),
        known(moved.by.as_deref()),
        how.to_owned(),
        digest(&moved.from),
        digest(&moved.to),
        is_there.to_owned(),
    ]
}

async fn of_repository(reach: &Reach, args: &Args, out: &mut dyn Write) -> Result<(), ReachError> {
    let deleted = every_deleted_tag(reach, &args.of.repository).await?;
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &deleted).map_err(io::Error::from)?;
        return Ok(writeln!(out)?);
    }
    let mut rows = vec![["TAG", "DELETED", "BY", "LAST AT"].map(str::to_owned)];
    rows.extend(deleted.tags.iter().map(|deleted| {
        let DeletedTag { tag, digest, at, by } = deleted;
        [tag.clone(), at.clone(), known(by.as_deref()), shown(digest, args.no_trunc)]
    }));
    Ok(columns::write(&rows, out)?)
}

/// Page by page, until one is empty.
async fn every_deleted_tag(reach: &Reach, repository: &RepositoryName) -> Result<DeletedTags, ReachError> {
    let path = path_of(&ApiRoute::DeletedTags(repository.clone()));
    let mut all: DeletedTags = reach.get(&format!("{path}?n={PAGE}")).await?;
    let mut last = all.tags.last().map(|deleted| deleted.tag.clone());
    while let Some(tag) = last {
        let next: DeletedTags = reach.get(&format!("{path}?n={PAGE}&last={tag}")).await?;
        last = next.tags.last().map(|deleted| deleted.tag.clone());
        all.tags.extend(next.tags);
    }
    Ok(all)
}

/// A name, without what would mean something to a terminal.
fn known(by: Option<&str>) -> String {
    by.map_or("-".to_owned(), |by| by.escape_debug().collect())
}

fn shown(digest: &str, whole: bool) -> String {
    match digest.split_once(':') {
        Some((_, hex)) if !whole => hex.chars().take(SHORT).collect(),
        _ => digest.to_owned(),
    }
}
