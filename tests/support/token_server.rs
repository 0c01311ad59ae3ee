//! A token server as the Docker token specification has it, for `auth.token`: `GET /token` with Basic credentials or none.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use axum::routing::get;
use data_encoding::{BASE32, BASE64, BASE64URL_NOPAD};
use jsonwebtoken::{Algorithm, EncodingKey};
use rcgen::{Certificate, CertificateParams, KeyPair, PublicKeyData as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// How its tokens say which key they are signed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIs {
    /// By its name, as libtrust makes it (`kid`).
    Named,
    /// By its certificate (`x5c`).
    Enclosed,
}

/// Whether somebody may do something: the user, if they have logged in, and the kind, the name and the action of a scope.
pub type May = fn(Option<&str>, &str, &str, &str) -> bool;

/// A token server on a port of its own. It stops when this is dropped.
pub struct TokenServer {
    /// Where clients get tokens.
    pub realm: String,
    /// What its tokens are from.
    pub issuer: &'static str,
    directory: TempDir,
    signer: Arc<Signer>,
    serving: JoinHandle<()>,
}

struct Signer {
    key: KeyPair,
    certificate: Certificate,
    key_is: KeyIs,
    users: Vec<(String, String)>,
    may: May,
}

const ISSUER: &str = "token server of the tests";

impl TokenServer {
    /// Starts one that knows these users and passwords.
    pub async fn start(key_is: KeyIs, users: &[(&str, &str)], may: May) -> TokenServer {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["tokens.test".to_owned()]).unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("bundle.pem"), certificate.pem()).unwrap();
        let users = users.iter().map(|(name, password)| ((*name).to_owned(), (*password).to_owned())).collect();
        let signer = Arc::new(Signer { key, certificate, key_is, users, may });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let realm = format!("http://{}/token", listener.local_addr().unwrap());
        let app = Router::new().route("/token", get(token)).with_state(Arc::clone(&signer));
        let serving = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        TokenServer { realm, issuer: ISSUER, directory, signer, serving }
    }

    /// The name of its key, as libtrust makes it.
    pub fn key_name(&self) -> String {
        libtrust(&self.signer.key.subject_public_key_info())
    }

    /// The public key as PEM.
    pub fn public_key(&self) -> String {
        self.signer.key.public_key_pem()
    }

    /// A token with exactly this header and these claims, signed with its key.
    pub fn sign_as(&self, header: &Value, claims: &Value) -> String {
        signed(&self.signer.key, header, claims)
    }

    /// Its certificate in a file, for `rootcertbundle`.
    pub fn bundle(&self) -> PathBuf {
        self.directory.path().join(Path::new("bundle.pem"))
    }
}

impl Drop for TokenServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Signer {
    /// The user whose credentials these are; nobody, if there are none.
    fn user(&self, authorization: Option<&str>) -> Result<Option<String>, StatusCode> {
        let Some(authorization) = authorization else { return Ok(None) };
        let basic = authorization.strip_prefix("Basic ").and_then(|text| BASE64.decode(text.as_bytes()).ok());
        let basic = basic.and_then(|text| String::from_utf8(text).ok()).ok_or(StatusCode::BAD_REQUEST)?;
        let (name, password) = basic.split_once(':').ok_or(StatusCode::BAD_REQUEST)?;
        let known = self.users.iter().any(|user| (user.0.as_str(), user.1.as_str()) == (name, password));
        if known { Ok(Some(name.to_owned())) } else { Err(StatusCode::UNAUTHORIZED) }
    }

    /// Of what is asked for, what is allowed.
    fn access(&self, user: Option<&str>, scopes: &[String]) -> Vec<Value> {
        let asked = scopes.iter().flat_map(|scope| scope.split(' '));
        let allowed = asked.filter_map(|scope| {
            let (kind, rest) = scope.split_once(':')?;
            let (name, actions) = rest.rsplit_once(':')?;
            let actions: Vec<&str> = actions.split(',').filter(|action| (self.may)(user, kind, name, action)).collect();
            Some(json!({ "type": kind, "name": name, "actions": actions }))
        });
        allowed.collect()
    }

    fn sign(&self, claims: &Value) -> String {
        let mut header = json!({ "typ": "JWT", "alg": "ES256" });
        match self.key_is {
            KeyIs::Named => header["kid"] = json!(libtrust(&self.key.subject_public_key_info())),
            KeyIs::Enclosed => header["x5c"] = json!([BASE64.encode(self.certificate.der())]),
        }
        signed(&self.key, &header, claims)
    }
}

/// A token that a key signs, whatever its header says.
pub fn signed(key: &KeyPair, header: &Value, claims: &Value) -> String {
    let base64 = |value: &Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let message = format!("{}.{}", base64(header), base64(claims));
    let key = EncodingKey::from_ec_der(key.serialized_der());
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::ES256).unwrap();
    format!("{message}.{signature}")
}

/// The first 240 bits of the key's SHA-256 in base32, in groups of four.
fn libtrust(der: &[u8]) -> String {
    let name = BASE32.encode(&Sha256::digest(der)[..30]);
    name.as_bytes().chunks(4).map(|group| std::str::from_utf8(group).unwrap()).collect::<Vec<_>>().join(":")
}

async fn token(State(signer): State<Arc<Signer>>, request: Request) -> Response<Body> {
    let authorization = request.headers().get("authorization").map(|value| value.to_str().unwrap());
    let user = match signer.user(authorization) {
        Ok(user) => user,
        Err(status) => return Response::builder().status(status).body(Body::empty()).unwrap(),
    };
    let query = request.uri().query().unwrap_or_default();
    let asked: Vec<_> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let all = |wanted: &str| -> Vec<String> {
        asked.iter().filter(|(name, _)| name == wanted).map(|(_, value)| value.clone()).collect()
    };
    let now = OffsetDateTime::now_utc();
    let claims = json!({
        "iss": ISSUER,
        "sub": user.clone().unwrap_or_default(),
        "aud": all("service").first(),
        "exp": now.unix_timestamp() + 300,
        "nbf": now.unix_timestamp() - 10,
        "iat": now.unix_timestamp(),
        "jti": "1",
        "access": signer.access(user.as_deref(), &all("scope")),
    });
    let token = signer.sign(&claims);
    let answer = json!({
        "token": token,
        "access_token": token,
        "expires_in": 300,
        "issued_at": now.format(&Rfc3339).unwrap(),
    });
    Response::builder().header("content-type", "application/json").body(answer.to_string().into()).unwrap()
}
