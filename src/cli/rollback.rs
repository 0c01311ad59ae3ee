//! `wharf rollback`: points a tag back at where it was, or at a manifest that is there. A deleted tag comes back so.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use crate::http::api::{ApiRoute, PointTag, PointedTag};
use crate::oci::{Digest, DigestError};

use super::named::NamedTag;
use super::reach::{Place, path_of};
use super::remote;

/// Point a tag back at where it was before, or at a manifest that the repository still holds. A deleted tag comes back.
///
/// wharf history shows where it has been.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The tag, as in team/app:1.0.
    #[arg(value_name = "REPOSITORY:TAG")]
    tag: NamedTag,
    /// The manifest's digest; without it, where the tag was before, or where it was when it was deleted.
    #[arg(value_name = "DIGEST")]
    to: Option<Target>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// What stands behind the tag: a digest, or already the configuration.
#[derive(Clone, Debug)]
enum Target {
    Manifest(Digest),
    Config(PathBuf),
}

impl FromStr for Target {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Target, DigestError> {
        let is_file = [".yml", ".yaml"].iter().any(|end| text.ends_with(end));
        if is_file { Ok(Target::Config(text.into())) } else { text.parse().map(Target::Manifest) }
    }
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    let (digest, place) = match &args.to {
        None => (None, args.place.clone()),
        Some(Target::Manifest(digest)) => (Some(*digest), args.place.clone()),
        Some(Target::Config(file)) => match args.place.clone().with_config(file.clone()) {
            Some(place) => (None, place),
            None => {
                writeln!(err, "{} is no digest; name the configuration once, and none with --server", file.display())?;
                return Ok(ExitCode::FAILURE);
            }
        },
    };
    remote::run(&place, err, async |reach, _| {
        let route = ApiRoute::PointTag(args.tag.repository.clone(), args.tag.tag.clone());
        let pointed: PointedTag = reach.put(&path_of(&route), &PointTag { digest }).await?;
        if args.json {
            serde_json::to_writer_pretty(&mut *out, &pointed).map_err(io::Error::from)?;
            writeln!(out)?;
            return Ok(ExitCode::SUCCESS);
        }
        let (tag, PointedTag { from, to, .. }) = (&args.tag, &pointed);
        match from {
            Some(from) if from == to => writeln!(out, "{tag} points at {to} already")?,
            Some(from) => writeln!(out, "{tag} points at {to} now; it was at {from}")?,
            None => writeln!(out, "{tag} is back and points at {to}")?,
        }
        Ok(ExitCode::SUCCESS)
    })
}
