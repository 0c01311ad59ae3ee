//! What the commands that work on a registry have in common: it is reached, something is done with it, and what went wrong
//! is said.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::telemetry::Causes;

use super::config;
use super::reach::{Place, Reach, ReachError};

/// Does something with the registry that is meant. What is wrong goes to `err`.
pub(super) fn run(
    place: &Place,
    err: &mut dyn Write,
    work: impl AsyncFnOnce(&Reach, &mut dyn Write) -> Result<ExitCode, ReachError>,
) -> io::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let reach = Reach::open(place).await?;
        let ended = work(&reach, err).await;
        reach.close().await;
        ended
    });
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
