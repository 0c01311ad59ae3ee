//! `wharf serve`: from a configuration to a server, and to its end.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use time::OffsetDateTime;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::auth::{Auth, AuthError, FirstUser, Scheme};
use crate::config::Config;
use crate::http::listen::{self, BoundListener, Timing};
use crate::http::{App, Certificate, Condition, debug_router, tls};
use crate::registry::Registry;
use crate::storage::{Filesystem, OpenError};
use crate::telemetry::{self, Causes, Log, Metrics};

use super::banner::Banner;
use super::{allocator, background, config, image, reach};

/// How long the disk may take at the end for what has arrived of uploads.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// How long whoever reads the log may take at the end for what is left of it.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Serves until told to stop. A person reads `out`; what is wrong goes to `err`, and from then on to the log.
pub(super) fn run(file: Option<&Path>, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<ExitCode> {
    raise_open_files();
    let file = image::configuration(file);
    let (mut config, warnings) = match Config::load(file.as_deref(), config::environment()) {
        Ok(loaded) => loaded,
        Err(error) => return config::refuse(&error, err),
    };
    let log = match telemetry::init(&config.telemetry) {
        Ok(log) => log,
        Err(error) => {
            writeln!(err, "cannot set up the log: {error}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    for warning in &warnings {
        warning.log();
    }
    if let Some(old) = image::old_volume(&config.storage.root) {
        warn!(
            "a directory is mounted at {}, where registry 1 kept images, and none at {}: it is used as the volume. Mount it \
             at the latter to get rid of this line",
            old.display(),
            config.storage.root.display(),
        );
        config.auth.directory = old.join("wharf").join("auth");
        config.storage.root = old;
    }
    match Server::prepare(&config) {
        Ok(server) => {
            write!(out, "{}", server.banner(&config))?;
            out.flush()?;
            let ended = server.run(&config, &log);
            log.flush(LAST_LINES);
            ended
        }
        Err(error) => {
            log.flush(LAST_LINES);
            writeln!(err, "{}", Causes(&error))?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Everything that can fail before the first request has been done.
struct Server {
    registry: Registry,
    auth: Auth,
    /// The user that was made because there was none, to be shown once.
    first_user: Option<FirstUser>,
    listeners: Vec<BoundListener>,
    debug: Vec<BoundListener>,
    /// The operator's socket, if there can be one.
    control: Option<BoundListener>,
}

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error(transparent)]
    Volume(#[from] OpenError),
    #[error(transparent)]
    Auth(#[from] AuthError),
    #[error(transparent)]
    Listen(#[from] listen::ListenError),
}

impl Server {
    fn prepare(config: &Config) -> Result<Server, StartError> {
        let storage = match config.registry.read_only {
            true => Filesystem::open_read_only(&config.storage)?,
            false => Filesystem::open(&config.storage)?,
        };
        let debug = config.http.debug.as_ref().map(listen::bind_debug).transpose()?.unwrap_or_default();
        let (auth, first_user) = Auth::start(&config.auth, OffsetDateTime::now_utc())?;
        Ok(Server {
            auth,
            first_user,
            registry: Registry::new(Arc::new(storage), config.registry.clone()),
            listeners: listen::bind(&config.http)?,
            debug,
            control: control(config),
        })
    }

    fn banner(&self, config: &Config) -> Banner {
        let url = |listener: &BoundListener| {
            let scheme = if listener.is_tls() { "https" } else { "http" };
            match listener.local_addr() {
                Some(address) => format!("{scheme}://{address}"),
                None => format!("{scheme}+unix:{}", listener.name()),
            }
        };
        let root = std::path::absolute(&config.storage.root).unwrap_or_else(|_| config.storage.root.clone());
        let urls = self.listeners.iter().map(url).collect();
        let may = match &config.registry {
            registry if registry.read_only => "pull (it is read-only)",
            registry if registry.delete_enabled => "pull, push and delete",
            _ => "pull and push (storage.delete.enabled is off)",
        };
        let open_to = match (self.auth.scheme(), &config.auth.access) {
            (Scheme::Open, _) => format!("everyone who can reach it, without logging in, to {may}"),
            (Scheme::Basic { .. }, _) => format!("whoever logs in, to {may}"),
            (Scheme::OwnTokens { .. }, Some(access)) if access.policy.rules().len() == 1 => {
                "whom the access rule lets in".to_owned()
            }
            (Scheme::OwnTokens { .. }, Some(access)) => {
                format!("whom {} access rules let in", access.policy.rules().len())
            }
            (Scheme::OwnTokens { .. }, None) => "whom the access rules let in".to_owned(),
            (Scheme::TokenServer { realm, .. }, _) => format!("whoever has a token of {realm}"),
        };
        let first_user = self.first_user.as_ref();
        let first_user = first_user.map(|user| (user.name.to_string(), user.password.expose_secret().to_owned()));
        Banner { urls, root, open_to, first_user, trust: self.trust(config) }
    }

    /// How clients come to trust a generated certificate, if one is shown.
    fn trust(&self, config: &Config) -> Option<String> {
        let secure = self.listeners.iter().find(|listener| listener.authority().is_some())?;
        let plain = self.listeners.iter().find(|listener| !listener.is_tls());
        let certificates =
            config.http.listeners.iter().filter_map(|listener| Some(&listener.tls.as_ref()?.certificate));
        let configured = certificates.filter_map(|certificate| match certificate {
            Certificate::Generated { names, .. } => Some(names.clone()),
            Certificate::Files { .. } => None,
        });
        let names = tls::reachable_names(&configured.flatten().collect::<Vec<_>>()).ok()?;
        Some(tls::trust_instructions(tls::Trust {
            certificate: secure.authority()?.as_ref(),
            names: &names,
            port: secure.local_addr()?.port(),
            plain_port: plain.and_then(BoundListener::local_addr).map(|address| address.port()),
        }))
    }

    fn run(self, config: &Config, log: &Log) -> io::Result<ExitCode> {
        // More than there are processors: the storage makes its quick calls on these threads, and should two of them hang
        // in a disk that does not answer, others go on (see `storage::filesystem::lane`).
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = (2 * processors).max(4);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let code = runtime.block_on(self.serve(config, log));
        // What still blocks after the drain, such as a read from a disk that hangs, must not keep the process.
        runtime.shutdown_background();
        code
    }

    async fn serve(self, config: &Config, log: &Log) -> io::Result<ExitCode> {
        let stop = stop_signal(log.clone())?;
        let metrics = Metrics::default();
        let condition = Condition::default();
        if let Some(health) = config.http.health {
            tokio::spawn(condition.clone().watch(self.registry.clone(), health));
        }
        background::start(&self.registry, &self.auth, &metrics);
        allocator::give_back();
        let registry = self.registry.clone();
        let authority = self.listeners.iter().find_map(BoundListener::authority);
        let mut app = App::new(self.registry, self.auth, &config.http)
            .recording(metrics.clone(), config.telemetry.access_log)
            .watched(condition.clone());
        if let Some(authority) = authority {
            app = app.with_authority(authority.pem().to_owned().into());
        }
        let metrics_path = config.http.debug.as_ref().and_then(|debug| debug.metrics_path.as_deref());
        let debug = debug_router(condition, metrics_path.map(|path| (path, metrics)));
        let timing = Timing::default();
        let listeners = self.listeners.into_iter().chain(self.control).collect();
        let served = tokio::try_join!(
            listen::serve(listeners, app.into_service(), &config.http, timing, stop.clone().cancelled_owned()),
            listen::serve(self.debug, debug, &config.http, timing, stop.cancelled_owned()),
        );
        // What arrived of an upload whose connection was cut is kept, so that its client can go on behind it.
        let kept = tokio::time::timeout(LAST_WRITES, registry.finish()).await;
        if kept.is_err() {
            warn!(
                "the disk is too slow to keep what arrived of every upload; clients go on from where it was kept last"
            );
        }
        match served {
            Ok((stopped, _)) if stopped.cut == 0 => info!("stopped; every request was finished"),
            Ok((stopped, _)) => {
                warn!(cut = stopped.cut, "stopped; http.draintimeout was over before every request was")
            }
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "cannot serve");
                return Ok(ExitCode::FAILURE);
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// The operator's socket. A server does without one rather than not start: a file system may know no sockets, and of several
/// servers on a volume the first has it. Nothing is made on a volume that is only read.
fn control(config: &Config) -> Option<BoundListener> {
    if config.registry.read_only {
        return None;
    }
    let bound = listen::bind_control(&reach::control_socket(&config.storage.root));
    bound
        .inspect_err(|error| {
            warn!(
                error = error as &dyn std::error::Error,
                "there is no socket for the operator; commands on this machine reach this server with --server URL"
            );
        })
        .ok()
}

/// Every connection and every transfer needs a descriptor, and many systems start programs with 1024.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // If it cannot be raised, what there is has to do.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
}

/// Fires at SIGTERM or SIGINT. A second signal ends the process at once, for the person who does not want to wait.
fn stop_signal(log: Log) -> io::Result<CancellationToken> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = CancellationToken::new();
    let told = stop.clone();
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if told.is_cancelled() {
                warn!("{name} again; stopping at once");
                log.flush(LAST_LINES);
                std::process::exit(1);
            }
            info!("{name}; finishing what is under way");
            told.cancel();
        }
    });
    Ok(stop)
}
