//! The command line: one file per command. Knows every other module and is known by none.

mod banner;
mod serve;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// A private container registry: docker push and pull, on registry:2's own volume and configuration.
#[derive(Debug, Parser)]
#[command(name = "wharf", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the registry until SIGTERM or SIGINT.
    Serve {
        /// A config.yml as of registry:2. Without one: everything on 0.0.0.0:5000, stored in ./wharf-data.
        config: Option<PathBuf>,
    },
}

/// Runs the command that the process's arguments name and says how it ended.
pub fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Serve { config } => serve::run(config.as_deref()),
    }
}
