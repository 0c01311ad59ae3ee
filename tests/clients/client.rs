//! Running a client: bounded in time, and with all that it said if it fails.

use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

/// How long a client may take unless it says otherwise.
const LIMIT: Duration = Duration::from_secs(90);

/// A program that is about to be run to its end.
pub(crate) struct Client {
    command: Command,
    stdin: Stdio,
    limit: Duration,
}

/// What a client said.
pub(crate) struct Said {
    /// Without the newline at the end.
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Client {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Client {
        Client { command: Command::new(program), stdin: Stdio::null(), limit: LIMIT }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Client {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Client {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Client {
        self.command.env(name, value);
        self
    }

    pub(crate) fn current_directory(mut self, directory: impl AsRef<Path>) -> Client {
        self.command.current_dir(directory);
        self
    }

    /// What it reads from its standard input.
    pub(crate) fn input(mut self, text: &str) -> Client {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.rewind().unwrap();
        self.stdin = file.into();
        self
    }

    /// How long it may take.
    pub(crate) fn within(mut self, seconds: u64) -> Client {
        self.limit = Duration::from_secs(seconds);
        self
    }

    /// Runs it and expects success.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Said {
        let shown = format!("{:?}", self.command);
        let (status, said) = self.run();
        assert!(status.success(), "$ {shown}\n{said}\n{status}");
        said
    }

    /// Runs it and expects failure.
    #[track_caller]
    pub(crate) fn fails(self) -> Said {
        let shown = format!("{:?}", self.command);
        let (status, said) = self.run();
        assert!(!status.success(), "it should have failed: $ {shown}\n{said}");
        said
    }

    #[track_caller]
    pub(crate) fn run(mut self) -> (ExitStatus, Said) {
        // Files, not pipes: what a client leaves behind would hold a pipe open.
        let (mut stdout, mut stderr) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        self.command
            .stdin(self.stdin)
            .stdout(stdout.try_clone().unwrap())
            .stderr(stderr.try_clone().unwrap())
            .process_group(0);
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|error| panic!("$ {:?}: {error}; .ci/install-clients installs the clients", self.command));
        let group = Pid::from_child(&child);
        let (ended, end) = mpsc::channel();
        let waiting = std::thread::spawn(move || {
            let _ = ended.send(child.wait());
        });
        let status = end.recv_timeout(self.limit);
        if status.is_err() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        waiting.join().unwrap();
        let said = Said { stdout: content(&mut stdout).trim_end().to_owned(), stderr: content(&mut stderr) };
        let Ok(status) = status else {
            panic!("not done after {:?}: $ {:?}\n{said}", self.limit, self.command);
        };
        (status.unwrap(), said)
    }
}

impl Said {
    /// Expects a text among what it said.
    #[track_caller]
    pub(crate) fn mentions(&self, text: &str) -> &Said {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "{text:?} was expected in:\n{self}");
        self
    }
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}", self.stdout, self.stderr)
    }
}

fn content(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn a_client_that_hangs_is_ended_and_what_it_said_is_shown() {
    let hangs = || Client::new("sh").args(["-c", "echo its last words; sleep 1000 & wait"]).within(1).succeeds();
    let panic = std::panic::catch_unwind(hangs).err().unwrap();
    let shown = panic.downcast_ref::<String>().unwrap();
    assert!(shown.contains("not done after 1s") && shown.contains("its last words"), "{shown}");
}
