//! The harness: the real program on a port of its own, on a volume of its own.

use std::io::{BufRead, BufReader, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use tempfile::TempDir;

pub mod answer;
pub mod client;
pub mod content;
pub mod issuer;
pub mod raw;
pub mod repository;
pub mod token_server;
pub mod upload;

/// A running Wharf. It is killed and its volume removed when this is dropped.
pub struct Wharf {
    child: Child,
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    volume: Arc<TempDir>,
    log: Arc<Log>,
    output: Arc<Log>,
}

/// What a Wharf has written so far: to its log, or for whoever started it.
#[derive(Default)]
struct Log {
    text: Mutex<String>,
    more: Condvar,
}

impl Log {
    fn add(&self, text: &str) {
        self.text.lock().unwrap().push_str(text);
        self.more.notify_all();
    }
}

/// A running Wharf that other tests use too. It runs for as long as anybody holds it or a client of it.
#[derive(Clone)]
pub struct SharedWharf(Arc<Wharf>);

impl Deref for SharedWharf {
    type Target = Wharf;

    fn deref(&self) -> &Wharf {
        &self.0
    }
}

/// How a Wharf is started.
pub struct Start {
    command: Command,
    volume: Arc<TempDir>,
}

impl Wharf {
    /// Starts on an empty volume.
    pub fn start() -> Wharf {
        Wharf::prepare().go()
    }

    /// One that several tests use at the same time, each in repositories of its own. It ends with the last of them.
    pub fn shared() -> SharedWharf {
        static RUNNING: Mutex<Weak<Wharf>> = Mutex::new(Weak::new());
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wharf) = running.upgrade() {
            return SharedWharf(wharf);
        }
        let wharf = Arc::new(Wharf::start());
        *running = Arc::downgrade(&wharf);
        SharedWharf(wharf)
    }

    /// To be started on an empty volume.
    pub fn prepare() -> Start {
        Start::on(Arc::new(tempfile::tempdir().unwrap()))
    }

    /// Kills it as a crash would and starts it again on the same volume.
    pub fn crash_and_restart(self) -> Wharf {
        self.crash().go()
    }

    /// Kills it as a crash would. What it was started with is to be said again.
    pub fn crash(mut self) -> Start {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        Start::on(Arc::clone(&self.volume))
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    /// The directory that holds `docker/registry/v2`.
    pub fn volume(&self) -> &Path {
        self.volume.path()
    }

    /// The directory `docker/registry/v2/repositories/<name>`.
    pub fn repository(&self, name: &str) -> PathBuf {
        self.volume().join("docker/registry/v2/repositories").join(name)
    }

    /// The paths of all files below a directory, relative to it, sorted.
    pub fn files_below(directory: &Path) -> Vec<String> {
        let mut found = Vec::new();
        let mut left = vec![directory.to_owned()];
        while let Some(next) = left.pop() {
            // What is not there has no files.
            for entry in std::fs::read_dir(&next).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    left.push(entry.path());
                } else {
                    let path = entry.path();
                    found.push(path.strip_prefix(directory).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }

    /// Where the bytes of a digest are kept.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hex = &digest["sha256:".len()..];
        self.volume().join(format!("docker/registry/v2/blobs/sha256/{}/{hex}/data", &hex[..2]))
    }

    /// Returns when a blob has come to its place, which it does a moment after it was pushed.
    pub async fn has_settled(&self, digest: &str) {
        let path = self.blob(digest);
        let settled = async {
            while !path.exists() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(client::PATIENCE, settled).await.expect("the blob comes to its place");
    }

    /// Its memory that is resident now, in bytes.
    pub fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
    }

    /// The server's process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap().clone()
    }

    /// Waits until it has logged this.
    pub fn logs(&self, what: &str) {
        let text = self.log.text.lock().unwrap();
        let found = self.log.more.wait_timeout_while(text, Duration::from_secs(20), |text| !text.contains(what));
        let (text, waited) = found.unwrap();
        assert!(!waited.timed_out(), "{what} is not in\n{text}");
    }

    /// What it has written to standard output so far.
    pub fn output(&self) -> String {
        self.output.text.lock().unwrap().clone()
    }

    /// The process itself, for signals and for its end.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Start {
    fn on(volume: Arc<TempDir>) -> Start {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wharf"));
        command.arg("serve").env("REGISTRY_HTTP_ADDR", "127.0.0.1:0");
        command.env("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY", volume.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Start { command, volume }
    }

    /// Sets a variable, such as `REGISTRY_STORAGE_DELETE_ENABLED`.
    pub fn env(mut self, name: &str, value: &str) -> Start {
        self.command.env(name, value);
        self
    }

    /// Everything survives a power cut as soon as it is acknowledged, and is in its place by then.
    pub fn full_durability(self) -> Start {
        self.env("REGISTRY_STORAGE_FILESYSTEM_DURABILITY", "full")
    }

    /// Starts in the directory of the volume without being told where to store.
    pub fn without_root(mut self) -> Start {
        self.command.env_remove("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY");
        self.command.current_dir(self.volume.path());
        self
    }

    /// Uses a configuration file of this content.
    pub fn config(mut self, content: &str) -> Start {
        let path = self.volume.path().join("config.yml");
        std::fs::write(&path, content).unwrap();
        self.command.arg(path);
        self
    }

    /// The directory that will hold the volume, to put something into it first.
    pub fn volume(&self) -> &Path {
        self.volume.path()
    }

    /// Starts it and waits until it says where it listens.
    pub fn go(mut self) -> Wharf {
        let mut child = self.command.spawn().unwrap();
        let log = Arc::new(Log::default());
        let mut stderr = child.stderr.take().unwrap();
        std::thread::spawn({
            let log = Arc::clone(&log);
            move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = stderr.read(&mut buffer) {
                    log.add(&String::from_utf8_lossy(&buffer[..count]));
                }
            }
        });
        let output = Arc::new(Log::default());
        let mut url = None;
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.by_ref().map_while(Result::ok) {
            output.add(&format!("{line}\n"));
            if let Some(found) = line.trim().strip_prefix("listening") {
                url = Some(found.trim().to_owned());
                break;
            }
        }
        let Some(url) = url else {
            let status = child.wait().unwrap();
            panic!("wharf did not start: {status}\n{}", log.text.lock().unwrap());
        };
        std::thread::spawn({
            let output = Arc::clone(&output);
            move || lines.map_while(Result::ok).for_each(|line| output.add(&format!("{line}\n")))
        });
        Wharf { child, url, volume: self.volume, log, output }
    }

    /// Starts it, expects it to give up, and returns what it said.
    pub fn refuse(mut self) -> String {
        let output = self.command.output().unwrap();
        assert!(!output.status.success(), "it started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }
}

impl Drop for Wharf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
