//! What is measured: a row of the table each.

mod connections;
mod images;
mod layers;
mod scale;
mod volume;

pub(crate) use scale::Scale;
pub(crate) use volume::{some_manifest, write as write_volume};

use crate::figure::{self, Figure};
use crate::load::drive::Ran;
use crate::load::error::LoadError;
use crate::machine::Ciphers;
use crate::party::Party;
use crate::server::Server;

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Workload {
    IdleMemory,
    PushBlob,
    PullBlob,
    PushImage,
    GetManifest,
    HeadManifest,
    PeakMemory,
    IdleConnections,
    SlowPulls,
    Start,
    Catalog,
    TlsPull,
    TlsPush,
    GetManifestBasic,
    GetManifestBearer,
}

/// Workloads of one stage share a server, which is started for it on a volume of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Data, on an empty volume.
    Data,
    /// Many connections, on an empty volume.
    Connections,
    /// On a volume with many repositories.
    Volume,
    /// With TLS, on an empty volume.
    Tls,
    /// With users and access rules, on an empty volume.
    Guarded,
}

impl Stage {
    /// All of them, in the order in which they are run.
    pub(crate) const ALL: [Stage; 5] = [Stage::Data, Stage::Connections, Stage::Volume, Stage::Tls, Stage::Guarded];
}

/// What a workload may look at.
pub(crate) struct Conditions<'a> {
    pub(crate) server: &'a Server,
    pub(crate) scale: &'a Scale,
    pub(crate) ciphers: Option<Ciphers>,
}

/// What came out.
pub(crate) struct Measured {
    pub(crate) figure: Figure,
    /// More than fits into a table.
    pub(crate) detail: String,
}

impl Workload {
    /// All of them, in the order in which they are run.
    pub(crate) const ALL: [Workload; 15] = [
        Workload::IdleMemory,
        Workload::PushBlob,
        Workload::PullBlob,
        Workload::PushImage,
        Workload::GetManifest,
        Workload::HeadManifest,
        Workload::PeakMemory,
        Workload::IdleConnections,
        Workload::SlowPulls,
        Workload::Start,
        Workload::Catalog,
        Workload::TlsPull,
        Workload::TlsPush,
        Workload::GetManifestBasic,
        Workload::GetManifestBearer,
    ];

    /// What it is called on the command line and in the table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Workload::IdleMemory => "idle-memory",
            Workload::PushBlob => "push-blob",
            Workload::PullBlob => "pull-blob",
            Workload::PushImage => "push-image",
            Workload::GetManifest => "get-manifest",
            Workload::HeadManifest => "head-manifest",
            Workload::PeakMemory => "peak-memory",
            Workload::IdleConnections => "idle-connections",
            Workload::SlowPulls => "slow-pulls",
            Workload::Start => "start",
            Workload::Catalog => "catalog",
            Workload::TlsPull => "tls-pull",
            Workload::TlsPush => "tls-push",
            Workload::GetManifestBasic => "get-manifest-basic",
            Workload::GetManifestBearer => "get-manifest-bearer",
        }
    }

    /// What it does, for the table.
    pub(crate) fn title(self, scale: &Scale) -> String {
        match self {
            Workload::IdleMemory => "memory after the start".to_owned(),
            Workload::PushBlob => {
                format!("{} blobs of {}, 4 connections", scale.blobs, scale::size(scale.blob))
            }
            Workload::PullBlob => format!("a blob of {} again and again, 2 connections", scale::size(scale.pulled)),
            Workload::PushImage => {
                format!("{} images of 5 blobs of 16 KiB and a manifest, 4 connections", scale.images)
            }
            Workload::GetManifest => "a manifest by its tag, 16 connections".to_owned(),
            Workload::HeadManifest => "HEAD of a manifest by its digest, 16 connections".to_owned(),
            Workload::PeakMemory => "the most memory during all of the above".to_owned(),
            Workload::IdleConnections => {
                format!("memory that each of {} idle connections adds", scale.idle_connections)
            }
            Workload::SlowPulls => {
                format!("memory that each of {} clients adds that pull 64 KiB/s", scale.slow_clients)
            }
            Workload::Start => format!(
                "from the start to the first manifest, on {} repositories with {} images",
                scale.repositories,
                2 * scale.repositories
            ),
            Workload::Catalog => {
                format!("_catalog?n=100 in the middle of {} repositories, 4 connections", scale.repositories)
            }
            Workload::TlsPull => format!("a blob of {} over https, 2 connections", scale::size(scale.pulled)),
            Workload::TlsPush => {
                format!("{} blobs of {} over https, 4 connections", scale.blobs, scale::size(scale.blob))
            }
            Workload::GetManifestBasic => "get-manifest as a user of a password file, under rules".to_owned(),
            Workload::GetManifestBearer => "the same with a bearer token of the registry's own".to_owned(),
        }
    }

    /// The server that it is run against.
    pub(crate) fn stage(self) -> Stage {
        match self {
            Workload::IdleMemory
            | Workload::PushBlob
            | Workload::PullBlob
            | Workload::PushImage
            | Workload::GetManifest
            | Workload::HeadManifest
            | Workload::PeakMemory => Stage::Data,
            Workload::IdleConnections | Workload::SlowPulls => Stage::Connections,
            Workload::Start | Workload::Catalog => Stage::Volume,
            Workload::TlsPull | Workload::TlsPush => Stage::Tls,
            Workload::GetManifestBasic | Workload::GetManifestBearer => Stage::Guarded,
        }
    }

    /// Whether a party can do it at all: who only serves files takes no pushes and knows neither repositories nor users.
    pub(crate) fn suits(self, party: &Party) -> bool {
        let pushes = matches!(
            self,
            Workload::PushBlob | Workload::PushImage | Workload::TlsPush | Workload::Start | Workload::Catalog
        );
        let logs_in = matches!(self, Workload::GetManifestBasic | Workload::GetManifestBearer);
        !((pushes || logs_in) && party.only_files()) && (self != Workload::GetManifestBearer || party.issues_tokens())
    }

    /// Runs it.
    pub(crate) fn measure(self, conditions: &Conditions<'_>) -> Result<Measured, LoadError> {
        let Conditions { server, scale, ciphers } = conditions;
        match self {
            Workload::IdleMemory => Ok(plain(Figure::memory(server.resident() as f64))),
            Workload::PeakMemory => Ok(plain(Figure::memory(server.peak() as f64))),
            Workload::Start => Ok(plain(Figure::time(server.started_in()))),
            Workload::PushBlob => layers::push(server, scale).map(bandwidth),
            Workload::PullBlob => layers::pull(server, scale).map(bandwidth),
            Workload::PushImage => images::push(server, scale).map(rate),
            Workload::GetManifest => images::get_by_tag(server, scale).map(rate),
            Workload::HeadManifest => images::head_by_digest(server, scale).map(rate),
            Workload::GetManifestBasic => images::get_by_tag(server, scale).map(rate),
            Workload::GetManifestBearer => images::get_with_token(server, scale).map(rate),
            Workload::IdleConnections => connections::idle(server, scale).map(plain),
            Workload::SlowPulls => connections::slow(server, scale).map(plain),
            Workload::Catalog => volume::catalog(server, scale).map(rate),
            Workload::TlsPull => {
                layers::pull(server, scale).map(bandwidth).map(|pulled| pulled.beside(ciphers.map(|all| all.aes)))
            }
            Workload::TlsPush => layers::push(server, scale)
                .map(bandwidth)
                .map(|pushed| pushed.beside(ciphers.map(|all| all.aes + all.sha256))),
        }
    }
}

impl Measured {
    fn beside(self, seconds_per_gib: Option<f64>) -> Measured {
        match seconds_per_gib {
            Some(seconds) => Measured { figure: self.figure.beside_ciphers(seconds), ..self },
            None => self,
        }
    }
}

fn plain(figure: Figure) -> Measured {
    Measured { figure, detail: String::new() }
}

fn bandwidth(ran: Ran) -> Measured {
    Measured { figure: Figure::bandwidth(&ran), detail: detail(&ran) }
}

fn rate(ran: Ran) -> Measured {
    Measured { figure: Figure::rate(&ran), detail: detail(&ran) }
}

fn detail(ran: &Ran) -> String {
    format!(
        "{} operations in {}, half within {}, 99 % within {}; CPU: server {}, load {}",
        ran.operations,
        figure::seconds(ran.seconds),
        figure::seconds(ran.latency(0.5).as_secs_f64()),
        figure::seconds(ran.latency(0.99).as_secs_f64()),
        figure::seconds(ran.server_cpu),
        figure::seconds(ran.load_cpu),
    )
}
