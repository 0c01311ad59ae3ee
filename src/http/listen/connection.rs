//! A connection from its first byte to its first request.

use std::sync::Arc;
use std::time::Instant;

use rustls_pki_types::CertificateDer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;

use super::super::tls::{Failure, Terms};
use super::drive::{Version, drive};
use super::first_byte::{Peek, Spoken};
use super::peer::{Peer, PeerAddress};
use super::protocol::Protocols;
use super::service::{Application, Common};
use super::socket::{Stream, tune};
use super::throttle::Throttle;
use super::timing::Timing;
use super::wrong_protocol::{refuse_http, refuse_https};

const TRIED_HTTPS: &str = "a client tried https on this port, which speaks http: if it does not go on with http by \
                           itself, add this registry to the client's insecure-registries (docker: \
                           /etc/docker/daemon.json), or serve https (http.tls)";
const TRIED_HTTP: &str = "a client tried http on this port, which speaks https: it should use https://, and if it \
                          is docker, this registry should not be in its insecure-registries";

/// A listener, as its connections see it.
pub(super) struct Door<A> {
    pub(super) name: Arc<str>,
    pub(super) tls: Option<Arc<Terms>>,
    pub(super) app: A,
    pub(super) protocols: Protocols,
    pub(super) timing: Timing,
    pub(super) throttle: Arc<Throttle<Trouble>>,
}

/// What a client, or the system, may be told about once in a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trouble {
    Https,
    Http,
    Handshake(Failure),
    Accept,
}

impl<A: Application> Door<A> {
    /// Serves a connection until its end. When `stopping`, one that has no request yet ends at once.
    pub(super) async fn serve(&self, stream: Stream, address: PeerAddress, stopping: &CancellationToken) {
        match stream {
            Stream::Tcp(stream) => {
                tune(&stream, self.timing.answer);
                self.serve_stream(stream, address, stopping).await;
            }
            Stream::Unix(stream) => self.serve_stream(stream, address, stopping).await,
        }
    }

    async fn serve_stream<S>(&self, stream: S, address: PeerAddress, stopping: &CancellationToken)
    where
        S: Peek + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        match &self.tls {
            None => {
                let Some(Some(stream)) = stopping.run_until_cancelled(self.plain(stream, address)).await else {
                    return;
                };
                self.requests(stream, Version::Plain, self.peer(address, None), stopping).await;
            }
            // Encryption takes much more memory; a plain connection's task has no room for it.
            Some(terms) => Box::pin(self.serve_encrypted(stream, terms, address, stopping)).await,
        }
    }

    async fn serve_encrypted<S>(&self, stream: S, terms: &Terms, address: PeerAddress, stopping: &CancellationToken)
    where
        S: Peek + AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        // The handshake's part of it is given back.
        let encrypted = Box::pin(self.encrypted(stream, terms, address));
        let Some(Some(stream)) = stopping.run_until_cancelled(encrypted).await else {
            return;
        };
        let session = stream.get_ref().1;
        let version = match session.alpn_protocol() {
            Some(b"h2") => Version::Http2,
            _ => Version::Http1,
        };
        let peer = self.peer(address, session.peer_certificates().and_then(<[_]>::first));
        self.requests(stream, version, peer, stopping).await;
    }

    fn peer(&self, address: PeerAddress, certificate: Option<&CertificateDer<'_>>) -> Arc<Peer> {
        let certificate = certificate.map(|certificate| Arc::new(certificate.clone().into_owned()));
        Arc::new(Peer { address, tls: self.tls.is_some(), listener: Arc::clone(&self.name), certificate })
    }

    async fn requests<S>(&self, stream: S, version: Version, peer: Arc<Peer>, stopping: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let common = Common { app: self.app.clone(), peer, patience: self.timing.body };
        drive(stream, version, &self.protocols, common, self.timing, stopping).await;
    }

    /// A connection to a plain port, when it begins as one.
    async fn plain<S>(&self, stream: S, address: PeerAddress) -> Option<S>
    where
        S: Peek + AsyncRead + AsyncWrite + Unpin,
    {
        match timeout(self.timing.head, stream.spoken()).await.ok()?.ok()? {
            // What is no method is refused by the parser.
            Spoken::Http | Spoken::Other => Some(stream),
            Spoken::Nothing => None,
            Spoken::Tls => {
                self.say(address, Trouble::Https, TRIED_HTTPS);
                Box::pin(refuse_https(stream)).await.ok()?;
                None
            }
        }
    }

    /// A connection to a TLS port, after its handshake.
    async fn encrypted<S>(&self, stream: S, terms: &Terms, address: PeerAddress) -> Option<TlsStream<S>>
    where
        S: Peek + AsyncRead + AsyncWrite + Unpin,
    {
        let greeted = async {
            match stream.spoken().await? {
                Spoken::Tls | Spoken::Other => terms.acceptor().accept(stream).await.map(Some),
                Spoken::Nothing => Ok(None),
                Spoken::Http => {
                    self.say(address, Trouble::Http, TRIED_HTTP);
                    refuse_http(stream).await.map(|()| None)
                }
            }
        };
        match timeout(self.timing.handshake, greeted).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                let failure = Failure::of(&error);
                tracing::debug!(%address, listener = &*self.name, %error, "a TLS handshake failed");
                if let Some(remedy) = failure.remedy(terms.authority().is_some()) {
                    self.say(address, Trouble::Handshake(failure), remedy);
                }
                None
            }
            Err(_) => {
                tracing::debug!(%address, listener = &*self.name, "a TLS handshake took too long");
                None
            }
        }
    }

    fn say(&self, peer: PeerAddress, trouble: Trouble, remedy: &str) {
        if self.throttle.allows(peer.ip(), trouble, Instant::now()) {
            tracing::info!(%peer, listener = &*self.name, "{remedy}");
        }
    }
}
