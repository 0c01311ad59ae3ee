//! The servers that are compared, and how each is started: with the configuration that its package ships, as far as that
//! has an effect on speed, and with one line in an access log for each request.

mod identity;
mod nginx;
mod registry;

use std::io;
use std::path::Path;

pub(crate) use identity::Identity;

use crate::server::{self, Launch, Server, StartError};

/// Names another registry for the comparison: `name=/path/to/registry serve {config}`. The configuration that takes the
/// place of `{config}` is one of registry:2.
pub(crate) const PEER: &str = "WHARF_BENCH_PEER";

/// A server that takes part.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    /// Its column in the table.
    pub(crate) name: String,
    program: Program,
}

#[derive(Clone, Debug)]
enum Program {
    Wharf(&'static str),
    Registry { program: String, arguments: Vec<String> },
    Nginx { program: String },
}

/// How it is to be started.
pub(crate) struct Setup<'a> {
    /// A directory of its own, for its configuration and log.
    pub(crate) directory: &'a Path,
    /// Where its content lies.
    pub(crate) volume: &'a Path,
    /// With a certificate it serves https alone.
    pub(crate) identity: Option<&'a Identity>,
    /// Whether clients have to log in, under rules.
    pub(crate) guarded: bool,
    /// Whether each request has its line.
    pub(crate) access_log: bool,
}

/// Who takes part, and a sentence about each who cannot.
pub(crate) fn find() -> (Vec<Party>, Vec<String>) {
    let mut parties = registry::wharf();
    let mut absent = Vec::new();
    let mut look_for = |name: &str, package: &str, party: fn(String) -> Program| match on_path(name) {
        Some(program) => parties.push(Party { name: name.to_owned(), program: party(program) }),
        None => absent.push(format!("{name} is not here and left out; with it: apt-get install {package}")),
    };
    look_for("docker-registry", "docker-registry", registry::debian);
    look_for("nginx", "nginx-light", |program| Program::Nginx { program });
    match std::env::var(PEER).ok().map(|peer| registry::peer(&peer)) {
        // Before nginx, which is the last column as it is no registry.
        Some(Some(peer)) => parties.insert(parties.len() - usize::from(on_path("nginx").is_some()), peer),
        Some(None) => absent.push(format!("{PEER} is not of the form name=/path/to/registry serve {{config}}")),
        None => {}
    }
    (parties, absent)
}

impl Party {
    /// What of a push it has synced to disk when it answers.
    pub(crate) fn durability(&self) -> &'static str {
        match &self.program {
            Program::Wharf("none") => "nothing",
            Program::Wharf("barrier") => "blobs with the manifest, all of it before the manifest's answer",
            Program::Wharf(_) => "every file, its name and its directories",
            Program::Registry { .. } => "every file; see below for names",
            Program::Nginx { .. } => "–",
        }
    }

    /// Whether it serves files and nothing else.
    pub(crate) fn only_files(&self) -> bool {
        matches!(self.program, Program::Nginx { .. })
    }

    /// Whether it issues tokens itself.
    pub(crate) fn issues_tokens(&self) -> bool {
        matches!(self.program, Program::Wharf(_))
    }

    /// Starts it and waits until it answers `first` with 200.
    pub(crate) fn start(&self, setup: &Setup<'_>, first: &str) -> Result<Server, StartError> {
        let launch = self.launch(setup).map_err(StartError::Prepare)?;
        Server::start(launch, &setup.directory.join("log"), first)
    }

    fn launch(&self, setup: &Setup<'_>) -> io::Result<Launch> {
        let address = server::free_address()?;
        match &self.program {
            Program::Wharf(durability) => registry::launch_wharf(durability, setup, address),
            Program::Registry { program, arguments } => registry::launch(program, arguments, setup, address),
            Program::Nginx { program } => nginx::launch(program, setup, address),
        }
    }

    /// What it says of its version.
    pub(crate) fn version(&self) -> String {
        let (program, argument) = match &self.program {
            Program::Wharf(_) => return format!("Wharf {}", env!("CARGO_PKG_VERSION")),
            Program::Registry { program, .. } => (program, "--version"),
            Program::Nginx { program } => (program, "-v"),
        };
        let output = std::process::Command::new(program).arg(argument).output();
        // nginx says it on standard error.
        let text = output.map(|output| [output.stdout, output.stderr].concat()).unwrap_or_default();
        // A registry begins with where it lies, which says nothing.
        let text = String::from_utf8_lossy(&text).trim().replace(&format!("{program} "), "");
        if text.is_empty() { format!("{}: says no version", self.name) } else { text }
    }
}

/// The program of this name, in the directories of `PATH` and in those that only root has there.
fn on_path(name: &str) -> Option<String> {
    let path = std::env::var("PATH").unwrap_or_default();
    let directories = path.split(':').chain(["/usr/sbin", "/usr/bin"]);
    let candidates = directories.map(|directory| Path::new(directory).join(name));
    candidates.into_iter().find(|candidate| candidate.is_file()).map(|found| found.display().to_string())
}
