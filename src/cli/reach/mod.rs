//! How a command reaches a registry: over the network, through the operator's socket of the server that runs on the volume,
//! or, when none does, on the volume itself.
//!
//! All three ways are one: requests of the administration API. On a stopped volume this process answers them itself, as the
//! server would, so a command has no second way to do anything, and an operator's switches hold on each.

mod alone;
mod credentials;
mod exchange;
mod server;

use std::io;
use std::path::{Path, PathBuf};

use axum::http::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::config::{Config, ConfigError};
use crate::http::api::{ApiRoute, Problem};
use crate::http::listen::SocketPath;
use crate::storage::{Filesystem, OpenError};

use super::{config, image, user};

use alone::Alone;
use exchange::Reply;
use server::Server;

pub(super) use credentials::CredentialsError;

/// Which registry is meant.
#[derive(Clone, Debug, Default, clap::Args)]
pub(super) struct Place {
    /// The server, as in https://registry.example.com, with the name and password that docker login has kept. Without it:
    /// the volume of this machine, or the server that runs on it.
    #[arg(long, value_name = "URL", conflicts_with = "config")]
    server: Option<String>,
    /// Authorities to trust beside the system's, for --server: a PEM file.
    #[arg(long, value_name = "FILE", requires = "server")]
    ca_file: Option<PathBuf>,
    /// The configuration that the server is started with.
    config: Option<PathBuf>,
}

impl Place {
    /// The same with this configuration; none if another is named, or a server.
    pub(super) fn with_config(self, file: PathBuf) -> Option<Place> {
        (self.server.is_none() && self.config.is_none()).then_some(Place { config: Some(file), ..self })
    }
}

/// Where a route is, below the API's own path.
pub(super) fn path_of(route: &ApiRoute) -> String {
    let path = route.to_string();
    path.strip_prefix("/api/v1/").unwrap_or(&path).to_owned()
}

/// What a registry is reached for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To change something, perhaps. A volume that no server runs on is kept from others meanwhile.
    Change,
    /// To collect garbage or empty the trash, which is the operator's own affair: on a volume that no server writes to, it goes
    /// on although the configuration says that clients may change nothing. So it is with registry:2, which asks for that.
    Collect,
    /// To look and change nothing. A volume that no server answers for need not be one that can be written.
    Look,
}

/// A registry within reach.
pub(super) enum Reach {
    /// A server, over the network or through its operator's socket.
    Server(Server),
    /// A volume that no server runs on.
    Alone(Alone),
}

/// Why a registry cannot be reached, or does not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum ReachError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error("{0:?} is no URL of a server, such as https://registry.example.com")]
    Url(String),
    #[error("{path} holds no certificates that can be trusted", path = path.display())]
    Authorities {
        path: PathBuf,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Volume(#[from] OpenError),
    #[error("a server runs on this volume and cannot be reached through {path}: name it with --server URL", path = path.display())]
    NoSocket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{url} cannot be asked")]
    Unreachable {
        url: String,
        #[source]
        source: reqwest::Error,
    },
    #[error("{0} gives no token for this user: log in anew, with docker login")]
    NoToken(String),
    #[error("{detail}")]
    Refused { status: u16, detail: String },
    #[error("what answers is no Wharf with an administration API, or another version of it: {0}")]
    Strange(String),
    #[error("this command cannot work")]
    Io(#[from] io::Error),
}

impl ReachError {
    /// The configuration's error, if it is one: commands exit with a status of its own.
    pub(super) fn config(&self) -> Option<&ConfigError> {
        match self {
            ReachError::Config(error) => Some(error),
            _ => None,
        }
    }
}

/// Where the operator's socket of a volume is.
pub(super) fn control_socket(root: &Path) -> PathBuf {
    root.join("wharf/control.sock")
}

impl Reach {
    /// The registry that is meant.
    pub(super) async fn open(place: &Place, purpose: Purpose) -> Result<Reach, ReachError> {
        if let Some(url) = &place.server {
            return Ok(Reach::Server(Server::remote(url, place.ca_file.as_deref()).await?));
        }
        let named = image::configuration(place.config.as_deref());
        let (mut config, _) = Config::load(named.as_deref(), config::environment())?;
        config.storage.root = user::volume(&config);
        config.registry.read_only &= purpose != Purpose::Collect;
        let path = control_socket(&config.storage.root);
        let answers = || {
            let way = SocketPath::of(&path)?;
            std::os::unix::net::UnixStream::connect(way.as_path())?;
            Ok(way)
        };
        match purpose {
            Purpose::Change | Purpose::Collect => match Filesystem::open_alone(&config.storage) {
                Ok(volume) => Ok(Reach::Alone(Alone::on(volume, &config))),
                Err(error) if error.is_held() => match answers() {
                    Ok(way) => Ok(Reach::Server(Server::local(way, &config.http.prefix)?)),
                    Err(source) => Err(ReachError::NoSocket { path, source }),
                },
                Err(error) => Err(error.into()),
            },
            Purpose::Look => match answers() {
                Ok(way) => Ok(Reach::Server(Server::local(way, &config.http.prefix)?)),
                // There may be a server all the same, and looking is in nobody's way.
                Err(_) => Ok(Reach::Alone(Alone::on(Filesystem::open_read_only(&config.storage)?, &config))),
            },
        }
    }

    /// Whether no server runs, so that nothing goes on behind this command's back.
    pub(super) fn is_alone(&self) -> bool {
        matches!(self, Reach::Alone(_))
    }

    /// Asks for what is at a path of the API, such as `jobs`.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ReachError> {
        self.ask(Method::GET, path, None).await
    }

    /// Sends this to a path of the API.
    pub(super) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ReachError> {
        let body = serde_json::to_value(body).map_err(|error| ReachError::Strange(error.to_string()))?;
        self.ask(Method::POST, path, Some(body)).await
    }

    /// Puts this at a path of the API.
    pub(super) async fn put<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ReachError> {
        let body = serde_json::to_value(body).map_err(|error| ReachError::Strange(error.to_string()))?;
        self.ask(Method::PUT, path, Some(body)).await
    }

    /// Deletes what is at a path of the API.
    pub(super) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ReachError> {
        self.ask(Method::DELETE, path, None).await
    }

    async fn ask<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<Value>) -> Result<T, ReachError> {
        let body = body.map(|body| body.to_string());
        let reply = match self {
            Reach::Server(server) => server.ask(method, path, body).await?,
            Reach::Alone(alone) => alone.ask(method, path, body).await?,
        };
        reply.read()
    }

    /// Ends what this process holds of the volume, in order.
    pub(super) async fn close(self) {
        if let Reach::Alone(alone) = self {
            alone.close().await;
        }
    }
}

impl Reply {
    /// What was asked for, or why not. An answer without a body is `null`.
    fn read<T: DeserializeOwned>(self) -> Result<T, ReachError> {
        if !(200..300).contains(&self.status) {
            let told = serde_json::from_slice::<Problem>(&self.body);
            let detail = told.map_or_else(|_| format!("the server answers with {}", self.status), |told| told.detail);
            return Err(ReachError::Refused { status: self.status, detail });
        }
        let body: &[u8] = if self.body.is_empty() { b"null" } else { &self.body };
        serde_json::from_slice(body).map_err(|error| ReachError::Strange(error.to_string()))
    }
}
