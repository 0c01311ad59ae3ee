//! What everything is measured on, found out by the program, so that no table stands without it.

use std::fmt;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::figure::seconds;

/// How often a sync is measured.
const SYNCS: usize = 50;

/// The machine.
pub(crate) struct Machine {
    processor: String,
    cores: usize,
    memory_gib: u64,
    kernel: String,
    file_system: String,
    sync: Option<Duration>,
    /// What openssl says of the ciphers, if it is installed.
    pub(crate) ciphers: Option<Ciphers>,
}

/// CPU seconds that a GiB costs, on one core, in pieces of 16 KiB.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ciphers {
    /// AES-128-GCM.
    pub(crate) aes: f64,
    /// SHA-256.
    pub(crate) sha256: f64,
}

impl Machine {
    /// Looks at this one, and at the file system that holds `directory`.
    pub(crate) fn look(directory: &Path) -> Machine {
        let uname = rustix::system::uname();
        let release = uname.release().to_string_lossy().into_owned();
        Machine {
            processor: field("/proc/cpuinfo", "model name")
                .unwrap_or_else(|| uname.machine().to_string_lossy().into_owned()),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_gib: memory_gib().unwrap_or_default(),
            kernel: format!("{} {release}", uname.sysname().to_string_lossy()),
            file_system: file_system(directory).unwrap_or_else(|| "an unknown file system".to_owned()),
            sync: sync(directory).ok(),
            ciphers: Ciphers::ask(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({} cores), {} GiB of memory, {}, {}",
            self.processor, self.cores, self.memory_gib, self.kernel, self.file_system
        )?;
        if let Some(sync) = self.sync {
            write!(f, ", where a new file of 4 KiB is on disk after {}", seconds(sync.as_secs_f64()))?;
        }
        match &self.ciphers {
            Some(Ciphers { aes, sha256 }) => {
                write!(f, ". `openssl speed`: AES-128-GCM {aes:.2} s/GiB, SHA-256 {sha256:.2} s/GiB.")
            }
            None => f.write_str(". openssl is not installed, so https stands beside nothing."),
        }
    }
}

impl Ciphers {
    fn ask() -> Option<Ciphers> {
        Some(Ciphers { aes: openssl_speed("aes-128-gcm")?, sha256: openssl_speed("sha256")? })
    }
}

/// CPU seconds per GiB. Its line for machines (`-mr`) ends with the bytes per CPU second: `+F:25:AES-128-GCM:5592282012.90`.
fn openssl_speed(algorithm: &str) -> Option<f64> {
    let arguments = ["speed", "-mr", "-seconds", "1", "-bytes", "16384", "-evp", algorithm];
    let output = Command::new("openssl").args(arguments).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.starts_with("+F:"))?;
    let bytes_per_second: f64 = line.rsplit(':').next()?.parse().ok()?;
    Some((1_u64 << 30) as f64 / bytes_per_second)
}

/// The value of the first line `name : value` of a file.
fn field(path: &str, name: &str) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().find(|line| line.starts_with(name))?.split_once(':')?;
    Some(value.trim().to_owned())
}

fn memory_gib() -> Option<u64> {
    let kib: u64 = field("/proc/meminfo", "MemTotal")?.trim_end_matches(" kB").parse().ok()?;
    Some((kib + (1 << 19)) >> 20)
}

/// The type of the file system that a directory is on: that of the longest mount point above it (proc_pid_mountinfo(5)).
fn file_system(directory: &Path) -> Option<String> {
    let directory = directory.canonicalize().ok()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").ok()?;
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let point = left.split(' ').nth(4)?.to_owned();
        let kind = right.split(' ').next()?.to_owned();
        directory.starts_with(&point).then_some((point.len(), kind))
    };
    // Of two on one point the later one hides the earlier, and `max_by_key` returns the last of equals.
    mounts.lines().filter_map(mount).max_by_key(|(length, _)| *length).map(|(_, kind)| kind)
}

/// The median time until a new small file and its name are on disk.
fn sync(directory: &Path) -> std::io::Result<Duration> {
    let mut times = Vec::with_capacity(SYNCS);
    for number in 0..SYNCS {
        let path = directory.join(format!("sync-{number}"));
        let start = Instant::now();
        let mut file = File::create(&path)?;
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        File::open(directory)?.sync_all()?;
        times.push(start.elapsed());
        fs::remove_file(path)?;
    }
    times.sort_unstable();
    Ok(times[times.len() / 2])
}
