//! `wharf config`: whether a configuration is one, and what holds under it. Serves nothing and changes nothing.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use crate::config::{Config, ConfigError};

use crate::telemetry::Causes;

/// The status when a configuration cannot be used: `EX_CONFIG` of `sysexits.h`.
pub(super) const UNUSABLE: u8 = 78;

/// The status when a file cannot be read: `EX_NOINPUT` of `sysexits.h`.
const UNREADABLE: u8 = 66;

/// Check a configuration, or show everything that holds under it.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Say whether Wharf can start with a file and the REGISTRY_* variables that are set.
    ///
    /// Exits with 0 if it can, 78 if it cannot, and 66 if the file cannot be read.
    Check {
        /// The file, as for registry:2.
        file: PathBuf,
    },
    /// Write everything that holds as YAML, each value with where it was written. Secrets are masked.
    Show {
        /// The file, as for registry:2; without it the one that REGISTRY_CONFIGURATION_PATH names, or else what holds
        /// when Wharf is started without one.
        file: Option<PathBuf>,
    },
}

/// Runs the command. What was asked for goes to `out`, and what is odd or wrong to `err`.
pub(super) fn run(
    args: &Args,
    environment: impl IntoIterator<Item = (String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let file = match &args.command {
        Command::Check { file } => Some(file.as_path()),
        Command::Show { file } => file.as_deref(),
    };
    let (config, warnings) = match Config::load(file, environment) {
        Ok(loaded) => loaded,
        Err(error) => return refuse(&error, err),
    };
    for warning in &warnings {
        writeln!(err, "{warning}")?;
    }
    match &args.command {
        Command::Check { file } => {
            writeln!(out, "{}: Wharf can start with this configuration.", file.display())?;
        }
        Command::Show { .. } => config.show(out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Writes an error with its causes, and answers with its status.
pub(super) fn refuse(error: &ConfigError, err: &mut dyn Write) -> io::Result<ExitCode> {
    writeln!(err, "{}", Causes(error))?;
    let unread = matches!(error, ConfigError::Unreadable { .. } | ConfigError::NamedFile { .. });
    let status = if unread { UNREADABLE } else { UNUSABLE };
    Ok(ExitCode::from(status))
}

/// The environment of the process as the configuration takes it; what is not UTF-8 in it is replaced.
pub(super) fn environment() -> impl Iterator<Item = (String, String)> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(move |(name, value)| (text(name), text(value)))
}
