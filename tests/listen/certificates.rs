//! Certificates for tests, and clients that trust them.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Client, ClientBuilder, Identity};
use rustls::client::WantsClientCert;
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::raw::Raw;

/// An authority whose certificate and key are at hand.
pub(crate) struct TestAuthority {
    pub(crate) pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key.
pub(crate) struct Pair {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl TestAuthority {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // Of its own name, or clients would take it for another whose signatures are wrong.
        params.distinguished_name.push(DnType::CommonName, uuid::Uuid::new_v4().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    pub(crate) fn sign(&self, name: &str) -> Pair {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Pair { certificate, key: key.serialize_pem() }
    }

    /// Writes a pair for 127.0.0.1 as `server.crt` and `server.key`.
    pub(crate) fn write_pair(&self, directory: &Path) -> Pair {
        let pair = self.sign("127.0.0.1");
        pair.write(directory);
        pair
    }

    /// A client that trusts this authority and no other.
    pub(crate) fn client(&self) -> Client {
        trusting(&self.pem).build().unwrap()
    }

    /// Connections that trust this authority and no other, show a certificate, and resume each other.
    pub(crate) fn showing(&self, pair: &Pair, version: &'static SupportedProtocolVersion) -> TlsConnector {
        let certificate = CertificateDer::from_pem_slice(pair.certificate.as_bytes()).unwrap();
        let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
        let configuration = self.trusted(&[version]).with_client_auth_cert(vec![certificate], key).unwrap();
        TlsConnector::from(Arc::new(configuration))
    }

    fn trusted(&self, versions: &[&'static SupportedProtocolVersion]) -> ConfigBuilder<ClientConfig, WantsClientCert> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
    }
}

impl Pair {
    pub(crate) fn write(&self, directory: &Path) {
        fs::write(directory.join("server.crt"), &self.certificate).unwrap();
        fs::write(directory.join("server.key"), &self.key).unwrap();
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem(format!("{}{}", self.certificate, self.key).as_bytes()).unwrap()
    }
}

/// A client that trusts one authority and no other.
pub(crate) fn trusting(pem: &str) -> ClientBuilder {
    Client::builder().tls_certs_only([Certificate::from_pem(pem.as_bytes()).unwrap()]).tls_info(true)
}

/// An encrypted connection, byte by byte, that offers one protocol.
pub(crate) async fn encrypted(
    authority: &TestAuthority,
    address: SocketAddr,
    protocol: &[u8],
) -> Raw<TlsStream<TcpStream>> {
    let mut configuration = authority.trusted(rustls::ALL_VERSIONS).with_no_client_auth();
    configuration.alpn_protocols = vec![protocol.to_vec()];
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = TlsConnector::from(Arc::new(configuration));
    Raw(connector.connect(address.ip().into(), stream).await.unwrap())
}
