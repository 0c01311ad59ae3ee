//! `wharf check`: whether everything on a volume is as it should be, directly on the volume.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::registry::{CheckOptions, CheckProgress, CheckReport, Effort, Registry, Sample};
use crate::storage::Filesystem;
use crate::telemetry::Causes;

use super::{check_text, image};

/// The status when something is wrong on the volume.
const DEFECTS: u8 = 1;
/// The status when it could not be looked through.
const NOT_RUN: u8 = 2;
/// How long between two lines that say how far it has come.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// Check that everything on a volume is whole: every blob hashes to its name, every link leads somewhere, every image has
/// all that it refers to.
///
/// Exits with 0 if nothing is wrong or everything is repaired, 1 if something is wrong, and 2 if it could not look. Stop the
/// server before --repair: two programs must not change one volume.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration, as for `wharf serve`; it says where the volume is.
    file: Option<PathBuf>,
    /// Repair what can be repaired safely. What has rotted is moved into wharf/quarantine, so that the next push heals it.
    #[arg(long)]
    repair: bool,
    /// Hash only a random share of the blobs, such as 10%. Manifests are always hashed, and links always followed.
    #[arg(long, value_name = "SHARE", default_value = "100%")]
    sample: Sample,
    /// Choose the blobs of an earlier check again.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// How much of the time to be busy, in percent.
    #[arg(long, value_name = "PERCENT", default_value = "100")]
    effort: Effort,
    /// Write what was found as JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the command. What was found goes to `out`, and how far it has come to `err`.
pub(super) fn run(
    args: &Args,
    environment: impl IntoIterator<Item = (String, String)>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<ExitCode> {
    let report = match open(args, environment).and_then(|registry| Ok(checked(&registry, &args.options(), err)??)) {
        Ok(report) => report,
        Err(error) => {
            writeln!(err, "{}", Causes(error.as_ref()))?;
            return Ok(ExitCode::from(NOT_RUN));
        }
    };
    if args.json {
        serde_json::to_writer_pretty(&mut *out, &report)?;
        writeln!(out)?;
    } else {
        check_text::show(&report, out)?;
    }
    Ok(match report.is_clean() {
        false => ExitCode::from(DEFECTS),
        true if report.cancelled => ExitCode::from(NOT_RUN),
        true => ExitCode::SUCCESS,
    })
}

type Failure = Box<dyn std::error::Error>;

impl Args {
    fn options(&self) -> CheckOptions {
        CheckOptions { repair: self.repair, sample: self.sample, seed: self.seed, effort: self.effort }
    }
}

/// Only who repairs opens the volume for writing, and nobody makes one.
fn open(args: &Args, environment: impl IntoIterator<Item = (String, String)>) -> Result<Registry, Failure> {
    let file = image::configuration(args.file.as_deref());
    let (mut config, _) = Config::load(file.as_deref(), environment)?;
    if let Some(old) = image::old_volume(&config.storage.root) {
        config.storage.root = old;
    }
    let mut storage = Filesystem::open_read_only(&config.storage)?;
    if args.repair && !config.registry.read_only {
        storage = Filesystem::open(&config.storage)?;
    }
    Ok(Registry::new(Arc::new(storage), config.registry))
}

/// Checks to its end, or until it is interrupted, and says meanwhile how far it has come.
fn checked(
    registry: &Registry,
    options: &CheckOptions,
    err: &mut dyn Write,
) -> io::Result<crate::registry::Result<CheckReport>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let (progress, cancelled) = (CheckProgress::default(), CancellationToken::new());
        let interrupted = cancelled.clone();
        tokio::spawn(async move {
            if tokio::signal::ctrl_c().await.is_ok() {
                interrupted.cancel();
            }
        });
        let check = registry.check(options, &progress, &cancelled);
        tokio::pin!(check);
        loop {
            match tokio::time::timeout(BETWEEN_LINES, &mut check).await {
                Ok(report) => return Ok(report),
                Err(_) => writeln!(err, "{}", check_text::progress(&progress.state()))?,
            }
        }
    })
}
