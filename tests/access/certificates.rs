//! `auth.certificate`: whoever shows a certificate over TLS is the user that it names.

use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use reqwest::{Certificate, Identity};

use crate::guarded::{self, WHOAMI};
use crate::support::Wharf;
use crate::support::client::Client;

/// An authority that signs certificates.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        // Of its own name, or clients would take it for another whose signatures are wrong.
        params.distinguished_name.push(DnType::CommonName, uuid::Uuid::new_v4().to_string());
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Authority { pem, issuer: Issuer::new(params, key) }
    }

    /// A certificate with this common name and this address, and its key.
    fn sign(&self, common_name: Option<&str>, address: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([address.to_owned()]).unwrap();
        params.distinguished_name = rcgen::DistinguishedName::new();
        if let Some(name) = common_name {
            params.distinguished_name.push(DnType::CommonName, name);
        }
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn identity(&self, common_name: Option<&str>) -> Identity {
        let (certificate, key) = self.sign(common_name, "client.test");
        Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap()
    }
}

/// A registry that asks for certificates, and whose it trusts.
struct Registry {
    wharf: Wharf,
    /// Who signed its own certificate.
    servers: Authority,
    /// Whose signature a client's needs.
    clients: Authority,
}

impl Registry {
    /// `auth` is what stands there beside the certificates, `mode` is `http.tls.clientauth`, if it is said.
    fn start(auth: impl Fn(&Path) -> String, mode: &str) -> Registry {
        let (servers, clients) = (Authority::new(), Authority::new());
        let start = Wharf::prepare();
        let (certificate, key) = servers.sign(None, "127.0.0.1");
        let file = |name: &str, content: &str| {
            fs::write(start.volume().join(name), content).unwrap();
            start.volume().join(name).display().to_string()
        };
        let (certificate, key) = (file("server.crt", &certificate), file("server.key", &key));
        let authorities = file("clients.crt", &clients.pem);
        let users = guarded::with_users(&start, 4);
        let tls =
            format!("http: {{tls: {{certificate: {certificate}, key: {key}, clientcas: [{authorities}]{mode}}}}}\n");
        let auth = auth(start.volume()).replace("USERS", &users);
        let wharf = guarded::configured(start, &format!("{tls}{auth}{}", guarded::RULES)).go();
        Registry { wharf, servers, clients }
    }

    fn optional() -> Registry {
        Registry::start(|_| "auth: {certificate: {user: commonname}, USERS}\n".to_owned(), OPTIONAL)
    }

    fn builder(&self) -> reqwest::ClientBuilder {
        reqwest::Client::builder().tls_certs_only([Certificate::from_pem(self.servers.pem.as_bytes()).unwrap()])
    }

    /// A client that shows nothing.
    fn client(&self) -> Client {
        self.wharf.client_of(self.builder())
    }

    /// A client that shows a certificate with this common name.
    fn showing(&self, name: &str) -> Client {
        self.wharf.client_of(self.builder().identity(self.clients.identity(Some(name))))
    }

    /// Whether the server hangs up on whoever shows this, or nothing.
    async fn hangs_up(&self, identity: Option<Identity>) -> bool {
        let builder = match identity {
            Some(identity) => self.builder().identity(identity),
            None => self.builder(),
        };
        builder.no_proxy().build().unwrap().get(self.wharf.at("/v2/")).send().await.is_err()
    }
}

const OPTIONAL: &str = ", clientauth: verify-client-cert-if-given";

#[tokio::test]
async fn whoever_shows_a_certificate_is_the_user_that_it_names_and_may_what_the_rules_say() {
    let registry = Registry::optional();
    let alice = registry.showing("alice");
    alice.get("/v2/").await.is(200);
    alice.repo("team/app").push_image("1", 1).await;
    let who = alice.get(WHOAMI).await.is(200).json();
    assert_eq!(
        (&who["kind"], &who["name"], &who["proved_by"]),
        (&"user".into(), &"alice".into(), &"client certificate".into())
    );
    let carol = registry.showing("carol");
    carol.repo("carol/app").push_image("1", 1).await;
    carol.repo("team/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
    carol.repo("team/app").post_blob("sha256:0", b"").await.refuses(403, "DENIED");
    // A token is issued for it, which opens no more.
    let token = carol.token("repository:carol/app:pull repository:team/app:pull").await;
    let bearer = registry.client().bearer(&token);
    bearer.repo("carol/app").manifest("1").await.is(200);
    bearer.repo("team/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
}

#[tokio::test]
async fn without_a_certificate_there_is_a_challenge_and_a_password_does() {
    let registry = Registry::optional();
    let refused = registry.client().get("/v2/").await.refuses(401, "UNAUTHORIZED");
    let realm = format!("Bearer realm=\"{}{}\",service=\"wharf\"", registry.wharf.url, guarded::TOKEN);
    assert_eq!(refused.challenge(), realm);
    assert!(realm.contains("https://"), "{realm}");
    registry.client().user("alice", "password-of-alice").get("/v2/").await.is(200);
    registry.client().user("alice", "wrong").get("/v2/").await.refuses(401, "UNAUTHORIZED");
}

/// What is said with a request counts before what the connection says: it is the more particular of the two.
#[tokio::test]
async fn credentials_in_a_request_come_before_the_certificate_of_its_connection() {
    let registry = Registry::optional();
    let client = registry.showing("carol");
    let who = client.user("alice", "password-of-alice").get(WHOAMI).await.is(200).json();
    assert_eq!(who["name"], "alice");
    client.user("alice", "wrong").get(WHOAMI).await.refuses(401, "UNAUTHORIZED");
    assert_eq!(client.get(WHOAMI).await.is(200).json()["name"], "carol");
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused() {
    for mode in [OPTIONAL, ""] {
        let registry = Registry::start(|_| "auth: {certificate: {user: commonname}, USERS}\n".to_owned(), mode);
        assert!(registry.hangs_up(Some(Authority::new().identity(Some("alice")))).await);
        assert!(!registry.hangs_up(Some(registry.clients.identity(Some("alice")))).await);
        // The server's own authority is not the clients'.
        assert!(registry.hangs_up(Some(registry.servers.identity(Some("alice")))).await);
    }
}

#[tokio::test]
async fn where_a_certificate_is_required_nobody_gets_in_without_one() {
    let registry = Registry::start(|_| "auth: {certificate: {user: commonname}}\n".to_owned(), "");
    assert!(registry.hangs_up(None).await);
    registry.showing("alice").repo("team/app").push_image("1", 1).await;
    registry.showing("dave").repo("team/app").manifest("1").await.refuses(404, "NAME_UNKNOWN");
}

/// A certificate that is good and names nobody is as none: what everybody may have is served, and no more.
#[tokio::test]
async fn a_certificate_that_names_no_user_is_as_none() {
    let registry = Registry::optional();
    registry.showing("alice").repo("public/app").push_image("1", 1).await;
    for name in [None, Some("group:ops"), Some("a\nb"), Some("")] {
        let client = registry.wharf.client_of(registry.builder().identity(registry.clients.identity(name)));
        client.get("/v2/").await.refuses(401, "UNAUTHORIZED");
        client.repo("public/app").manifest("1").await.is(200);
        client.repo("team/app").manifest("1").await.refuses(401, "UNAUTHORIZED");
    }
}

/// Beside `https`, plain `http` serves too; there is no certificate there, so there is nobody whom it names.
#[tokio::test]
async fn the_second_listener_asks_for_certificates_by_itself() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let start = Wharf::prepare();
    let (certificate, key) = servers.sign(None, "127.0.0.1");
    let file = |name: &str, content: &str| {
        fs::write(start.volume().join(name), content).unwrap();
        start.volume().join(name).display().to_string()
    };
    let (certificate, key) = (file("server.crt", &certificate), file("server.key", &key));
    let authorities = file("clients.crt", &clients.pem);
    let https =
        format!("https: {{addr: '127.0.0.1:0', certificate: {certificate}, key: {key}, clientcas: [{authorities}]}}\n");
    let auth = "auth: {certificate: {user: commonname}}\n";
    let wharf = guarded::configured(start, &format!("{https}{auth}{}", guarded::RULES)).go();
    let secure = loop {
        let output = wharf.output();
        if let Some(url) = output.lines().find_map(|line| line.trim().strip_prefix("listening  https://")) {
            break format!("https://{url}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    };
    let root = Certificate::from_pem(servers.pem.as_bytes()).unwrap();
    let client = reqwest::Client::builder().no_proxy().tls_certs_only([root]);
    let client = client.identity(clients.identity(Some("alice"))).build().unwrap();
    let who: serde_json::Value = client.get(format!("{secure}{WHOAMI}")).send().await.unwrap().json().await.unwrap();
    assert_eq!(who["name"], "alice");
    assert!(wharf.url.starts_with("http://"));
    wharf.client().get("/v2/").await.refuses(401, "UNAUTHORIZED");
}
