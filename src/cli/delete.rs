//! `wharf delete`: a tag, a manifest, a repository, or everything below a path.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::http::api::{DeletedRepository, Job, JobOutcome, RepositoryDeletion};
use crate::oci::{Digest, RepositoryName, Tag};

use super::reach::{Place, Reach, ReachError};
use super::{follow, remote};

/// Delete a tag, a manifest with its tags, or a repository. What is deleted goes into the trash.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// team/app:1.0 is a tag, team/app@sha256:… a manifest with every tag that points at it, team/app the repository.
    what: What,
    /// With a repository: every one below it, too.
    #[arg(long)]
    below: bool,
    #[command(flatten)]
    place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum What {
    Tag(RepositoryName, Tag),
    Manifest(RepositoryName, Digest),
    Repository(RepositoryName),
}

impl std::str::FromStr for What {
    type Err = String;

    fn from_str(text: &str) -> Result<What, String> {
        let name = |text: &str| text.parse::<RepositoryName>().map_err(|error| error.to_string());
        if let Some((repository, digest)) = text.split_once('@') {
            return Ok(What::Manifest(name(repository)?, digest.parse().map_err(|error| format!("{error}"))?));
        }
        match text.split_once(':') {
            Some((repository, tag)) => {
                Ok(What::Tag(name(repository)?, tag.parse().map_err(|error| format!("{error}"))?))
            }
            None => Ok(What::Repository(name(text)?)),
        }
    }
}

/// Runs the command. What came of it goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    if args.below && !matches!(args.what, What::Repository(_)) {
        writeln!(err, "--below goes with a repository alone, such as team/app")?;
        return Ok(ExitCode::FAILURE);
    }
    let segment = |name: &RepositoryName| name.as_str().replace('/', "%2F");
    remote::run(&args.place, err, async |reach, err| match &args.what {
        What::Tag(name, tag) => {
            let () = reach.delete(&format!("repositories/{}/tags/{tag}", segment(name))).await?;
            writeln!(out, "tag {name}:{tag} is deleted; wharf rollback {name}:{tag} brings it back")?;
            Ok(ExitCode::SUCCESS)
        }
        What::Manifest(name, digest) => {
            let () = reach.delete(&format!("repositories/{}/manifests/{digest}", segment(name))).await?;
            writeln!(out, "manifest {name}@{digest} is deleted; wharf trash list says how it can be brought back")?;
            Ok(ExitCode::SUCCESS)
        }
        What::Repository(name) if args.below => below(reach, name, out, err).await,
        What::Repository(name) => {
            let deleted: DeletedRepository = reach.delete(&format!("repositories/{}", segment(name))).await?;
            say(&deleted, out)?;
            Ok(ExitCode::SUCCESS)
        }
    })
}

async fn below(
    reach: &Reach,
    name: &RepositoryName,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitCode, ReachError> {
    let begun: Job = reach.post("repository-deletions", &RepositoryDeletion { prefix: name.clone() }).await?;
    let job = follow::follow(reach, begun, err).await?;
    if let Some(JobOutcome::RepositoryDeletion { repositories }) = &job.result {
        repositories.iter().try_for_each(|deleted| say(deleted, out))?;
    }
    Ok(follow::status(&job))
}

fn say(deleted: &DeletedRepository, out: &mut dyn Write) -> io::Result<()> {
    let DeletedRepository { name, batch } = deleted;
    writeln!(out, "repository {name} is deleted; wharf trash restore {batch} brings it back")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_meant_is_read_as_docker_writes_it() {
        let name: RepositoryName = "team/app".parse().unwrap();
        let digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!("team/app".parse(), Ok(What::Repository(name.clone())));
        assert_eq!("team/app:1.0".parse(), Ok(What::Tag(name.clone(), "1.0".parse().unwrap())));
        assert_eq!(format!("team/app@{digest}").parse(), Ok(What::Manifest(name, digest.parse().unwrap())));
        for text in ["", "Team", "team/app:", "team/app@sha256:1", "registry.example.com:5000/team/app"] {
            assert!(text.parse::<What>().is_err(), "{text}");
        }
    }
}
