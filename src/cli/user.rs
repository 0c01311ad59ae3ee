//! `wharf user`: the users of the htpasswd file. A server that runs takes a change over by itself.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::auth::UserName;
use crate::auth::htpasswd::{HtpasswdError, HtpasswdFile};
use crate::config::Config;
use crate::telemetry::Causes;

use super::new_password::{Given, NewPassword};
use super::{config, image};

/// Add, change, remove and list the users of the htpasswd file.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Debug, clap::Subcommand)]
enum Command {
    /// Add a user; makes the file if it is not there.
    Add {
        /// The user's name.
        name: UserName,
        #[command(flatten)]
        password: NewPassword,
        #[command(flatten)]
        place: Place,
    },
    /// Give a user another password. What they logged in with before ends.
    Passwd {
        /// The user's name.
        name: UserName,
        #[command(flatten)]
        password: NewPassword,
        #[command(flatten)]
        place: Place,
    },
    /// Remove a user.
    Remove {
        /// The user's name.
        name: UserName,
        #[command(flatten)]
        place: Place,
    },
    /// Print the names of the users, and which of them cannot log in.
    List {
        #[command(flatten)]
        place: Place,
    },
}

/// Where the file is.
#[derive(Clone, Debug, clap::Args)]
struct Place {
    /// The configuration that names the file (auth.htpasswd.path).
    #[arg(conflicts_with = "file")]
    config: Option<PathBuf>,
    /// The file itself.
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

/// Why a command ends without having done anything.
enum Refusal {
    Config(crate::config::ConfigError),
    /// The configuration names no file.
    NoFile,
    File(HtpasswdError),
    Password(String),
}

impl From<HtpasswdError> for Refusal {
    fn from(error: HtpasswdError) -> Refusal {
        Refusal::File(error)
    }
}

/// Runs the command. What was asked for goes to `out`, and all else to `err`.
pub(super) fn run(args: &Args, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    match args.command.run() {
        Ok(Done::Given(given)) => given.show(out, err)?,
        Ok(Done::Removed) => {}
        Ok(Done::Listed(lines)) => {
            for line in lines {
                writeln!(out, "{line}")?;
            }
        }
        Err(Refusal::Config(error)) => return config::refuse(&error, err),
        Err(Refusal::NoFile) => {
            writeln!(err, "the configuration has no auth.htpasswd.path; set it, or name the file with --file PATH")?;
            return Ok(ExitCode::from(config::UNUSABLE));
        }
        Err(Refusal::File(error)) => {
            writeln!(err, "{}", Causes(&error))?;
            return Ok(ExitCode::FAILURE);
        }
        Err(Refusal::Password(why)) => {
            writeln!(err, "{why}")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What was done.
enum Done {
    Given(Given),
    Removed,
    Listed(Vec<String>),
}

impl Command {
    fn run(&self) -> Result<Done, Refusal> {
        match self {
            Command::Add { name, password, place } => {
                let file = place.file()?;
                // Nobody should type a password in vain.
                if file.holds(name)? {
                    return Err(HtpasswdError::Exists(name.clone()).into());
                }
                let given = password.get().map_err(Refusal::Password)?;
                file.add(name, &given.password, password.cost)?;
                Ok(Done::Given(given))
            }
            Command::Passwd { name, password, place } => {
                let file = place.file()?;
                if !file.holds(name)? {
                    return Err(HtpasswdError::Absent(name.clone()).into());
                }
                let given = password.get().map_err(Refusal::Password)?;
                file.replace(name, &given.password, password.cost)?;
                Ok(Done::Given(given))
            }
            Command::Remove { name, place } => {
                place.file()?.remove(name)?;
                Ok(Done::Removed)
            }
            Command::List { place } => {
                let users = place.file()?.users()?;
                let line = |user: crate::auth::htpasswd::ListedUser| match user.unusable {
                    Some(why) => format!("{} (cannot log in: {})", user.name, why.about(&user.name)),
                    None => user.name,
                };
                Ok(Done::Listed(users.into_iter().map(line).collect()))
            }
        }
    }
}

impl Place {
    fn file(&self) -> Result<HtpasswdFile, Refusal> {
        if let Some(file) = &self.file {
            return Ok(HtpasswdFile::at(file));
        }
        let named = image::configuration(self.config.as_deref());
        let (config, _) = Config::load(named.as_deref(), config::environment()).map_err(Refusal::Config)?;
        let path = config.auth.htpasswd.clone().ok_or(Refusal::NoFile)?;
        Ok(HtpasswdFile::at(path).for_volume(volume(&config)))
    }
}

/// The directory that the server uses.
pub(super) fn volume(config: &Config) -> PathBuf {
    let root: &Path = &config.storage.root;
    image::old_volume(root).unwrap_or_else(|| root.to_owned())
}
