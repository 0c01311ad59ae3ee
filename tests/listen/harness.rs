//! A server under test: started on a port of the system's choice, and stopped in order.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use wharf::http::listen::{BoundListener, Stopped, Timing, bind, serve};
use wharf::http::tls::AuthorityCertificate;
use wharf::http::{Address, Certificate, ClientCertificates, Listener, Settings, Tls, TlsVersion};

use crate::app::{Gate, app};

/// Long enough for anything that happens at all.
pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn plain() -> Listener {
    Listener { address: Address::Tcp("127.0.0.1:0".to_owned()), tls: None }
}

/// A listener with `server.crt` and `server.key` of a directory.
pub(crate) fn files(directory: &Path) -> Listener {
    with_tls(Tls {
        certificate: Certificate::Files {
            certificate: directory.join("server.crt"),
            key: directory.join("server.key"),
        },
        minimum: TlsVersion::Tls12,
        clients: ClientCertificates::NotAsked,
        cipher_suites: None,
    })
}

pub(crate) fn generated(directory: &Path) -> Listener {
    with_tls(Tls {
        certificate: Certificate::Generated {
            names: vec!["registry.example.org".to_owned()],
            directory: directory.to_owned(),
        },
        minimum: TlsVersion::Tls12,
        clients: ClientCertificates::NotAsked,
        cipher_suites: None,
    })
}

pub(crate) fn with_tls(tls: Tls) -> Listener {
    Listener { tls: Some(tls), ..plain() }
}

pub(crate) fn settings(listener: Listener) -> Settings {
    Settings {
        public_path: String::new(),
        public_url: None,
        trusted_proxies: Vec::new(),
        health: None,
        listeners: vec![listener],
        prefix: "/".to_owned(),
        headers: Vec::new(),
        drain_timeout: None,
        http2: true,
        h2c: false,
        debug: None,
    }
}

pub(crate) struct Server {
    pub(crate) addresses: Vec<SocketAddr>,
    pub(crate) authority: Option<Arc<AuthorityCertificate>>,
    pub(crate) gate: Gate,
    stop: Option<oneshot::Sender<()>>,
    served: JoinHandle<Stopped>,
}

impl Server {
    pub(crate) fn start(listener: Listener) -> Self {
        Self::with(settings(listener), Timing::default())
    }

    pub(crate) fn with(settings: Settings, timing: Timing) -> Self {
        let listeners = bind(&settings).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let gate = Gate::new();
        let app = app(gate.clone());
        Self {
            addresses: listeners.iter().filter_map(BoundListener::local_addr).collect(),
            authority: listeners.iter().find_map(BoundListener::authority),
            gate,
            stop: Some(stop),
            served: tokio::spawn(async move {
                let shutdown = async {
                    let _ = stopped.await;
                };
                serve(listeners, app, &settings, timing, shutdown).await.unwrap()
            }),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses[0]
    }

    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.address())
    }

    /// Tells the server to stop, and does not wait.
    pub(crate) fn tell_to_stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }

    /// How the server stopped.
    pub(crate) async fn stopped(self) -> Stopped {
        soon(self.served).await.unwrap()
    }

    pub(crate) async fn stop(mut self) -> Stopped {
        self.tell_to_stop();
        self.stopped().await
    }
}

/// The outcome of something that must happen, and not hang when it does not.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, what).await.expect("it never happened")
}
