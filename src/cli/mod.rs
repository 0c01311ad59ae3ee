//! The command line: one file per command. Knows every other module and is known by none.

mod config;

use std::io;
use std::process::ExitCode;

use clap::Parser;

/// A private container registry in one binary.
#[derive(Debug, Parser)]
#[command(name = "wharf", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Config(config::Args),
}

/// Runs the command that the process's arguments name and says how it ended.
pub fn main() -> ExitCode {
    let Cli { command } = Cli::parse();
    let ended = match command {
        Command::Config(args) => config::run(
            &args,
            config::environment(),
            &mut io::stdout().lock(),
            &mut io::stderr().lock(),
        ),
    };
    // Only standard output or standard error can have failed, so there is nobody left to tell.
    ended.unwrap_or(ExitCode::FAILURE)
}
