//! The command line: one file per command. Knows every other module and is known by none.

mod access;
mod allocator;
mod background;
mod banner;
mod check;
mod check_text;
mod columns;
mod config;
mod delete;
mod follow;
mod garbage_collect;
mod health;
mod history;
mod image;
mod jobs;
mod named;
mod new_password;
mod purge_uploads;
mod reach;
mod remote;
mod retain;
mod retention;
mod rollback;
mod scrub;
mod serve;
mod stats;
mod token;
mod trash;
mod upkeep;
mod user;

use std::io;
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
    ///
    /// REGISTRY_* variables take the place of what the configuration says, as for registry:2: REGISTRY_HTTP_ADDR=:5001.
    Serve {
        /// A config.yml as of registry:2. Without one: everything on 0.0.0.0:5000, stored in ./wharf-data.
        file: Option<PathBuf>,
    },
    Access(access::Args),
    Check(check::Args),
    Config(config::Args),
    /// Ask the server on this machine whether it is well; exits with 0 if it is. For health checks.
    Health {
        /// The configuration that it was started with.
        file: Option<PathBuf>,
    },
    Jobs(jobs::Args),
    PurgeUploads(purge_uploads::Args),
    Delete(delete::Args),
    GarbageCollect(garbage_collect::Args),
    Trash(trash::Args),
    History(history::Args),
    Rollback(rollback::Args),
    Retention(retention::Args),
    Stats(stats::Args),
    User(user::Args),
    Token(token::Args),
}

/// Runs the command that the process's arguments name and says how it ended.
pub fn main() -> ExitCode {
    allocator::keep_a_little();
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let ended = match Arguments::parse_from(image::spelled(std::env::args_os())).command {
        Command::Serve { file } => serve::run(file.as_deref(), &mut out, &mut err),
        Command::Access(args) => access::run(&args, config::environment(), &mut out, &mut err),
        Command::Check(args) => check::run(&args, &mut out, &mut err),
        Command::Config(args) => config::run(&args, config::environment(), &mut out, &mut err),
        Command::Health { file } => health::run(file.as_deref(), &mut err),
        Command::Delete(args) => delete::run(&args, &mut out, &mut err),
        Command::GarbageCollect(args) => garbage_collect::run(&args, &mut out, &mut err),
        Command::Trash(args) => trash::run(&args, &mut out, &mut err),
        Command::Jobs(args) => jobs::run(&args, &mut out, &mut err),
        Command::PurgeUploads(args) => purge_uploads::run(&args, &mut out, &mut err),
        Command::History(args) => history::run(&args, &mut out, &mut err),
        Command::Rollback(args) => rollback::run(&args, &mut out, &mut err),
        Command::Retention(args) => retention::run(&args, &mut out, &mut err),
        Command::Stats(args) => stats::run(&args, &mut out, &mut err),
        Command::User(args) => user::run(&args, &mut out, &mut err),
        Command::Token(args) => token::run(&args, &mut out, &mut err),
    };
    // Only standard output or standard error can have failed, so there is nobody left to tell.
    ended.unwrap_or(ExitCode::FAILURE)
}
