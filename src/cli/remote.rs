//! What the commands that work on a registry have in common: it is reached, something is done with it, and what went wrong
//! is said.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::telemetry::Causes;

use super::config;
use super::reach::{Place, Purpose, Reach, ReachError};

/// Does something with the registry that is meant. What is wrong goes to `err`.
pub(super) fn run(
    place: &Place,
    err: &mut dyn Write,
    work: impl AsyncFnOnce(&Reach, &mut dyn Write) -> Result<ExitCode, ReachError>,
) -> io::Result<ExitCode> {
    let ended = reached(place, Purpose::Change, err, work)?;
    told(ended, err)
}

/// The same for collecting garbage and emptying the trash.
pub(super) fn collect(
    place: &Place,
    err: &mut dyn Write,
    work: impl AsyncFnOnce(&Reach, &mut dyn Write) -> Result<ExitCode, ReachError>,
) -> io::Result<ExitCode> {
    let ended = reached(place, Purpose::Collect, err, work)?;
    told(ended, err)
}

/// The same for what changes nothing.
pub(super) fn look(
    place: &Place,
    err: &mut dyn Write,
    work: impl AsyncFnOnce(&Reach, &mut dyn Write) -> Result<ExitCode, ReachError>,
) -> io::Result<ExitCode> {
    let ended = reached(place, Purpose::Look, err, work)?;
    told(ended, err)
}

/// Does something with the registry that is meant, and leaves it to the caller to say what went wrong.
pub(super) fn reached<T>(
    place: &Place,
    purpose: Purpose,
    err: &mut dyn Write,
    work: impl AsyncFnOnce(&Reach, &mut dyn Write) -> Result<T, ReachError>,
) -> io::Result<Result<T, ReachError>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let reach = Reach::open(place, purpose).await?;
        let ended = work(&reach, err).await;
        reach.close().await;
        ended
    }))
}

fn told(ended: Result<ExitCode, ReachError>, err: &mut dyn Write) -> io::Result<ExitCode> {
    match ended {
        Ok(code) => Ok(code),
        Err(error) => match error.config() {
            Some(error) => config::refuse(error, err),
            None => {
                writeln!(err, "{}", Causes(&error))?;
                Ok(ExitCode::FAILURE)
            }
        },
    }
}
